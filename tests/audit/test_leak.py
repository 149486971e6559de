"""A planted leak is found; honest data, however easy, are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from audit.examples import clean_table, subject_of
from gengap.audit import audit
from gengap.audit.checks import leak

RNG_SEED = 11


def leaks(table: pd.DataFrame, target: str = "y", **changes: object) -> str:
    """Return the message of the leak finding, or nothing."""
    return " ".join(leak.CHECK.run(subject_of(table, target, **changes)))


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "wine", "digits", "diabetes"])
def test_honest_data_are_left_alone(name: str) -> None:
    assert not leaks(getattr(datasets, f"load_{name}")(as_frame=True).frame, "target")


def test_columns_of_noise_are_left_alone() -> None:
    """Fifty columns and few rows: the best of them still tells little."""
    rng = np.random.default_rng(RNG_SEED)
    table = pd.DataFrame(rng.normal(size=(40, 50))).rename(columns="c{}".format)
    assert not leaks(table.assign(y=["a", "b"] * 20))
    assert not leaks(table.assign(y=rng.normal(size=40)))


def _flipped(labels: pd.Series, share: float) -> pd.Series:
    wrong = np.random.default_rng(RNG_SEED).random(len(labels)) < share
    return labels.where(~wrong, labels.map({"yes": "no", "no": "yes"}))


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_a_copy_of_the_classes_is_found(share: float) -> None:
    table = clean_table(600)
    labels = _flipped(table["y"], share)
    rng = np.random.default_rng(RNG_SEED)
    for column in (
        labels,
        labels.map({"yes": 7, "no": 3}),
        labels.map({"yes": 1.0, "no": np.nan}),
        labels + "-" + pd.Series(rng.integers(0, 10, 600).astype(str)),
        (labels == "yes") + rng.normal(0, 0.05, 600),
    ):
        assert "'leak'" in leaks(table.assign(leak=column))


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_function_of_the_number_is_found(noise: float) -> None:
    table = clean_table(600, regression=True)
    copied = table["y"] + np.random.default_rng(RNG_SEED).normal(0, noise * table["y"].std(), 600)
    for column in (copied, -3 * copied, np.exp(3 * copied), (20 * copied).round()):
        assert "'leak'" in leaks(table.assign(leak=column))


def test_a_skewed_target_hides_no_leak() -> None:
    table = clean_table(600, regression=True)
    table["y"] = np.exp(4 * table["y"])
    assert "'leak'" in leaks(table.assign(leak=2 * table["y"]))


def test_a_rare_class_hides_no_leak() -> None:
    table = pd.concat([clean_table(9000), clean_table(9000)], ignore_index=True)
    rng = np.random.default_rng(RNG_SEED)
    table = table.assign(width=rng.normal(size=18000), y="common")
    table.loc[::600, "y"] = "rare"
    assert not leaks(table)
    assert "'leak'" in leaks(table.assign(leak=(table["y"] == "rare") * 1.0))


def test_twenty_classes_can_leak() -> None:
    rng = np.random.default_rng(RNG_SEED)
    table = pd.DataFrame({"noise": rng.normal(size=800), "y": rng.integers(0, 20, 800)})
    place = rng.permutation(20)[table["y"]] + rng.uniform(0, 0.5, 800)
    assert "'leak'" in leaks(table.assign(leak=place), task="classification")


def test_rows_sorted_by_class_leak_through_their_number() -> None:
    table = clean_table().sort_values("y").assign(row=range(400))
    codes = [finding.code for finding in audit(subject_of(table))]
    assert codes == ["id-like-columns", "leak"]


def test_rows_that_repeat_teach_no_category_by_heart() -> None:
    """Every row three times: a level that names the row predicts it only through its copies."""
    table = clean_table(100).assign(name=[f"n{k}" for k in range(100)])
    assert not leaks(pd.concat([table] * 3, ignore_index=True))


def test_the_column_and_its_score_are_named() -> None:
    table = clean_table()
    message = leaks(table.assign(**{"the answer": table["y"]}))
    assert "1 column alone predicts the target 'y' almost perfectly" in message
    assert "'the answer' (100 %)" in message
