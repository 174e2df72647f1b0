"""Kinds of local descriptors, each a file with its options and its function: see `Descriptor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trifuse.features.checks import Options
from trifuse.features.grid import Band, LocalDescriptors, PatchGrid, join_bands


class Descriptor(Options):
    """A kind of local descriptors: the constant `METHOD` of each module here is a subclass.

    It is a frozen dataclass of its options, whose types say what they may be: they are a section of
    a recipe, and the parameters of an estimator.

    Attributes
    ----------
    name : str
        What a recipe calls its section, and the blocks made of these descriptors.
    title : str
        What reports call it.
    embedding : str
        Of a `NetworkView`, what reports call the block of the network's embedding, which is named
        as the descriptors are; empty for all others.
    chosen : dict
        Options of the default recipe where they differ from the class's own defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    embedding: ClassVar[str] = ""
    chosen: ClassVar[Mapping[str, Any]] = {}


class NetworkView(Descriptor):
    """The cells of the recipe's network, of an image or of its middle."""

    @property
    def seen(self) -> float:
        """The share of the image's rows, and of its columns, that the network sees: all."""
        return 1.0

    def look(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give what the network sees of an image (rows, columns, 3)."""
        shape = image.shape[:2]
        rows, columns = (max(1, round(self.seen * length)) for length in shape)
        top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
        return image[top : top + rows, left : left + columns]


class PatchDescriptor(Descriptor):
    """A kind of local descriptors of the patches of regular grids, one grid a bin size."""

    def grids(self, shape: tuple[int, int]) -> list[PatchGrid]:
        """Give the grid of patches of each scale in an image of (rows, columns) pixels."""
        raise NotImplementedError

    def describe_bands(self, image: NDArray[Any]) -> Iterator[Band]:
        """Describe one image band by band; the first array of each holds the descriptors."""
        raise NotImplementedError

    def extract(self, image: NDArray[Any]) -> LocalDescriptors:
        """Describe one image.

        Parameters
        ----------
        image : ndarray of uint8, shape (rows, columns, 3)
            RGB.

        Returns
        -------
        LocalDescriptors
            Values of shape (n_descriptors, d): all patches of the first bin size row by row, then
            those of the next. An image too small for a patch gives none. At a step of 4 they take
            a quarter of `d` bytes a pixel and scale; `bands` gives those of a large image piece by
            piece.

        Raises
        ------
        ValueError
            If the image has another shape or type, or numbers that are not finite.
        """
        whole = self.describe(image)
        return LocalDescriptors(whole.arrays[0], whole.positions())

    def describe(self, image: NDArray[Any]) -> Band:
        """Describe one image as `extract` does, and give everything known of its patches."""
        return join_bands(list(self.describe_bands(image)), self.grids(image.shape[:2]))

    def bands(self, image: NDArray[Any]) -> Iterator[LocalDescriptors]:
        """Describe one image band by band, in memory that does not grow with its height.

        A band is about two million pixels; smaller images are one band. Together, bands hold the
        descriptors of `extract`, all scales of one band before those of the next.
        """
        for band in self.describe_bands(image):
            yield LocalDescriptors(band.arrays[0], band.positions())
