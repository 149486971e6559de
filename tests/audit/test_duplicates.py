"""Equal rows: found, told from chance, grouped or dropped."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.examples import EXAMPLES, clean_table, tensors
from gengap.audit import (
    audit,
    copies_policy,
    drop_copies,
    duplicates,
    equal_rows,
    find_copies,
    group_copies,
)
from gengap.audit.duplicates import joint_groups
from gengap.audit.equal_rows import feature_codes
from gengap.data.dataset import Column, Dataset
from gengap.data.load import load
from gengap.errors import UserError
from gengap.reading import settle_copies


def with_copies(**changes: object) -> Dataset:
    """Return 430 rows: 400 distinct ones, 25 copies, and 5 with another row's features."""
    table = clean_table()
    same, flipped = table.head(25), table.tail(5)
    flipped = flipped.assign(y=flipped["y"].map({"yes": "no", "no": "yes"}))
    return load(pd.concat([table, same, flipped], ignore_index=True).assign(**changes), target="y")


def test_copies_are_counted() -> None:
    copies = find_copies(with_copies())
    assert (copies.rows, copies.extra, copies.alike) == (430, 25, 30)
    assert copies.continuous == ("width", "height")
    assert copies.first.tolist() == [*range(400), *range(425, 430)]


def test_a_number_given_afterwards_hides_no_copy() -> None:
    copies = find_copies(with_copies(row=range(430)))
    assert copies.extra == 25


def test_missing_equals_missing_and_zero_equals_zero() -> None:
    frame = pd.DataFrame({"a": [np.nan, np.nan, 0.0, -0.0], "b": [None, None, "x", "x"]})
    columns = (Column("a", "numeric"), Column("b", "categorical", ("x",)))
    assert feature_codes(frame, columns).tolist() == [0, 0, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None])), max_size=30))
def test_codes_are_equal_where_rows_are(rows: list[tuple[int, str | None]]) -> None:
    frame = pd.DataFrame(
        {
            "a": np.array([a for a, _ in rows], np.float64),
            "b": pd.Series([b for _, b in rows], dtype=object),
        }
    )
    columns = (Column("a", "numeric"), Column("b", "categorical", ("a", "b")))
    codes = feature_codes(frame, columns)
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            assert (codes[i] == codes[j]) == (one == other)


def kinds_of_rows(rows: int) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """A table of few different rows, some cells missing, and the columns that it has."""
    rng = np.random.default_rng(rows)
    frame = pd.DataFrame(
        {
            "a": rng.choice([0.5, -0.0, 0.0, np.nan], rows),
            "b": pd.Series(rng.choice(np.array(["x", "y", None], object), rows), dtype=object),
        }
    )
    return frame, (Column("a", "numeric"), Column("b", "categorical", ("x", "y")))


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_rows_of_one_hash_are_equal_only_where_their_cells_are(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    frame, columns = kinds_of_rows(200)
    expected = feature_codes(frame, columns)
    assert len(np.unique(expected)) == 9
    whole = equal_rows.hash_array
    # Of so many bits, so that different rows have the same hash.
    monkeypatch.setattr(
        equal_rows, "hash_array", lambda cells: whole(cells) & np.uint64(2**kept - 1)
    )
    assert feature_codes(frame, columns).tolist() == expected.tolist()


def test_tensors_of_one_hash_are_equal_only_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tensor = np.random.default_rng(0).integers(0, 2, (60, 2, 2)).astype(np.float32)
    expected = feature_codes(tensor, ())
    assert 2 < len(np.unique(expected)) <= 16
    monkeypatch.setattr(equal_rows, "hash", lambda row: 7, raising=False)
    assert feature_codes(tensor, ()).tolist() == expected.tolist()


def test_codes_go_by_first_appearance() -> None:
    frame, columns = kinds_of_rows(200)
    codes = feature_codes(frame, columns)
    assert codes[0] == 0
    assert pd.unique(codes).tolist() == list(range(9))


def test_finding_equal_rows_holds_a_few_lines_of_the_table() -> None:
    rows, width = 20_000, 40
    rng = np.random.default_rng(0)
    names = [f"c{place}" for place in range(width)]
    frame = pd.DataFrame(rng.normal(size=(rows, width)), columns=names)
    columns = tuple(Column(name, "numeric") for name in names)
    tracemalloc.start()
    codes = feature_codes(frame, columns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes.tolist() == list(range(rows))
    # A column in 64 bits is a line. Beside the hashes: a column's own, with what they are made of;
    # then their order, and who has which. A code a cell would be 40 lines.
    assert peak < 12 * rows * 8


def test_what_was_found_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dataclasses.replace(with_copies(), fingerprint="f")
    copies = find_copies(dataset)
    expected = [settle_copies(dataset, choice) for choice in ("group", "drop", "keep", None)]

    def again(_: Dataset) -> None:
        raise AssertionError("equal rows were looked for again")

    monkeypatch.setattr(duplicates, "find_copies", again)
    for choice, settled in zip(("group", "drop", "keep", None), expected, strict=True):
        found = settle_copies(dataset, choice, copies=copies)
        assert found.fingerprint == settled.fingerprint
        assert len(found.rows) == len(settled.rows)
        np.testing.assert_array_equal(found.rows.groups, settled.rows.groups)


def test_what_is_done_with_equal_rows() -> None:
    continuous, discrete = with_copies(), EXAMPLES["repeated-rows"]().dataset
    assert copies_policy(continuous) == "group"
    assert copies_policy(discrete) == "keep"
    assert copies_policy(load(clean_table(), target="y")) == "keep"
    for choice in ("group", "keep", "drop"):
        assert copies_policy(continuous, choice) == choice
        assert copies_policy(discrete, choice) == choice
    with pytest.raises(UserError) as raised:
        copies_policy(continuous, "dorp")
    assert "did you mean 'drop'?" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("choice", "words"),
    [(None, "kept on one side"), ("keep", "left as they are, as asked"), ("drop", "dropped")],
)
def test_the_finding_says_what_is_done(choice: str | None, words: str) -> None:
    table = with_copies()
    subject = dataclasses.replace(EXAMPLES["copies"](), dataset=table, duplicates=choice)
    found = {finding.code: finding for finding in audit(subject)}
    assert found["copies"].severity == "warn"
    assert "25 of 430 rows are copies of another row (405 are distinct)" in found["copies"].message
    assert words in found["copies"].message


def test_in_a_discrete_table_equal_rows_are_no_more_than_a_note() -> None:
    found = {finding.code: finding for finding in audit(EXAMPLES["repeated-rows"]())}
    assert found["repeated-rows"].severity == "note"
    assert "391 of 400 rows (97.8 %) repeat another row" in found["repeated-rows"].message
    assert "copies" not in found


def test_dropping_keeps_the_first_of_each() -> None:
    dataset = dataclasses.replace(with_copies(), fingerprint="f")
    dropped = drop_copies(dataset)
    assert len(dropped.rows) == 405
    assert find_copies(dropped).extra == 0
    pd.testing.assert_frame_equal(dropped.rows.features.head(400), dataset.rows.features.head(400))
    assert dropped.rows.target[:400].tolist() == dataset.rows.target[:400].tolist()
    assert dropped.fingerprint != dataset.fingerprint
    clean = load(clean_table(), target="y")
    assert drop_copies(clean) is clean


def test_dropping_takes_weights_groups_and_counts_of_missing_along() -> None:
    table = clean_table(50)
    table.loc[0, "height"] = np.nan
    doubled = pd.concat([table, table], ignore_index=True)
    doubled = doubled.assign(w=np.arange(100) + 1, g=np.arange(100) % 7)
    dataset = load(doubled, target="y", weight="w", groups="g")
    assert {c.name: c.missing for c in dataset.columns}["height"] == 2
    dropped = drop_copies(dataset)
    assert dropped.rows.weights.tolist() == list(range(1, 51))
    assert dropped.rows.groups.tolist() == [k % 7 for k in range(50)]
    assert {c.name: c.missing for c in dropped.columns}["height"] == 1


def test_grouping_keeps_equal_features_together() -> None:
    dataset = with_copies()
    groups = group_copies(dataset).rows.groups
    assert len(np.unique(groups)) == 400
    assert (groups[:25] == groups[400:425]).all()
    assert (groups[395:400] == groups[425:430]).all()


def test_grouping_joins_the_groups_that_were_there() -> None:
    table = clean_table(6).iloc[[0, 1, 2, 3, 4, 5, 0]]
    table = table.assign(g=["a", "a", "b", "b", "c", "c", "c"])
    groups = group_copies(load(table, target="y", groups="g")).rows.groups
    assert len(np.unique(groups)) == 2
    assert len(np.unique(groups[[0, 1, 4, 5, 6]])) == 1


def test_tensors_have_copies_too() -> None:
    dataset = tensors(20)
    rows = dataset.rows
    again = np.r_[np.arange(20), [3, 3, 7]]
    part = dataclasses.replace(rows, features=rows.features[again], target=rows.target[again])
    dataset = dataclasses.replace(dataset, rows=part)
    assert find_copies(dataset).extra == 3
    assert copies_policy(dataset) == "group"
    assert drop_copies(dataset).rows.features.shape == (20, 4, 4, 1)
    assert len(np.unique(group_copies(dataset).rows.groups)) == 20


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=25))
def test_joint_groups_are_the_connected_ones(pairs: list[tuple[int, int]]) -> None:
    first, second = (
        (np.array(codes, np.int64) for codes in zip(*pairs, strict=True))
        if pairs
        else (
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
        )
    )
    joined = joint_groups(first, second)
    label = list(range(len(pairs)))
    for _ in pairs:
        for i, one in enumerate(pairs):
            for j, other in enumerate(pairs):
                if one[0] == other[0] or one[1] == other[1]:
                    label[i] = label[j] = min(label[i], label[j])
    for i in range(len(pairs)):
        for j in range(len(pairs)):
            assert (joined[i] == joined[j]) == (label[i] == label[j])
