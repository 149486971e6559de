"""Wrong arguments in Python end as wrong words do: one error with a hint, before any training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import gengap
from gengap.errors import UserError
from gengap.recipe import Recipe
from gengap.settings import check_folds

X, Y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2


def frame() -> pd.DataFrame:
    """Return a table whose columns are numbered from 0, the last of them the classes."""
    return pd.DataFrame(X).assign(last=Y).rename(columns={"last": 3})


def planned(*data: Any, **settings: Any) -> gengap.Study:
    settings = {"techniques": "l2=0.1", "folds": 2, "epochs": 1, "dry_run": True, **settings}
    return gengap.compare(*data, **settings)


WRONG: dict[str, tuple[Any, ...]] = {
    "folds": (1, 2.0, True, "5", None, [5]),
    "repeats": (0,),
    "epochs": (0, 1.5, True),
    "batch_size": (0,),
    "seed": (-1, None),
    "learning_rate": (0, -0.1, "fast", True, np.nan, [0.1]),
    "rope": (-0.01, "small", np.inf),
    "budget": (0, "60s"),
    "metric": (5, ["accuracy"]),
    "duplicates": (5, True),
    "class_weight": (5, {0: 1, 1: 2}, [1, 2]),
    "target": (["a"], True),
    "weight": (["a"],),
    "out": (5, ["run"]),
    "allow": (5, [5], {"leak": 1, 2: 3}),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_setting_is_refused_with_its_name(name: str, value: Any) -> None:
    with pytest.raises(UserError, match="--" + name.replace("_", "-")) as caught:
        planned(X, Y, **{name: value})
    assert caught.value.code == "bad-setting"
    assert caught.value.hint


def test_weights_by_class_have_a_way_out() -> None:
    with pytest.raises(UserError, match=r"(?s)class_weight='balanced'.*sample_weight="):
        planned(X, Y, class_weight={0: 1.0, 1: 2.0})


@pytest.mark.parametrize("techniques", [5, [5], ["l2", None], b"l2"])
def test_candidates_are_words_or_recipes(techniques: Any) -> None:
    with pytest.raises(UserError, match="must be words or a Recipe") as caught:
        planned(X, Y, techniques=techniques)
    assert caught.value.code == "bad-recipe"


@pytest.mark.parametrize("techniques", ["l2=0.1", Recipe.parse("l2=0.1"), iter(["l2=0.1"])])
def test_one_candidate_may_come_alone(techniques: Any) -> None:
    candidates = planned(X, Y, techniques=techniques).plan.candidates
    assert [candidate.name for candidate in candidates] == ["baseline", "l2=0.1"]


@pytest.mark.parametrize("test", [5, X, "rows.csv"])
def test_a_test_part_beside_arrays_is_a_pair(test: Any) -> None:
    with pytest.raises(UserError, match=r"pass test=\(x_test, y_test\)"):
        planned(X, Y, test=test)


def test_a_test_part_beside_a_table_is_a_table() -> None:
    with pytest.raises(UserError, match="must be a table or a file"):
        planned(frame(), target=3, test=5)


@pytest.mark.parametrize("given", [{"groups": 5}, {"groups": "site"}, {"sample_weight": 5}])
def test_a_single_value_is_no_entry_a_row(given: Any) -> None:
    with pytest.raises(UserError, match="expected one entry a row") as caught:
        planned(X, Y, **given)
    assert caught.value.code == "length-mismatch"


def test_numbers_name_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.pace.slowness", lambda devices: 1.0)
    table = frame().assign(site=np.arange(60) // 3, weight=1.0)
    table = table.rename(columns={"site": 4, "weight": 5})
    by_number = planned(table, target=3, groups=4, weight=np.int64(5))
    by_name = planned(table.rename(columns=str), target="3", groups="4", weight="5")
    assert by_number.plan.describe() == by_name.plan.describe()
    planned(table.drop(columns=3), Y, groups=4)
    with pytest.raises(UserError, match="no column '9'"):
        planned(table, target=9)


def test_numbers_of_numpy_are_numbers() -> None:
    settings = {"folds": np.int64(2), "epochs": np.int8(1), "repeats": np.uint8(1)}
    settings |= {"batch_size": np.array(16), "seed": np.int32(3)}
    rates = {"learning_rate": np.float32(0.01), "rope": np.float32(0.5), "budget": np.float64(1e6)}
    study = gengap.compare(X, Y, "mlp:2", "l2=0.1", **settings, **rates)
    protocol = study.results.protocol
    assert [type(protocol.seed), type(protocol.folds), type(protocol.rope)] == [int, int, float]
    assert (protocol.seed, protocol.batch_size, protocol.rope) == (3, 16, 0.5)
    assert "seed=3" in protocol.command
    study.results.to_json()


def test_one_code_may_be_allowed_alone() -> None:
    study = planned(X, np.zeros(60), task="classification", allow="one-class-target")
    assert study.plan.trials == 4
    with pytest.raises(UserError, match="no finding is called 'one-clas'"):
        planned(X, Y, allow="one-clas")


def test_folds_are_checked_alone_too() -> None:
    with pytest.raises(UserError, match="--folds must be at least 2"):
        check_folds(1)
