"""Bags of visual words: how often each word of a codebook occurs among local descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.encoders.codebook import CodebookError, check_centers, fit_centers, nearest_center
from trifuse.encoders.methods import Encoding, Summands
from trifuse.encoders.normalization import l2_normalize, signed_square_root, to_float32
from trifuse.features.checks import Count, Flag, Options

_BLOCK = 2048
"""Descriptors assigned together: few enough for a core's cache."""


@dataclass(frozen=True)
class BovwOptions(Options):
    """The vocabulary of a bag of visual words, and what is done to its histogram, in order."""

    words: Count = 64
    """Visual words; fewer are found among fewer descriptors."""
    tf_idf: Flag = False
    """Weigh each word by its rarity among the descriptors that the vocabulary was fitted to."""
    square_root: Flag = True
    normalize: Flag = True


@dataclass(frozen=True)
class BovwEncoding(Encoding):
    r"""Histograms of visual words, the centres of k-means [1]_.

    Each of the :math:`N` descriptors counts for its nearest word :math:`c_k` alone:

    .. math:: h_k = \frac{|\{n : \mathrm{NN}(x_n) = k\}|}{N}

    With `tf_idf` it is :math:`h_k \log((1 + M) / M_k)`, where :math:`M_k` of the :math:`M`
    descriptors of the codebook's sample are nearest to the word. These stand for the documents of
    [2]_: an image gives hundreds of descriptors, so that each word is in nearly every image. The
    one added keeps the weights above zero.

    Attributes
    ----------
    centers : ndarray of float32, shape (n_words, d)
    idf : ndarray of float32, shape (n_words,)
    options : BovwOptions

    References
    ----------
    .. [1] G. Csurka, C. Dance, L. Fan, J. Willamowski, C. Bray, "Visual categorization with bags
       of keypoints", ECCV workshop on statistical learning in computer vision, 2004.
    .. [2] J. Sivic, A. Zisserman, "Video Google: a text retrieval approach to object matching in
       videos", ICCV 2003.

    Examples
    --------
    >>> words = np.array([[0, 0], [10, 0]], dtype=np.float32)
    >>> plain = BovwOptions(square_root=False, normalize=False)
    >>> bag = BovwEncoding(words, np.ones(2, dtype=np.float32), plain)
    >>> bag.encode(np.array([[1, 1], [-1, 2], [10, 1], [0, 1]], dtype=np.float32))
    array([0.75, 0.25], dtype=float32)
    """

    name: ClassVar[str] = "bovw"
    title: ClassVar[str] = "visual words"
    options_type: ClassVar[type[Any]] = BovwOptions
    size: ClassVar[str] = "words"
    size_title: ClassVar[str] = "visual words"
    positive: ClassVar[tuple[str, ...]] = ("idf",)

    centers: NDArray[np.float32]
    idf: NDArray[np.float32]
    options: BovwOptions = BovwOptions()

    @classmethod
    def fit(
        cls, points: NDArray[np.float32], options: BovwOptions, random_state: int = 0
    ) -> BovwEncoding:
        """Fit the vocabulary, and count its words in the sample."""
        centers = fit_centers(points, options.words, random_state)
        counts = np.maximum(_count(points, centers), 1)
        return cls(centers, np.log((1 + len(points)) / counts).astype(np.float32), options)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], options: BovwOptions) -> BovwEncoding:
        """Take the words, `centers` of shape (n_words, d), and their weights `idf`, (n_words,).

        Raises
        ------
        ValueError
            If one is missing, or they are no vocabulary.
        """
        centers = check_centers(arrays)
        idf = np.array(arrays.get("idf", ()), dtype=np.float32)
        if idf.shape != centers.shape[:1] or not np.all((idf > 0) & np.isfinite(idf)):
            raise CodebookError(
                f"visual words need idf: {len(centers)} finite numbers above zero, one a word"
            )
        return cls(centers, idf, options)

    @classmethod
    def shapes(cls, size: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Give the shapes of the vocabulary's arrays."""
        return {"centers": (size, dimension), "idf": (size,)}

    @classmethod
    def length(cls, size: int, dimension: int) -> int:  # noqa: ARG003
        """Give the length of a vector: a number a word."""
        return size

    def sums(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Count the descriptors of each word, (n_words,)."""
        return _count(points, self.centers)

    def vector(self, sums: NDArray[np.float64], n: int) -> NDArray[np.float32]:
        """Give the histogram of `n` descriptors."""
        vector = sums / max(n, 1)
        if self.options.tf_idf:
            vector *= self.idf
        if self.options.square_root:
            vector = signed_square_root(vector)
        return to_float32(l2_normalize(vector) if self.options.normalize else vector)

    def summands(self, points: NDArray[np.float32]) -> Iterator[Summands]:
        """Give each word's descriptors, all of which count alike."""
        nearest = nearest_center(points, self.centers)
        for k, weight in enumerate(self.idf if self.options.tf_idf else np.ones(len(self.idf))):
            rows = np.flatnonzero(nearest == k)
            share = float(weight) / len(points)
            yield Summands(rows, np.array([k]), np.full((len(rows), 1), share))

    def normalized_parts(self) -> tuple[int, ...]:
        """Tell the L2 normalisations: of the whole, or none."""
        return (1,) if self.options.normalize else ()


METHOD = BovwEncoding


def _count(points: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.float64]:
    """Count the descriptors that are nearest to each centre, (n_centers,)."""
    counts = np.zeros(len(centers))
    for start in range(0, len(points), _BLOCK):
        nearest = nearest_center(points[start : start + _BLOCK], centers)
        counts += np.bincount(nearest, minlength=len(centers))
    return counts
