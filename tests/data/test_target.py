"""The target: task, classes, and rows that have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gengap.data.target import check_task, read_target, read_test_target
from gengap.errors import UserError


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["good", "bad", "good"], "classification", ("bad", "good")),
        ([True, False], "classification", ("False", "True")),
        (["yes", "no"], "classification", ("no", "yes")),
        ([0, 1, 1], "classification", ("0", "1")),
        ([10.0, 9.0], "classification", ("9", "10")),
        (["10", "9", "9.0"], "classification", ("9", "10")),
        (list(range(20)), "classification", tuple(map(str, range(20)))),
        (list(range(21)), "regression", ()),
        ([1.5, 1.0], "regression", ()),
        (["1.5", "2"], "regression", ()),
        (pd.Categorical([1.5, 2.5]), "classification", ("1.5", "2.5")),
        (
            pd.Categorical(["b", "a"], categories=["b", "c", "a"], ordered=True),
            "classification",
            ("b", "a"),
        ),
        (["01", "1"], "classification", ("1",)),
    ],
)
def test_the_task_is_found(values, task, classes):
    target = read_target("y", pd.Series(values))
    assert target.task == task
    assert target.classes == classes
    if task == "classification":
        assert target.values.dtype == np.int64


def test_codes_follow_the_order_of_the_classes():
    assert read_target("y", pd.Series([10, 2, 10])).values.tolist() == [1, 0, 1]
    ordered = pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True)
    assert read_target("y", pd.Series(ordered)).values.tolist() == [0, 1]


@pytest.mark.parametrize("values", [[0, 1], ["3", "4"], list(range(30))])
def test_whole_numbers_come_with_a_note_that_names_the_option(values):
    (note,) = read_target("y", pd.Series(values)).notes
    assert "--task" in note


@pytest.mark.parametrize("values", [["a", "b"], [0.5, 1.0], [True, False]])
def test_clear_targets_come_without_a_note(values):
    assert read_target("y", pd.Series(values)).notes == ()


def test_what_the_user_says_goes_before_what_is_found():
    many = read_target("y", pd.Series(np.arange(30) / 2), task="classification")
    assert many.classes[:3] == ("0", "0.5", "1")
    assert many.notes == ()
    few = read_target("y", pd.Series([0, 1]), task="regression")
    assert few.values.dtype == np.float64
    assert few.notes == ()


def test_rows_without_a_target_are_left_out_and_counted():
    target = read_target("y", pd.Series(["a", "?", None, "b"]))
    assert target.known.tolist() == [True, False, False, True]
    assert target.values.tolist() == [0, 1]
    assert "2 of 4 rows" in target.notes[0]
    assert "('?' means no value)" in target.notes[0]


@pytest.mark.parametrize("values", [[None, None], [np.nan, np.nan], ["", "NA"]])
@pytest.mark.parametrize("task", [None, "classification", "regression"])
def test_a_target_without_any_value_is_left_to_the_audit(values, task):
    target = read_target("y", pd.Series(values), task=task)
    assert target.values.size == 0
    assert target.classes == ()
    assert not target.known.any()


@pytest.mark.parametrize(("values", "name"), [(["good"] * 3, "good"), ([1.0] * 3, "1")])
def test_a_target_of_one_class_is_left_to_the_audit(values, name):
    assert read_target("y", pd.Series(values)).classes == (name,)


@pytest.mark.parametrize("values", [["good", "bad"], [True, False]])
def test_words_are_no_regression_target(values):
    with pytest.raises(UserError, match="target 'y' holds words") as caught:
        read_target("y", pd.Series(values), task="regression")
    assert caught.value.code == "words-as-regression-target"
    assert "--task classification" in caught.value.hint


@pytest.mark.parametrize("values", [[1.5, np.inf], ["1.5", "-inf"]])
def test_infinite_targets_are_refused(values):
    with pytest.raises(UserError, match="target 'y' has 1 infinite value") as caught:
        read_target("y", pd.Series(values))
    assert caught.value.code == "infinite-values"


def test_an_unknown_task_is_refused_with_a_suggestion():
    with pytest.raises(UserError) as caught:
        check_task("classificaton")
    assert caught.value.code == "unknown-task"
    assert "did you mean 'classification'" in caught.value.hint


def test_a_test_part_is_coded_like_the_rows():
    target = read_target("y", pd.Series(["3", "10", "4"]))
    known, values = read_test_target(target, pd.Series([10.0, np.nan, 3.0]))
    assert known.tolist() == [True, False, True]
    assert values.tolist() == [2, 0]


def test_a_test_part_of_numbers_is_read_as_numbers():
    target = read_target("y", pd.Series([1.5, 2.5]))
    assert read_test_target(target, pd.Series([3, 4]))[1].tolist() == [3.0, 4.0]


def test_a_class_that_no_training_row_has_is_refused():
    target = read_target("y", pd.Series(["good", "bad"]))
    with pytest.raises(UserError, match="'god'") as caught:
        read_test_target(target, pd.Series(["good", "god"]))
    assert caught.value.code == "unknown-class"
    assert "did you mean 'good'" in caught.value.hint
