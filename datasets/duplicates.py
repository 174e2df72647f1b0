"""Pairs of images that show the same thing: which a split separates, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from trifuse.datasets.splits import Split
from trifuse.datasets.table import LabelledTable


class DuplicatePair(NamedTuple):
    """Two images of a table that show the same thing.

    Attributes
    ----------
    first, second : int
        Their rows; the first is the smaller.
    kind : {"exact", "near"}
        Exact are the same bytes or the same pixels.
    score : float
        The correlation of their fine detail where they overlap, in [0, 1]; 1 for exact.
    """

    first: int
    second: int
    kind: Literal["exact", "near"]
    score: float


def separated_pairs(pairs: Iterable[DuplicatePair], folds: Sequence[Split]) -> list[DuplicatePair]:
    """Find the pairs of which some fold trains on one image and tests on the other.

    Parameters
    ----------
    pairs : iterable of DuplicatePair
    folds : sequence of (train, test)
        Rows, as `trifuse.datasets.splits.grouped_stratified_folds` gives.

    Examples
    --------
    >>> fold = np.array([0, 1, 2]), np.array([3, 4])
    >>> pairs = [DuplicatePair(0, 1, "near", 0.9), DuplicatePair(2, 3, "exact", 1.0)]
    >>> separated_pairs(pairs, [fold])
    [DuplicatePair(first=2, second=3, kind='exact', score=1.0)]
    """
    sides = [(set(train.tolist()), set(test.tolist())) for train, test in folds]
    return [
        pair
        for pair in pairs
        if any(
            (pair.first in train and pair.second in test)
            or (pair.second in train and pair.first in test)
            for train, test in sides
        )
    ]


def merge_groups(
    table: LabelledTable, pairs: Iterable[DuplicatePair]
) -> tuple[LabelledTable, list[DuplicatePair]]:
    """Make one group of all groups that pairs join, directly or through others.

    A group has one label, and which of two is right no program can tell: groups of different
    labels are not merged.

    Parameters
    ----------
    table : LabelledTable
    pairs : iterable of DuplicatePair

    Returns
    -------
    merged : LabelledTable
        A merged group has the name of the one of them that comes first in the table.
    contradictions : list of DuplicatePair
        The pairs whose images have different labels.

    Examples
    --------
    >>> from pathlib import Path
    >>> paths = (Path("a.jpg"), Path("b.jpg"), Path("c.jpg"))
    >>> table = LabelledTable(paths, ("nv", "nv", "mel"), ("l1", "l2", "l3"))
    >>> pairs = [DuplicatePair(0, 1, "exact", 1.0), DuplicatePair(0, 2, "near", 0.8)]
    >>> merged, contradictions = merge_groups(table, pairs)
    >>> merged.groups, contradictions
    (('l1', 'l1', 'l3'), [DuplicatePair(first=0, second=2, kind='near', score=0.8)])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = list(pairs)
    contradictions = [pair for pair in pairs if has_two_labels(table, pair)]
    joined = [pair for pair in pairs if not has_two_labels(table, pair)]
    ends = table.group_indices[[[pair.first, pair.second] for pair in joined]].reshape(-1, 2).T
    names = list(dict.fromkeys(table.groups))
    graph = coo_array((np.ones(len(joined)), tuple(ends)), shape=(len(names), len(names)))
    _, components = connected_components(graph, directed=False)
    _, first = np.unique(components, return_index=True)
    groups = tuple(names[first[components[group]]] for group in table.group_indices)
    return replace(table, groups=groups), contradictions


def has_two_labels(table: LabelledTable, pair: DuplicatePair) -> bool:
    """Tell whether the images of a pair have different labels."""
    return table.labels[pair.first] != table.labels[pair.second]
