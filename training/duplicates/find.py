"""Pairs of images that show the same thing: likely ones by an index, true ones by alignment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trifuse.datasets.duplicates import DuplicatePair
from trifuse.datasets.table import LabelledTable
from trifuse.features.images import read_image
from trifuse.features.stages import stage
from trifuse.training.duplicates.candidates import likely_pairs
from trifuse.training.duplicates.detail import correlate_detail
from trifuse.training.duplicates.keypoints import (
    Keypoints,
    Look,
    Unread,
    align,
    flip,
    look_at,
    to_grey,
)
from trifuse.training.parallel import map_images

LEAST_SCORE = 0.2
"""A wrong alignment of two images correlates their detail by less."""

MOST_FOLLOWED = 50
"""Images of joined groups that are compared each with each; of more, those found are enough."""


def find_duplicates(
    table: LabelledTable, jobs: int | None = None, *, within_groups: bool = False
) -> list[DuplicatePair]:
    """Find the pairs of images that show the same thing.

    Exact ones have the same pixels; each of many, sorted by class, is paired with the next, which
    joins them all. Near ones are sought among those of which several keypoints look alike and agree
    in rotation and scale, as they are or mirrored: see `likely_pairs`. They are those that one
    rotation, magnification and shift aligns, see `align`, and whose fine detail then has a
    correlation of `LEAST_SCORE`.

    Parameters
    ----------
    table : LabelledTable
        Images that cannot be read are in no pair.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.
    within_groups : bool
        Give pairs of one group too; else only pairs of different groups.

    Returns
    -------
    list of DuplicatePair
        By decreasing score; those of equal score in the order of the table.
    """
    return pair_images(table, look_at_all(table, jobs), jobs, within_groups=within_groups)


def look_at_all(table: LabelledTable, jobs: int | None = None) -> list[Look | Unread]:
    """Detect the keypoints of a table's images; `Unread` for one that cannot be read."""
    return list(map_images(look_at, table.paths, "looking for duplicates", jobs))


def pair_images(
    table: LabelledTable,
    images: Sequence[Look | Unread],
    jobs: int | None = None,
    *,
    within_groups: bool = False,
) -> list[DuplicatePair]:
    """Find pairs as `find_duplicates` does, of what `look_at_all` gave."""
    looks = {row: image for row, image in enumerate(images) if isinstance(image, Look)}
    # Who takes pairs within groups has each image as a group of its own.
    groups = np.arange(len(table)) if within_groups else table.group_indices
    pairs = [
        *_exact_pairs(looks, groups, table.labels),
        *_near_pairs(table.paths, looks, groups, jobs),
    ]
    return sorted(pairs, key=lambda pair: (-pair.score, pair.first, pair.second))


def _exact_pairs(
    looks: dict[int, Look], groups: NDArray[np.intp], labels: Sequence[str]
) -> Iterator[DuplicatePair]:
    rows_of: defaultdict[bytes, list[int]] = defaultdict(list)
    # Else one of another class, which is not merged, could part two of one class.
    for row in sorted(looks, key=lambda row: (labels[row], row)):
        rows_of[looks[row].pixels].append(row)
    for rows in rows_of.values():
        for one, other in pairwise(rows):
            if groups[one] != groups[other]:
                yield DuplicatePair(min(one, other), max(one, other), "exact", 1.0)


class _Task(NamedTuple):
    """An image, and those that it is to be aligned with: path, keypoints, whether mirrored."""

    path: Path
    look: Look
    others: list[tuple[Path, Keypoints, bool]]


def _near_pairs(
    paths: Sequence[Path], looks: dict[int, Look], groups: NDArray[np.intp], jobs: int | None
) -> Iterator[DuplicatePair]:
    rows, chosen = list(looks), list(looks.values())
    own, mirrored = [look.own for look in chosen], [look.mirrored for look in chosen]
    with stage(f"comparing images: {len(chosen)} images"):
        likely = likely_pairs(own, mirrored, groups[rows])
    found = _align(paths, looks, [(rows[a], rows[b], turned) for a, b, turned in likely], jobs)
    found |= _align(paths, looks, _follow(found, groups, looks), jobs)
    for (first, second), score in found.items():
        yield DuplicatePair(first, second, "near", score)


def _follow(
    found: dict[tuple[int, int], float], groups: NDArray[np.intp], looks: dict[int, Look]
) -> list[tuple[int, int, bool]]:
    """Give the pairs of images that what was found makes likely: all of the groups it joins."""
    edges = np.array([groups[list(pair)] for pair in found]).reshape(-1, 2)
    shape = (int(groups.max(initial=0)) + 1,) * 2
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=shape)
    joined = connected_components(graph, directed=False)[1][groups]
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row in looks:
        rows_of[joined[row]].append(row)
    return [
        (*pair, False)
        for rows in rows_of.values()
        if len(rows) <= MOST_FOLLOWED
        for pair in combinations(rows, 2)
        if groups[pair[0]] != groups[pair[1]] and pair not in found
    ]


def _align(
    paths: Sequence[Path],
    looks: dict[int, Look],
    likely: list[tuple[int, int, bool]],
    jobs: int | None,
) -> dict[tuple[int, int], float]:
    """Give the scores of those pairs of images that one can be laid over the other."""
    tasks: dict[int, _Task] = {}
    ends: list[tuple[int, int]] = []
    for one, other, turned in likely:
        if looks[one].pixels != looks[other].pixels:
            task = tasks.setdefault(one, _Task(paths[one], looks[one], []))
            task.others.append((paths[other], looks[other].own, turned))
            ends.append((min(one, other), max(one, other)))
    scores = map_images(_score, list(tasks.values()), "aligning images", jobs) if tasks else ()
    best: defaultdict[tuple[int, int], float] = defaultdict(float)
    for pair, score in zip(ends, chain.from_iterable(scores), strict=True):
        best[pair] = max(best[pair], score)
    return {pair: score for pair, score in best.items() if score >= LEAST_SCORE}


def _score(task: _Task) -> list[float]:
    """Correlate the detail of an image and of each that it may be; 0 where nothing aligns them."""
    return [_score_pair(task, *other) for other in task.others]


def _score_pair(task: _Task, path: Path, keypoints: Keypoints, mirrored: bool) -> float:
    if (found := align(task.look.mirrored if mirrored else task.look.own, keypoints)) is None:
        return 0.0
    here, there = (to_grey(read_image(each)) for each in (task.path, path))
    return correlate_detail(flip(here) if mirrored else here, there, found)
