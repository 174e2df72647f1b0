"""Pairs across folds are found, and merging groups is transitive and keeps labels pure."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.datasets.duplicates import DuplicatePair, merge_groups, separated_pairs
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable


def near(first, second):
    return DuplicatePair(first, second, "near", 0.5)


def make_table(labels, groups):
    paths = tuple(Path(f"{row}.jpg") for row in range(len(labels)))
    return LabelledTable(paths, tuple(labels), tuple(groups))


@st.composite
def archives(draw):
    """A table of two classes, and pairs of any of its rows."""
    groups = draw(st.lists(st.integers(0, 11), min_size=1, max_size=20))
    table = make_table(["ab"[group % 2] for group in groups], map(str, groups))
    rows = st.integers(0, len(groups) - 1)
    pairs = draw(st.lists(st.tuples(rows, rows).map(lambda pair: near(*sorted(pair)))))
    return table, pairs


@settings(deadline=None)
@given(archives())
def test_merged_groups_are_what_pairs_and_groups_connect(archive):
    table, pairs = archive
    merged, contradictions = merge_groups(table, pairs)
    assert contradictions == [p for p in pairs if table.labels[p.first] != table.labels[p.second]]
    groups = list(table.groups)
    for pair in [pair for pair in pairs if pair not in contradictions] * len(pairs):
        names = [groups[pair.first], groups[pair.second]]
        name = min(names, key=groups.index)
        groups = [name if group in names else group for group in groups]
    assert merged.groups == tuple(groups)
    assert (merged.paths, merged.labels, merged.classes) == (
        table.paths, table.labels, table.classes
    )  # fmt: skip


def test_no_pairs_change_nothing():
    table = make_table("aab", "112")
    assert merge_groups(table, []) == (table, [])


def test_merging_is_transitive_and_takes_the_first_name():
    table = make_table("aaaab", "zyxwv")
    merged, contradictions = merge_groups(table, [near(1, 2), near(0, 2), near(3, 4)])
    assert merged.groups == ("z", "z", "z", "w", "v")
    assert contradictions == [near(3, 4)]


def test_groups_of_two_labels_are_not_joined_through_a_third_image():
    """An image of another label must not bring together what would then be one mixed group."""
    merged, contradictions = merge_groups(make_table("aba", "123"), [near(0, 1), near(1, 2)])
    assert merged.groups == ("1", "2", "3")
    assert len(contradictions) == 2


def test_a_fold_separates_a_pair_only_with_one_image_on_either_side():
    fold = np.array([0, 1]), np.array([2, 3])
    pairs = [near(0, 1), near(2, 3), near(1, 2), near(0, 4)]
    assert separated_pairs(pairs, [fold]) == [near(1, 2)]
    assert separated_pairs(pairs, [fold[::-1]]) == [near(1, 2)]
    assert separated_pairs(pairs, []) == []


@pytest.mark.parametrize("seed", range(3))
def test_merged_pairs_are_in_one_fold(seed):
    table = make_table("ab" * 20, [f"g{row}" for row in range(40)])
    pairs = [near(row, row + 2) for row in range(0, 20, 4)]
    folds = grouped_stratified_folds(table.labels, table.groups, 5, seed)
    assert separated_pairs(pairs, folds)
    merged, _ = merge_groups(table, pairs)
    folds = grouped_stratified_folds(merged.labels, merged.groups, 5, seed)
    assert separated_pairs(pairs, folds) == []
