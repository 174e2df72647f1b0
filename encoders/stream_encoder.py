"""One stream: the local descriptors of an image become a vector for each encoding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.encoders.codebook import check_sample
from trifuse.encoders.methods import Encoding
from trifuse.encoders.normalization import l2_normalize
from trifuse.encoders.projection import Projection
from trifuse.features.grid import LocalDescriptors
from trifuse.features.processes import limited_threads
from trifuse.recipes.options import StreamOptions
from trifuse.recipes.registry import encodings

_BLOCK = 16 * 1024
"""Descriptors projected and encoded together: a whole image's by default, or 4 MB of them."""


@dataclass(frozen=True)
class StreamEncoder:
    """PCA, appended positions, and the codebooks of one stream.

    Attributes
    ----------
    options : StreamOptions
    projection : Projection, optional
        None keeps descriptors as they are.
    encodings : dict of str to Encoding
    """

    options: StreamOptions
    projection: Projection | None
    encodings: Mapping[str, Encoding]

    @classmethod
    def fit(
        cls,
        sample: LocalDescriptors,
        options: StreamOptions,
        wanted: Collection[str] | Mapping[str, Callable[[NDArray[np.float32]], Encoding]],
        random_state: int = 0,
    ) -> StreamEncoder:
        """Train on a sample of descriptors of many images.

        Parameters
        ----------
        sample : LocalDescriptors
        options : StreamOptions
        wanted : collection of str, or dict
            The encodings by name; or by name what fits one to projected descriptors, where it is
            not to be fitted as the options say. With none, the PCA alone is fitted.
        random_state : int

        Raises
        ------
        CodebookError
            If no two descriptors of the sample differ.
        """
        import sklearn  # noqa: F401  # its libraries, imported inside, would not be held

        check_sample(sample.values)
        if not isinstance(wanted, Mapping):
            wanted = {
                name: partial(
                    encodings()[name].fit,
                    options=options.encodings[name],
                    random_state=random_state,
                )
                for name in wanted
            }
        projection = None
        with limited_threads():  # more would change the last bits
            if options.pca_dimension is not None:
                projection = Projection.fit(sample.values, options.pca_dimension, random_state)
            if not wanted:
                return cls(options, projection, {})
            points = project(sample, projection, options.position_weight)
            return cls(options, projection, {name: fit(points) for name, fit in wanted.items()})

    def encode(self, bands: Iterable[LocalDescriptors]) -> dict[str, NDArray[np.float32]]:
        """Encode one image, whose descriptors may come in several parts.

        Of the projected descriptors only one block is in memory.

        Returns
        -------
        dict of str to ndarray of float32, shape (dim,)
            By encoding. By default of unit L2 norm, or zero without descriptors.
        """
        levels, nothing = self.options.pyramid, np.empty((0, 1), np.float32)
        counts = np.zeros(sum(level * level for level in levels), int)
        sums = {
            name: [encoding.sums(nothing) for _ in counts]
            for name, encoding in self.encodings.items()
        }
        for band in bands:
            for start in range(0, len(band.values), _BLOCK):
                block = LocalDescriptors(*(array[start : start + _BLOCK] for array in band))
                points = project(block, self.projection, self.options.position_weight)
                for number, rows in enumerate(pyramid_parts(block.positions, levels)):
                    part = points if len(rows) == len(points) else points[rows]
                    counts[number] += len(part)
                    for name, encoding in self.encodings.items():
                        sums[name][number] += encoding.sums(part)
        vectors = {
            name: [encoding.vector(part, n) for part, n in zip(sums[name], counts, strict=True)]
            for name, encoding in self.encodings.items()
        }
        # A pyramid of level 1 alone is the vector of the whole image, as it is.
        return {
            name: parts[0] if len(parts) == 1 else l2_normalize(np.concatenate(parts))
            for name, parts in vectors.items()
        }

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give everything fitted as named arrays: those of an encoding after its name and a dot."""
        arrays = {} if self.projection is None else self.projection.to_arrays()
        for name, encoding in self.encodings.items():
            arrays |= {f"{name}.{key}": array for key, array in encoding.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, ArrayLike], options: StreamOptions, wanted: Iterable[str]
    ) -> StreamEncoder:
        """Bring back an encoder from `to_arrays`.

        Raises
        ------
        ValueError
            If the arrays are none.
        """
        found = {
            name: encodings()[name].from_arrays(below(arrays, f"{name}."), options.encodings[name])
            for name in wanted
        }
        return cls(options, Projection.from_arrays(arrays), found)


def below(arrays: Mapping[str, ArrayLike], prefix: str) -> dict[str, ArrayLike]:
    """Give the arrays whose names begin so, by the rest of their names."""
    return {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }


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


def pyramid_parts(positions: NDArray[np.float32], levels: Sequence[int]) -> list[NDArray[np.intp]]:
    """Deal descriptors out to the parts of a spatial pyramid.

    Level n cuts the image into n x n equal parts; a descriptor belongs to the part that holds
    its centre. Level 1 is the whole image.

    Parameters
    ----------
    positions : ndarray of float32, shape (n, 2)
        (row, column) in [-0.5, 0.5].
    levels : sequence of int

    Returns
    -------
    list of ndarray of int
        The numbers of the descriptors of each part: level by level, part by part in row order.

    References
    ----------
    S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features: spatial pyramid matching for
    recognizing natural scene categories", CVPR 2006.

    Examples
    --------
    >>> pyramid_parts(np.array([[-0.4, -0.4], [0.4, 0.4]], dtype=np.float32), [2])
    [array([0]), array([], dtype=int64), array([], dtype=int64), array([1])]
    """
    parts = []
    for level in levels:
        row, column = np.minimum(((positions + 0.5) * level).astype(int), level - 1).T
        of = row * level + column
        parts += [np.flatnonzero(of == number) for number in range(level * level)]
    return parts
