"""Pairs of images that show the same thing: likely ones by VLAD, true ones by their keypoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.training import Mapper, plain_map
from trifuse.datasets.duplicates import DuplicatePair
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.codebook import fit_centers
from trifuse.encoders.projection import Projection
from trifuse.encoders.vlad import vlad
from trifuse.features.images import read_image
from trifuse.features.threads import limited_threads
from trifuse.studies.duplicates.keypoints import (
    LEAST_AGREEING,
    Keypoints,
    align,
    correlate_detail,
    detect_keypoints,
    mirror,
    root_sift,
    to_grey,
)

CANDIDATES, MIRRORED_CANDIDATES = 10, 2
"""The images most like an image, and like its mirror image, that are aligned with it.

Nobody photographs a mirror image: it is a copy, and more like its original than all others.
"""

COMPONENTS = 32
CENTERS = 512
"""Many small cells of few dimensions: they tell lesions apart that are of one kind."""

SAMPLE = 40_000
"""Descriptors of all images together that the projection and the codebook are fitted to, about."""

LEAST_SCORE = 0.2
"""A wrong alignment of two images correlates their detail by less."""

BLOCK = 256
"""Images that are compared with all others at a time."""


def find_duplicates(
    table: LabelledTable, mapper: Mapper = plain_map, *, within_groups: bool = False
) -> list[DuplicatePair]:
    """Find the pairs of images that show the same thing.

    Exact ones have the same pixels. Near ones are sought among each image's `CANDIDATES` most
    similar by VLAD of their SIFT keypoints (Jegou et al., CVPR 2010), as it is and mirrored. They
    are those that one rotation, magnification and shift aligns, `LEAST_AGREEING` keypoints of one
    with those of the other, and whose fine detail then has a correlation of `LEAST_SCORE`.

    Parameters
    ----------
    table : LabelledTable
        Images that cannot be read are in no pair.
    mapper : Mapper
    within_groups : bool
        Give pairs of one group too; else only pairs of different groups.

    Returns
    -------
    list of DuplicatePair
        By decreasing score; those of equal score in the order of the table.
    """
    return pair_images(table, detect_all(table, mapper), within_groups)


def detect_all(table: LabelledTable, mapper: Mapper = plain_map) -> list[Keypoints | None]:
    """Detect the keypoints of a table's images; None for one that cannot be read."""
    return list(mapper(detect_keypoints, table.paths, "looking for duplicates"))


def pair_images(
    table: LabelledTable, images: Sequence[Keypoints | None], within_groups: bool
) -> list[DuplicatePair]:
    """Find pairs as `find_duplicates` does, of what `detect_all` gave."""
    # Who takes pairs within groups has each image as a group of its own.
    groups = np.arange(len(table)) if within_groups else table.group_indices
    with limited_threads():
        pairs = [*_exact_pairs(images, groups), *_near_pairs(table, images, groups)]
    return sorted(pairs, key=lambda pair: (-pair.score, pair.first, pair.second))


def _exact_pairs(
    images: Sequence[Keypoints | None], groups: NDArray[np.intp]
) -> Iterator[DuplicatePair]:
    rows_of: defaultdict[bytes, list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        if image is not None:
            rows_of[image.pixels].append(row)
    for rows in rows_of.values():
        for first, second in combinations(rows, 2):
            if groups[first] != groups[second]:
                yield DuplicatePair(first, second, "exact", 1.0)


def _near_pairs(
    table: LabelledTable, images: Sequence[Keypoints | None], groups: NDArray[np.intp]
) -> Iterator[DuplicatePair]:
    enough = [image is not None and len(image.positions) >= LEAST_AGREEING for image in images]
    rows = np.flatnonzero(enough)
    chosen = [image for image, one in zip(images, enough, strict=True) if image and one]
    if not chosen:
        return
    encoder = _Encoder(chosen)
    vectors = encoder.encode(chosen)
    found: set[tuple[int, int]] = set()
    for mirrored, most in ((False, CANDIDATES), (True, MIRRORED_CANDIDATES)):
        views = _encode_views(chosen, encoder, mirrored)
        for one, other in sorted(_likely_pairs(views, vectors, groups[rows], most) - found):
            matrix = align(chosen[one], chosen[other], mirrored)
            if matrix is None or chosen[one].pixels == chosen[other].pixels:
                continue
            first, second = int(rows[one]), int(rows[other])
            here, there = (to_grey(read_image(table.paths[row])) for row in (first, second))
            if (score := correlate_detail(here, there, matrix)) >= LEAST_SCORE:
                found.add((one, other))
                yield DuplicatePair(first, second, "near", score)


class _Encoder:
    """VLAD with a projection and a codebook of the images' own."""

    def __init__(self, images: Sequence[Keypoints]) -> None:
        step = max(1, sum(len(image.descriptors) for image in images) // SAMPLE)
        sample = np.concatenate([image.descriptors[::step] for image in images])
        distinct = root_sift(np.unique(sample, axis=0))
        self.projection = Projection.fit(distinct, COMPONENTS)
        # Were each descriptor a centre, all residuals would be zero.
        n_centers = min(CENTERS, 1 + len(distinct) // 10)
        self.centers = fit_centers(self.projection.apply(distinct), n_centers)

    def encode(self, images: Sequence[Keypoints]) -> NDArray[np.float32]:
        return np.stack([self._encode(image) for image in images])

    def _encode(self, image: Keypoints) -> NDArray[np.float32]:
        descriptors = self.projection.apply(root_sift(image.descriptors))
        return vlad(descriptors, self.centers, by_residual=True, by_component=False)


def _encode_views(
    images: Sequence[Keypoints], encoder: _Encoder, mirrored: bool
) -> Iterator[NDArray[np.float32]]:
    """Encode images, or mirrored images, in blocks: the vectors of all would take much memory."""
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        yield encoder.encode([mirror(image) if mirrored else image for image in block])


def _likely_pairs(
    views: Iterable[NDArray[np.float32]],
    vectors: NDArray[np.float32],
    groups: NDArray[np.intp],
    most: int,
) -> set[tuple[int, int]]:
    """Pair each view, which come in blocks, with the images of other groups most like it."""
    most, start = min(most, len(vectors)), 0
    pairs: set[tuple[int, int]] = set()
    for block in views:
        nearness = block @ vectors.T
        nearness[groups[start : start + len(block), np.newaxis] == groups] = -np.inf
        likely = np.argpartition(-nearness, most - 1, axis=1)[:, :most]
        for row, candidates in enumerate(likely):
            alike = candidates[np.isfinite(nearness[row, candidates])].tolist()
            pairs |= {(min(start + row, other), max(start + row, other)) for other in alike}
        start += len(block)
    return pairs
