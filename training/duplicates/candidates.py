"""Which images may show the same thing: an index of all their keypoints, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trifuse.training.duplicates.keypoints import Keypoints

STEP = 2
"""Bytes from the start of one sorting key to that of the next; a key has four of the 32."""

NEIGHBOURS = 2
"""Descriptors that one is compared with, of those that follow it in each order."""

MOST_DIFFERING = 48
"""Bits of 256 in which descriptors of the same thing may differ."""

TURN, ZOOM = 16, 3
"""Of a rotation, in 256ths of a circle, and of a magnification, in levels of the pyramid: those
between the same multiples are taken for equal."""

LEAST_VOTES, LEAST_WEIGHT = 3, 0.2
"""Of votes that agree in turn and zoom: their number, and the sum of their weights."""

BLOCK = 1000
"""Views whose votes are counted at a time."""


def likely_pairs(
    own: Sequence[Keypoints], mirrored: Sequence[Keypoints], groups: NDArray[np.integer]
) -> list[tuple[int, int, bool]]:
    """Find pairs of images of different groups, of which several keypoints look and lie alike.

    Each two descriptors that are alike are a vote for their images, a turn and a zoom (weak
    geometric consistency, Jegou et al., ECCV 2008). Its weight is the less the more others either
    is like: what is on all skin says little. Time and memory grow with the number of images, not
    with that of pairs.

    Parameters
    ----------
    own, mirrored : sequence of Keypoints
        Of n images.
    groups : ndarray of int, shape (n,)

    Returns
    -------
    list of (one, other, mirrored)
        Sorted rows; the one is likely when it is mirrored, or as it is.
    """
    views = [*own, *mirrored]
    if sum(len(view.descriptors) for view in views) <= NEIGHBOURS:
        return []
    descriptors = np.concatenate([view.descriptors for view in views])
    view = np.repeat(np.arange(len(views)), [len(each.descriptors) for each in views])
    turns = np.concatenate([each.turns for each in views])
    scales = np.concatenate([each.scales for each in views]).astype(np.int8)
    meetings = _meet(descriptors, view, np.tile(groups, 2))
    ends = meetings >> 32, meetings & 0xFFFFFFFF
    met = sum(np.bincount(each, minlength=len(view)) for each in ends)
    rarity = 1 / np.sqrt(np.maximum(met, 1))
    likely = []
    rows = np.searchsorted(view, np.arange(0, len(own) + BLOCK, BLOCK))
    for start, stop in pairwise(np.searchsorted(meetings, rows << 32)):
        one, other = (each[start:stop] for each in ends)
        turn = ((turns[other] - turns[one]) // TURN).astype(np.int64)
        zoom = ((scales[other] - scales[one]) // ZOOM).astype(np.int64) & 0xF
        votes = (view[one] * len(views) + view[other] << 8) + (turn << 4) + zoom
        likely += [divmod(pair, len(views)) for pair in _count(votes, rarity[one] * rarity[other])]
    n = len(own)
    return sorted(
        (one, other, False) if other < n else (other - n, one, True) for one, other in likely
    )


def _meet(
    descriptors: NDArray[np.uint8], view: NDArray[np.intp], groups: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Give alike descriptors of views of different groups, the first not mirrored, as one number.

    All are sorted as often as there are keys, each by other bits, and compared with the few that
    follow: those that differ little meet in some order (Charikar, STOC 2002).
    """
    found = []
    group, mirrored = groups[view], view >= len(groups) // 2
    for start in range(0, descriptors.shape[1], STEP):
        key = np.arange(start, start + 4) % descriptors.shape[1]
        order = _sort(descriptors[:, key])
        words = descriptors.view(np.uint64)[order]
        for ahead in range(1, NEIGHBOURS + 1):
            differing = np.zeros(len(words) - ahead, np.uint16)
            for column in np.bitwise_count(words[ahead:] ^ words[:-ahead]).T:
                differing += column
            alike = np.flatnonzero(differing <= MOST_DIFFERING)
            ends = order[alike], order[alike + ahead]
            one, other = np.minimum(*ends), np.maximum(*ends)
            useful = (group[one] != group[other]) & ~mirrored[one]
            found.append(one[useful] << 32 | other[useful])
    meetings = np.concatenate(found)
    found.clear()
    meetings.sort()
    return meetings[np.diff(meetings, prepend=-1) > 0]


def _sort(keys: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Give the order of keys of four bytes; equal ones stay in the order of their rows."""
    numbers = np.ascontiguousarray(keys).view(">u4")[:, 0].astype(np.uint64) << np.uint64(32)
    # To sort the numbers with their rows is ten times as fast as a stable sort of rows by numbers.
    numbers |= np.arange(len(numbers), dtype=np.uint64)
    numbers.sort()
    return (numbers & np.uint64(0xFFFFFFFF)).astype(np.intp)


def _count(votes: NDArray[np.int64], weights: NDArray[np.float64]) -> list[int]:
    """Give the pairs with enough votes for one turn and zoom, and enough weight of them."""
    # Weights are the low bits of what is sorted, for the reason that rows are in `_sort`.
    votes = (votes << 12) + (weights * 0xFFF).astype(np.int64)
    votes.sort()
    starts = np.flatnonzero(np.diff(votes >> 12, prepend=-1))
    enough = np.diff(starts, append=len(votes)) >= LEAST_VOTES
    enough &= np.add.reduceat(votes & 0xFFF, starts) >= LEAST_WEIGHT * 0xFFF
    likely: list[int] = np.unique(votes[starts[enough]] >> 20).tolist()
    return likely
