"""What the figures show: one picture, and codebooks fitted to other pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin

from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.encoders.codebook import fit_centers
from trifuse.encoders.mixture import GaussianMixture, fit_gaussian_mixture
from trifuse.encoders.projection import Projection
from trifuse.encoders.sampling import Reservoir
from trifuse.encoders.stream_encoder import project
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import ImageError, read_image
from trifuse.features.resize import shrink

LONGEST_SIDE, SHORTEST_SIDE = 300, 64
STEP = 4
BIN_SIZES = (4, 6, 8, 10)
BIN_SIZE = 8
"""Of the patch that is shown by itself."""
SAMPLE_SIZE = 10_000
DIMENSION, N_CENTERS = 16, 16


@dataclass(frozen=True)
class Material:
    """One picture, and a sample of the descriptors of others, which codebooks are fitted to.

    The picture is none of those: of what k-means was fitted to, the sums of residuals all but
    vanish, and of what the mixture was fitted to, the gradient.
    """

    image: NDArray[np.uint8]
    sample: LocalDescriptors

    @cached_property
    def descriptors(self) -> LocalDescriptors:
        """The picture's."""
        return DenseSiftExtractor(STEP, BIN_SIZES).extract(self.image)

    @cached_property
    def projection(self) -> Projection:
        """PCA of the sample."""
        return Projection.fit(self.sample.values, DIMENSION)

    @cached_property
    def points(self) -> NDArray[np.float32]:
        """The picture's descriptors after PCA, with positions."""
        return project(self.descriptors, self.projection, 1.0)

    @cached_property
    def sample_points(self) -> NDArray[np.float32]:
        """The sample after PCA, with positions."""
        return project(self.sample, self.projection, 1.0)

    @cached_property
    def centers(self) -> NDArray[np.float32]:
        """k-means centres, by falling number of the picture's descriptors."""
        centers = fit_centers(self.sample_points, N_CENTERS)
        counts = np.bincount(pairwise_distances_argmin(self.points, centers), minlength=N_CENTERS)
        return centers[np.argsort(-counts, kind="stable")]

    @cached_property
    def mixture(self) -> GaussianMixture:
        """Gaussians, by falling weight."""
        fitted = fit_gaussian_mixture(self.sample_points, N_CENTERS)
        order = np.argsort(-fitted.weights, kind="stable")
        return GaussianMixture(fitted.means[order], fitted.variances[order], fitted.weights[order])


def prepare(image: str | None, codebook: Sequence[str] | None) -> Material:
    """Read the pictures; what is not given is computed."""
    with tempfile.TemporaryDirectory() as folder:
        if not (image and codebook):
            computed = compute_pictures(Path(folder))
            image, codebook = image or computed[-1], codebook or computed[:-1]
        return Material(read_picture(image), draw_sample(codebook))


def compute_pictures(folder: Path) -> list[str]:
    """Draw three pictures of each texture and palette; the last one is to be shown."""
    write_synthetic_archive(folder, images_per_class=3, size=(225, LONGEST_SIDE))
    paths = sorted(map(str, (folder / "images").iterdir()))
    return [*paths[:-2], paths[-1], paths[-2]]


def read_picture(path: str) -> NDArray[np.uint8]:
    """Read a picture, at most 300 pixels long."""
    picture = shrink(read_image(path), LONGEST_SIDE)
    if min(picture.shape[:2]) < SHORTEST_SIDE:
        raise ImageError(f"{path} is too narrow: {SHORTEST_SIDE} of {LONGEST_SIDE} pixels at least")
    return picture


def draw_sample(paths: Iterable[str]) -> LocalDescriptors:
    """Draw descriptors evenly from all of the pictures."""
    reservoir = Reservoir(SAMPLE_SIZE)
    for path in paths:
        reservoir.add(*DenseSiftExtractor(STEP, BIN_SIZES).extract(read_picture(path)))
    values, positions = np.split(reservoir.sample(), [-2], axis=1)
    return LocalDescriptors(values, positions)
