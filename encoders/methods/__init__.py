"""Ways to encode local descriptors as one vector, each a file: see `Encoding`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Summands(NamedTuple):
    """What some descriptors add to some components of a vector, before it is normalised.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Numbers of the descriptors, each once.
    columns : ndarray of int, shape (c,)
        Numbers of the components.
    values : ndarray of float64, shape (m, c)
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: NDArray[np.float64]


class Encoding(ABC):
    """A fitted codebook and its options: the constant `METHOD` of each module here is a subclass.

    Attributes
    ----------
    name : str
        What a recipe calls its section, and a block after its stream.
    title : str
        What reports call it.
    options_type : type
        The frozen dataclass of its options, whose types say what they may be: a section of a recipe
        and the parameters of an estimator.
    size, size_title : str
        The option that is the codebook's size, and what reports call it.
    positive : tuple of str
        The arrays of the codebook in which every number is above zero.
    options : object
        Of the `options_type`; its flag `square_root` tells whether the signed square root of the
        vector is taken, before its L2 normalisations.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    options_type: ClassVar[type[Any]]
    size: ClassVar[str]
    size_title: ClassVar[str]
    positive: ClassVar[tuple[str, ...]] = ()
    options: Any

    @classmethod
    @abstractmethod
    def fit(cls, points: NDArray[np.float32], options: Any, random_state: int = 0) -> Self:
        """Fit a codebook to a sample of descriptors, (n, d), no fewer than two of which differ."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], options: Any) -> Self:
        """Make it of a codebook's arrays, from anywhere.

        Raises
        ------
        ValueError
            If they are no codebook.
        """

    @classmethod
    @abstractmethod
    def shapes(cls, size: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Give the shapes of a codebook's arrays.

        Parameters
        ----------
        size : int
            Of the codebook: the rows of the first array, a matrix of `dimension` columns.
        dimension : int
            Of a descriptor.
        """

    @classmethod
    @abstractmethod
    def length(cls, size: int, dimension: int) -> int:
        """Give the length of a vector."""

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the codebook as named arrays, of the `shapes`: by default, attributes."""
        return {name: getattr(self, name) for name in self.shapes(0, 0)}

    @abstractmethod
    def sums(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum up what `vector` needs to know of descriptors, (n, d); n may be zero.

        The sums of the parts of a set add up to those of the whole.
        """

    @abstractmethod
    def vector(self, sums: NDArray[np.float64], n: int) -> NDArray[np.float32]:
        """Encode the set of `n` descriptors that has these sums; (dim,)."""

    @abstractmethod
    def summands(self, points: NDArray[np.float32]) -> Iterator[Summands]:
        """Give what each descriptor, (n, d), adds to the vector before its normalisation.

        Posteriors and the like below float32's resolution may count as zero.
        """

    @abstractmethod
    def normalized_parts(self) -> tuple[int, ...]:
        """Tell the L2 normalisations, in order: numbers of equal parts that each gets norm one."""

    @property
    def codebook_shape(self) -> tuple[int, int]:
        """The codebook's size, and the dimension of a descriptor."""
        size, dimension = next(iter(self.to_arrays().values())).shape
        return size, dimension

    def encode(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode one set of descriptors; (n, d) to (dim,)."""
        return self.vector(self.sums(points), len(points))
