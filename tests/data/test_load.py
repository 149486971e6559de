"""From a source to a Dataset."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from gengap.data.load import load
from gengap.errors import UserError


def table(rows=12, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(size=rows).round(3),
            "color": rng.choice(["red", "green", "NA"], rows),
            "patient": np.arange(rows) // 2,
            "weight": rng.uniform(1, 2, rows).round(3),
            "label": np.where(np.arange(rows) % 2 == 0, "good", "bad"),
        }
    )


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "clinic.csv"
    table().to_csv(path, index=False)
    return path


SKLEARN = {
    "breast_cancer": ("classification", ("benign", "malignant"), (569, 30), "diagnosis"),
    "diabetes": ("regression", (), (442, 10), "progression"),
    "digits": ("classification", tuple("0123456789"), (1797, 64), "digit"),
    "iris": ("classification", ("setosa", "versicolor", "virginica"), (150, 4), "species"),
    "wine": ("classification", ("class_0", "class_1", "class_2"), (178, 13), "cultivar"),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_the_sets_that_scikit_learn_brings(name):
    task, classes, shape, target = SKLEARN[name]
    dataset = load(f"sklearn:{name}")
    assert (dataset.task, dataset.classes, dataset.target_name) == (task, classes, target)
    assert dataset.rows.features.shape == shape
    assert dataset.name == name
    assert dataset.source == f"sklearn:{name}"


def test_the_own_target_of_a_set_is_a_feature_only_with_a_note():
    assert load("sklearn:wine", target="cultivar").notes == load("sklearn:wine").notes == ()
    dataset = load("sklearn:wine", target="hue")
    assert dataset.notes[0] == (
        "the target that sklearn:wine comes with, 'cultivar', is a feature here"
    )
    assert "cultivar" in dataset.rows.features


def test_class_names_stay_with_their_rows():
    bunch = load_breast_cancer()
    dataset = load("sklearn:breast_cancer")
    names = np.array(dataset.classes)[dataset.rows.target]
    assert (names == bunch.target_names[bunch.target]).all()


def test_an_unknown_set_is_answered_with_a_suggestion():
    with pytest.raises(UserError) as caught:
        load("sklearn:breast-cancer")
    assert caught.value.code == "unknown-dataset"
    assert "did you mean 'breast_cancer'" in caught.value.hint


def test_an_unknown_source_is_refused():
    with pytest.raises(UserError) as caught:
        load("openml:31", target="y")
    assert caught.value.code == "unknown-source"


def test_a_table_needs_its_target_named(csv):
    with pytest.raises(UserError, match=r"which of the 5 columns of clinic.csv") as caught:
        load(csv)
    assert caught.value.code == "target-not-given"
    assert "size, color, patient, weight, label" in caught.value.hint


@pytest.mark.parametrize("role", ["target", "groups", "weight"])
def test_an_unknown_column_is_answered_with_a_suggestion(csv, role):
    options = {"target": "label"} | {role: "colour"}
    with pytest.raises(
        UserError, match=rf"no column 'colour' in clinic.csv \(given as {role}\)"
    ) as caught:
        load(csv, **options)
    assert caught.value.code == "unknown-column"
    assert "did you mean 'color'" in caught.value.hint


def test_one_column_cannot_play_two_roles(csv):
    with pytest.raises(UserError) as caught:
        load(csv, target="label", groups="label")
    assert caught.value.code == "column-used-twice"


def test_groups_and_weights_are_no_features(csv):
    dataset = load(csv, target="label", groups="patient", weight="weight")
    assert [column.name for column in dataset.columns] == ["size", "color"]
    assert dataset.rows.groups.tolist() == (np.arange(12) // 2).tolist()
    np.testing.assert_array_equal(dataset.rows.weights, table()["weight"])
    assert dataset.columns[1].levels == ("green", "red")


@pytest.mark.parametrize("weights", [["1", "x"], [1.0, -1.0], [1.0, None], [0.0, 0.0]])
def test_unusable_weights_are_refused(weights):
    frame = pd.DataFrame({"a": [1, 2], "w": weights, "y": ["u", "v"]})
    with pytest.raises(UserError) as caught:
        load(frame, target="y", weight="w")
    assert caught.value.code == "unusable-weights"


def test_rows_without_a_group_are_refused():
    frame = pd.DataFrame({"a": [1, 2], "g": ["p", None], "y": ["u", "v"]})
    with pytest.raises(UserError, match="row 2") as caught:
        load(frame, target="y", groups="g")
    assert caught.value.code == "missing-groups"


def test_rows_without_a_target_are_left_out_everywhere():
    frame = table().assign(label=["good", None] * 6)
    dataset = load(frame, target="label", groups="patient", weight="weight")
    assert len(dataset.rows) == 6
    assert len(dataset.rows.features) == len(dataset.rows.groups) == len(dataset.rows.weights) == 6
    assert dataset.rows.features["size"].tolist() == frame["size"].tolist()[::2]
    assert "6 of 12 rows" in dataset.notes[0]


@pytest.mark.parametrize("label", [np.nan, 0.0])
def test_labels_that_were_coerced_to_numbers_reach_the_audit(tmp_path, label):
    path = tmp_path / "coerced.csv"
    table().assign(label=label).to_csv(path, index=False)
    dataset = load(path, target="label")
    assert dataset.task == "classification"
    assert len(dataset.classes) <= 1
    assert len(dataset.rows) == (0 if np.isnan(label) else 12)
    assert dataset.fingerprint


def test_a_table_in_memory_is_the_same_dataset(csv):
    from_file, from_memory = load(csv, target="label"), load(table(), target="label")
    assert from_file.fingerprint == from_memory.fingerprint
    assert from_memory.name == "table"


def test_a_test_part_is_read_like_the_rows(csv, tmp_path):
    path = tmp_path / "later.csv"
    later = table(6, seed=1).assign(color=["blue", "red", "", "red", "red", "red"])
    later["extra"] = 1
    later.drop(columns=["weight", "patient"])[["label", "color", "extra", "size"]].to_csv(
        path, index=False
    )
    dataset = load(csv, target="label", groups="patient", weight="weight", test=path)
    assert dataset.test.features.columns.tolist() == ["size", "color"]
    assert dataset.test.features["color"].tolist() == ["blue", "red", None, "red", "red", "red"]
    assert dataset.test.target.tolist() == [1, 0] * 3
    assert dataset.test.groups is None
    assert any("'blue'" in note for note in dataset.notes)


def test_levels_that_look_like_numbers_are_read_as_they_are_written(tmp_path):
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("code,y\n01,u\nA,v\n")
    test.write_text("code,y\n01,u\n01,v\n")
    assert load(train, target="y", test=test).test.features["code"].tolist() == ["01", "01"]


def test_groups_in_both_parts_are_noted(csv, tmp_path):
    path = tmp_path / "later.csv"
    table(4).assign(patient=[0, 0, 99, 99]).to_csv(path, index=False)
    dataset = load(csv, target="label", groups="patient", test=path)
    assert dataset.test.groups.tolist() == [0, 0, 6, 6]
    assert any(note.endswith("training rows: 1") for note in dataset.notes)


def test_a_test_part_without_a_column_is_refused(csv, tmp_path):
    path = tmp_path / "later.csv"
    table().drop(columns="color").to_csv(path, index=False)
    with pytest.raises(
        UserError, match="lacks 1 of the training data's columns: 'color'"
    ) as caught:
        load(csv, target="label", test=path)
    assert caught.value.code == "missing-columns"


def test_a_test_part_without_the_target_is_refused(csv, tmp_path):
    path = tmp_path / "later.csv"
    table().drop(columns="label").to_csv(path, index=False)
    with pytest.raises(UserError, match=r"no column 'label' in the test part later.csv"):
        load(csv, target="label", test=path)


def test_a_test_part_of_which_no_row_has_a_target_is_refused(csv, tmp_path):
    path = tmp_path / "later.csv"
    table().assign(label="").to_csv(path, index=False)
    with pytest.raises(UserError) as caught:
        load(csv, target="label", test=path)
    assert caught.value.code == "empty-test-part"


def test_a_test_part_with_another_kind_of_value_is_refused(csv, tmp_path):
    path = tmp_path / "later.csv"
    table().assign(size="big").to_csv(path, index=False)
    with pytest.raises(UserError, match="column 'size' holds 'big' in row 1") as caught:
        load(csv, target="label", test=path)
    assert caught.value.code == "ill-typed-column"


def test_an_archive_is_no_test_part_of_a_table(csv, tmp_path):
    path = tmp_path / "later.npz"
    np.savez(path, x=np.ones((2, 2)), y=[0, 1])
    with pytest.raises(UserError) as caught:
        load(csv, target="label", test=path)
    assert caught.value.code == "not-a-table"
