"""Folds: disjoint, complete, stratified, groups on one side, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gengap.errors import UserError
from gengap.splits import make_splits

PARTS = ("training", "validation", "test")
SEEDS = st.integers(0, 2**32)


def check_partition(splits, rows, folds, repeats):
    assert len(splits) == folds * repeats
    for repeat in range(repeats):
        of_repeat = [split for split in splits if split.repeat == repeat]
        assert [split.fold for split in of_repeat] == list(range(folds))
        tested = np.concatenate([split.test for split in of_repeat])
        assert sorted(tested) == list(range(rows))
    for split in splits:
        parts = [getattr(split, part) for part in PARTS]
        assert all(len(part) for part in parts)
        assert all((np.diff(part) > 0).all() for part in parts)
        assert sorted(np.concatenate(parts)) == list(range(rows))


@given(SEEDS, st.integers(10, 120), st.integers(2, 10), st.integers(1, 3), st.integers(0, 6))
def test_parts_are_disjoint_and_complete(seed, rows, folds, repeats, classes):
    rng = np.random.default_rng(seed)
    task = "classification" if classes else "regression"
    target = rng.integers(0, classes, rows) ** 2 if classes else rng.normal(size=rows)
    splits = make_splits(target, task=task, folds=folds, repeats=repeats, seed=seed)
    check_partition(splits, rows, folds, repeats)
    for split in splits:
        rest = rows - len(split.test)
        assert abs(len(split.validation) - rest / 5) <= max(classes, 1)
        assert abs(len(split.test) - rows / folds) <= max(classes, 1)


@given(SEEDS, st.integers(60, 200), st.integers(2, 10))
def test_classes_keep_their_shares(seed, rows, folds):
    target = np.random.default_rng(seed).choice(3, rows, p=[0.6, 0.3, 0.1])
    for split in make_splits(target, task="classification", folds=folds, seed=seed):
        for label in range(3):
            count = (target == label).sum()
            assert abs((target[split.test] == label).sum() - count / folds) <= 1
            rest = count - (target[split.test] == label).sum()
            assert abs((target[split.validation] == label).sum() - rest / 5) <= 1


@settings(max_examples=25)
@given(SEEDS, st.integers(10, 80), st.integers(3, 400), st.integers(2, 8), st.booleans())
def test_a_group_is_on_one_side(seed, rows, groups, folds, regression):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, groups, rows) * 7 - 3
    target = rng.normal(size=rows) if regression else rng.integers(0, 3, rows)
    task = "regression" if regression else "classification"
    if len(np.unique(codes)) < (4 if folds == 2 else folds):
        with pytest.raises(UserError):
            make_splits(target, task=task, folds=folds, seed=seed, groups=codes)
        return
    splits = make_splits(target, task=task, folds=folds, seed=seed, groups=codes)
    check_partition(splits, rows, folds, 1)
    for split in splits:
        sides = [set(codes[getattr(split, part)]) for part in PARTS]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]


@pytest.mark.parametrize("groups", [30, 900])
def test_groups_keep_the_shares_of_classes_where_they_can(groups):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, groups, 1800)
    target = (rng.random(groups) < 0.3).astype(int)[codes]
    share = target.mean()
    for split in make_splits(target, task="classification", folds=5, seed=1, groups=codes):
        assert target[split.test].mean() == pytest.approx(share, abs=0.1)
        assert target[split.validation].mean() == pytest.approx(share, abs=0.2)
        assert 0.1 < len(split.test) / 1800 < 0.3


def test_folds_of_groups_of_all_sizes_are_about_as_large():
    rng = np.random.default_rng(0)
    sizes = np.concatenate([[150, 80, 60, 40, 40], rng.integers(2, 6, 100), np.ones(600, int)])
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    target = (rng.random(len(sizes)) < 0.3).astype(int)[codes]
    for task in ("classification", "regression"):
        splits = make_splits(target, task=task, folds=5, seed=0, groups=codes)
        check_partition(splits, len(codes), 5, 1)
        sizes_of_folds = [len(split.test) for split in splits]
        assert max(sizes_of_folds) - min(sizes_of_folds) <= 2
        if task == "classification":
            assert np.ptp([target[split.test].sum() for split in splits]) <= 1


@pytest.mark.parametrize("groups", [None, np.arange(40), np.arange(40) // 2])
def test_rare_classes_are_absent_from_some_parts_and_nothing_fails(groups):
    target = np.array([0] * 30 + [1] * 7 + [2, 2, 3])
    splits = make_splits(target, task="classification", folds=10, seed=3, groups=groups)
    check_partition(splits, 40, 10, 1)


def test_classes_that_are_all_smaller_than_the_parts_are_not_stratified():
    target = np.arange(12)
    check_partition(make_splits(target, task="classification", folds=4, seed=0), 12, 4, 1)


def test_one_class_is_split_all_the_same():
    target = np.zeros(20, dtype=int)
    check_partition(make_splits(target, task="classification", folds=5, seed=0), 20, 5, 1)


def test_the_same_seed_gives_the_same_folds_and_another_others():
    target = np.arange(60) % 2

    def tests(**options):
        splits = make_splits(target, task="classification", folds=5, **options)
        return [split.test.tolist() for split in splits]

    assert tests(seed=1, repeats=2) == tests(seed=1, repeats=2)
    assert tests(seed=1) == tests(seed=1, repeats=2)[:5]
    assert tests(seed=1) != tests(seed=2)
    twice = tests(seed=1, repeats=2)
    assert twice[:5] != twice[5:]


def test_the_validation_rows_are_not_the_same_rows_in_every_fold():
    target = np.arange(100) % 2
    splits = make_splits(target, task="classification", folds=5, seed=1)
    validated = np.bincount(np.concatenate([split.validation for split in splits]), minlength=100)
    assert validated.max() < 5


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"folds": 1}, "too-few-folds"),
        ({"folds": 0}, "too-few-folds"),
        ({"folds": 2, "repeats": 0}, "too-few-repeats"),
        ({"folds": 2, "seed": -1}, "negative-seed"),
        ({"folds": 21}, "too-few-rows-to-split"),
        ({"folds": 5, "groups": np.arange(20) % 4}, "too-few-groups-to-split"),
        ({"folds": 2, "groups": np.arange(20) % 3}, "too-few-groups-to-split"),
    ],
)
def test_what_cannot_be_split_is_refused(options, code):
    with pytest.raises(UserError) as caught:
        make_splits(np.arange(20) % 2, task="classification", **options)
    assert caught.value.code == code
    assert caught.value.hint


def test_the_smallest_tables_are_split():
    check_partition(make_splits(np.array([0, 1, 0, 1]), task="classification", folds=4), 4, 4, 1)
    check_partition(make_splits(np.arange(4.0), task="regression", folds=2), 4, 2, 1)
