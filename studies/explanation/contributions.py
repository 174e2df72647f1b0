"""A block's part of a linear score becomes the contributions of its local descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.methods import Encoding, Summands
from trifuse.encoders.normalization import l2_normalize, signed_square_root
from trifuse.encoders.stream_encoder import StreamEncoder, project, pyramid_parts
from trifuse.features.grid import LocalDescriptors

GAMMA = 0.25
"""How much more a summand counts that has its component's sign; any value from 0.1 on does."""


@dataclass(frozen=True)
class BlockSum:
    r"""A block, taken apart: the normalised sum of what each descriptor adds to it.

    Before normalisation the block is :math:`u = \sum_i u_i` over the descriptors; it becomes
    `v` by the signed square root and divisions by norms. The block's part of a linear score,
    component by component, is dealt out to the descriptors by their shares of the sum:

    .. math::

        \langle w, v \rangle = \sum_i c_i, \quad
        c_i = \sum_k w_k v_k \frac{u'_{ik}}{\sum_j u'_{jk}}, \quad
        u'_{ik} = (1 + \gamma \, [u_{ik} u_k > 0]) \, u_{ik}.

    Nothing remains, whatever :math:`\gamma` is. With 0, these are the contributions before the
    square root, continued through it by the gradient: :math:`c_i` is then twice the gradient of
    the score at `u`, where the norms are held fixed, times :math:`u_i`, for
    :math:`\mathrm{d} \sqrt{u} / \mathrm{d} u = \sqrt{u} / 2u`. (The gradient through the norms as
    well would sum to zero, for `v` does not depend on the length of `u`.) This is the rule by
    which [1]_ propagates relevance through Fisher vectors. Where summands cancel, it gives large
    contributions of both signs to few descriptors; :math:`\gamma`, which favours summands of the
    component's own sign, bounds them [2]_.

    Attributes
    ----------
    n_descriptors, dimension : int
    summands : sequence of Summands
    groups : tuple of int
        The L2 normalisations, in order: numbers of equal parts, each of them scaled to unit norm.
    square_root : bool
        Whether the signed square root is taken before them.

    References
    ----------
    .. [1] S. Lapuschkin, A. Binder, G. Montavon, K.-R. Müller, W. Samek, "Analyzing classifiers:
       Fisher vectors and deep neural networks", CVPR 2016.
    .. [2] G. Montavon, A. Binder, S. Lapuschkin, W. Samek, K.-R. Müller, "Layer-wise relevance
       propagation: an overview", in: Explainable AI, LNCS 11700, 2019, section 10.2.1.

    Examples
    --------
    >>> cells = np.array([[[4.0, 0.0], [0.0, 18.0]]], dtype=np.float32)
    >>> block = cell_sum(cells)
    >>> block.vector.round(3)
    array([0.426, 0.905])
    >>> block.contributions(np.array([1.0, -1.0])).round(3)
    array([ 0.426, -0.905])
    """

    n_descriptors: int
    dimension: int
    summands: Sequence[Summands]
    groups: tuple[int, ...]
    square_root: bool = True

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """The block before normalisation, (dimension,)."""
        return _add_up(self.summands, self.dimension)

    @cached_property
    def vector(self) -> NDArray[np.float64]:
        """The block, (dimension,)."""
        vector = signed_square_root(self.total) if self.square_root else self.total
        for n_parts in self.groups:
            vector = l2_normalize(vector.reshape(n_parts, -1))
        return vector.ravel()

    def contributions(
        self, weights: NDArray[np.floating], gamma: float = GAMMA
    ) -> NDArray[np.float64]:
        """Give what each descriptor contributes to ``weights @ vector``.

        Parameters
        ----------
        weights : ndarray, shape (dimension,)
        gamma : float
            Not negative.

        Returns
        -------
        ndarray of float64, shape (n_descriptors,)
            It sums to ``weights @ vector``.
        """
        favoured = [
            part._replace(
                values=part.values * (1 + gamma * (part.values * self.total[part.columns] > 0))
            )
            for part in self.summands
        ]
        sums = _add_up(favoured, self.dimension)
        ratios = np.zeros(self.dimension)
        np.divide(weights * self.vector, sums, out=ratios, where=self.total != 0)
        contributions = np.zeros(self.n_descriptors)
        for part in favoured:
            contributions[part.rows] += part.values @ ratios[part.columns]
        return contributions


def cell_sum(last_map: NDArray[np.float32]) -> BlockSum:
    """Take apart the CNN's embedding, the mean over the cells of its last feature map.

    Parameters
    ----------
    last_map : ndarray of float32, shape (rows, columns, d)
        Its cells, row by row, are the descriptors.
    """
    cells = last_map.reshape(-1, last_map.shape[-1]).astype(np.float64)
    n_cells, dimension = cells.shape
    whole = Summands(np.arange(n_cells), np.arange(dimension), cells / n_cells)
    return BlockSum(n_cells, dimension, [whole], groups=(1,))


def stream_sums(descriptors: LocalDescriptors, encoder: StreamEncoder) -> dict[str, BlockSum]:
    """Take apart what `StreamEncoder.encode` gives for one image, by its names.

    Parameters
    ----------
    descriptors : LocalDescriptors
        Of the whole image.
    encoder : StreamEncoder
    """
    points = project(descriptors, encoder.projection, encoder.options.position_weight)
    parts = pyramid_parts(descriptors.positions, encoder.options.pyramid)
    return {name: _joined(points, parts, one) for name, one in encoder.encodings.items()}


def _add_up(summands: Sequence[Summands], dimension: int) -> NDArray[np.float64]:
    total = np.zeros(dimension)
    for part in summands:
        total[part.columns] += part.values.sum(axis=0)
    return total


def _joined(
    points: NDArray[np.float32], parts: Sequence[NDArray[np.intp]], encoding: Encoding
) -> BlockSum:
    """Join the sums of a pyramid's parts to one block."""
    dimension, n_parts = encoding.length(*encoding.codebook_shape), len(parts)
    summands = [
        Summands(rows[found.rows], found.columns + number * dimension, found.values)
        for number, rows in enumerate(parts)
        for found in encoding.summands(points[rows])
    ]
    groups = [n_parts * n for n in encoding.normalized_parts()] + ([1] if n_parts > 1 else [])
    return BlockSum(
        len(points), dimension * n_parts, summands, tuple(groups), encoding.options.square_root
    )
