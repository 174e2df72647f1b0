"""One stream: the local descriptors of an image become its Fisher vector and VLAD."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.codebook import (
    GaussianMixture,
    check_sample,
    fit_centers,
    fit_gaussian_mixture,
)
from trifuse.encoders.fisher import FisherStatistics
from trifuse.encoders.projection import Projection
from trifuse.encoders.pyramid import PyramidStatistics, Statistics
from trifuse.encoders.vlad import VladStatistics
from trifuse.features.grid import LocalDescriptors
from trifuse.recipes.options import CodebookOptions

_BLOCK = 1024
"""Descriptors projected and encoded together."""


@dataclass(frozen=True)
class StreamEncoder:
    """PCA, appended positions, and the codebooks of one stream.

    Attributes
    ----------
    options : CodebookOptions
    projection : Projection
    mixture : GaussianMixture, optional
        Present where the stream gives Fisher vectors.
    centers : ndarray of float32, shape (n_centers, d), optional
        Present where the stream gives VLAD.
    """

    options: CodebookOptions
    projection: Projection
    mixture: GaussianMixture | None = None
    centers: NDArray[np.float32] | None = None

    @classmethod
    def fit(
        cls,
        sample: LocalDescriptors,
        options: CodebookOptions,
        encodings: Collection[str],
        random_state: int = 0,
    ) -> StreamEncoder:
        """Train on a sample of descriptors of many images.

        Parameters
        ----------
        sample : LocalDescriptors
        options : CodebookOptions
        encodings : collection of str
            The vectors wanted: `fisher`, `vlad`, or both.
        random_state : int

        Raises
        ------
        CodebookError
            If no two descriptors of the sample differ.
        """
        check_sample(sample.values)
        projection = Projection.fit(sample.values, options.pca_dimension, random_state)
        points = project(sample, projection, options.position_weight)
        mixture = centers = None
        if "fisher" in encodings:
            mixture = fit_gaussian_mixture(points, options.components, random_state)
        if "vlad" in encodings:
            centers = fit_centers(points, options.centers, random_state)
        return cls(options, projection, mixture, centers)

    def encode(self, descriptors: LocalDescriptors) -> dict[str, NDArray[np.float32]]:
        """Encode one image; each vector has unit L2 norm, or is zero without descriptors."""
        starts: dict[str, Callable[[], Statistics]] = {}
        if self.mixture is not None:
            starts["fisher"] = partial(FisherStatistics, self.mixture)
        if self.centers is not None:
            starts["vlad"] = partial(VladStatistics, self.centers)
        pyramids = [PyramidStatistics(self.options.pyramid, start) for start in starts.values()]
        add_descriptors(descriptors, self.projection, self.options.position_weight, pyramids)
        return {name: pyramid.vector() for name, pyramid in zip(starts, pyramids, strict=True)}

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give everything fitted as named arrays."""
        arrays = {"pca_mean": self.projection.mean, "pca_components": self.projection.components}
        if self.mixture is not None:
            arrays |= {
                "mixture_means": self.mixture.means,
                "mixture_variances": self.mixture.variances,
                "mixture_weights": self.mixture.weights,
            }
        if self.centers is not None:
            arrays["centers"] = self.centers
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[np.float32]], options: CodebookOptions
    ) -> StreamEncoder:
        """Bring back an encoder from `to_arrays`."""
        mixture = None
        if "mixture_means" in arrays:
            mixture = GaussianMixture(
                arrays["mixture_means"], arrays["mixture_variances"], arrays["mixture_weights"]
            )
        projection = Projection(arrays["pca_mean"], arrays["pca_components"])
        return cls(options, projection, mixture, arrays.get("centers"))


def add_descriptors(
    descriptors: LocalDescriptors,
    projection: Projection | None,
    position_weight: float,
    pyramids: Sequence[PyramidStatistics],
) -> None:
    """Project descriptors and add them to every pyramid, block by block.

    Of the projected descriptors only one block is in memory, where a core's cache holds it.
    """
    for start in range(0, len(descriptors.values), _BLOCK):
        block = LocalDescriptors(*(array[start : start + _BLOCK] for array in descriptors))
        points = project(block, projection, position_weight)
        for pyramid in pyramids:
            pyramid.add(points, block.positions)


def project(
    descriptors: LocalDescriptors, projection: Projection | None, position_weight: float
) -> NDArray[np.float32]:
    """Reduce descriptors and append their positions.

    Parameters
    ----------
    descriptors : LocalDescriptors
        Values of shape (n_descriptors, d).
    projection : Projection, optional
        None keeps descriptors as they are.
    position_weight : float
        Factor on the two positions; 0 appends none.

    Returns
    -------
    ndarray of float32, shape (n_descriptors, n_components + 2 or + 0)
    """
    values, positions = descriptors
    dimension = values.shape[1] if projection is None else len(projection.components)
    if projection is None and not position_weight:
        return values
    points = np.empty((len(values), dimension + (2 if position_weight else 0)), dtype=np.float32)
    if projection is None:
        points[:, :dimension] = values
    else:
        projection.apply(values, out=points[:, :dimension])
    if position_weight:
        np.multiply(positions, np.float32(position_weight), out=points[:, dimension:])
    return points
