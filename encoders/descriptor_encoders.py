"""scikit-learn transformers from sets of local descriptors to vectors, one for each encoding.

Scoring does not import this module: scikit-learn takes a second to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from trifuse.encoders.codebook import check_sample
from trifuse.encoders.methods import Encoding
from trifuse.encoders.methods.fisher import FisherEncoding
from trifuse.encoders.methods.vlad import VladEncoding
from trifuse.encoders.sampling import Reservoir
from trifuse.encoders.stream_encoder import StreamEncoder
from trifuse.features.checks import Count, Scales, check_value, option_kinds
from trifuse.features.estimators import takes
from trifuse.features.grid import LocalDescriptors
from trifuse.features.processes import limited_threads
from trifuse.recipes.options import StreamOptions
from trifuse.recipes.registry import encodings

SAMPLE_SIZE = 120_000
"""Local descriptors that a codebook is trained on."""


class DescriptorEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What all encodings share: sets of local descriptors become one vector each.

    A set of descriptors is an array (n_descriptors, d) or a `LocalDescriptors`, at whose positions
    only a spatial pyramid looks; many are a sequence of them, of any lengths. A table (n, d) is n
    sets of one descriptor each, which trains a codebook on n descriptors.

    Its parameters are the options of its `METHOD`, the codebook's size first with `n_` before it,
    then `sample_size`, the descriptors that the codebook is trained on, `random_state`, the seed of
    the sample and of the codebook, and `levels`, those of a spatial pyramid: each level n encodes
    the n x n parts of an image by themselves, by one codebook; see
    `trifuse.encoders.stream_encoder.pyramid_parts`.

    Attributes
    ----------
    encoding_ : Encoding
    n_features_in_ : int
        d, the length of a descriptor.
    """

    METHOD: ClassVar[type[Encoding]]
    sample_size: int
    random_state: Any
    levels: Sequence[int]
    encoding_: Encoding

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "METHOD" in vars(cls):
            more = {"sample_size": SAMPLE_SIZE, "random_state": 0, "levels": (1,)}
            takes(cls.METHOD.options_type, more, {cls.METHOD.size: f"n_{cls.METHOD.size}"})(cls)

    def fit(self, X: Iterable[Any], y: object = None) -> Self:  # noqa: ARG002
        """Train the codebook on a sample of the descriptors.

        Parameters
        ----------
        X : iterable of sets of descriptors
            Read once, so that it may be a generator: one set and at most three times `sample_size`
            descriptors are in memory.
        y : object
            Not looked at.

        Raises
        ------
        ValueError
            If a parameter or a set does not fit; `trifuse.encoders.codebook.CodebookError` if no
            two descriptors differ.
        """
        options = self.options()
        check_value("sample_size", self.sample_size, Count)
        random = check_random_state(self.random_state)
        reservoir = Reservoir(self.sample_size, random.randint(2**31))
        # A table is taken at once: row by row it would take minutes.
        parts = [self._table(X, reset=True)] if _is_table(X) else self._sets(X, reset=True)
        for descriptors in parts:
            reservoir.add(descriptors)
        sample = reservoir.sample()
        check_sample(sample)
        self.encoding_ = self.METHOD.fit(sample, options, random.randint(2**31))
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Encode sets of descriptors.

        Returns
        -------
        ndarray of float32, shape (n_sets, dim)
            With levels, dim is that of a part times the sum of n * n over them.

        Raises
        ------
        ValueError
            If a set does not fit, or has no positions and is to be cut into parts.
        """
        encoding, levels = self.encoding(), tuple(self.levels)
        with limited_threads():
            if levels == (1,):
                return np.stack([encoding.encode(values) for values in self._sets(X, reset=False)])
            options = StreamOptions(None, {}, None, 0.0, levels)
            stream = StreamEncoder(options, None, {"": encoding})
            vectors: list[NDArray[np.float32]] = []
            for item in X:
                if not isinstance(item, LocalDescriptors):
                    raise ValueError(
                        "a spatial pyramid needs the positions of descriptors: "
                        "give it LocalDescriptors"
                    )
                (values,) = self._sets([item], reset=False)
                vectors += stream.encode([LocalDescriptors(values, item.positions)]).values()
        if not vectors:
            raise ValueError("there are no sets of descriptors")
        return np.stack(vectors)

    def options(self) -> Any:
        """Give the parameters that are the encoding's options, once they are checked."""
        check_value("levels", self.levels, Scales)
        options = {}
        for name, kind in option_kinds(self.METHOD.options_type).items():
            parameter = f"n_{name}" if name == self.METHOD.size else name
            options[name] = getattr(self, parameter)
            check_value(parameter, options[name], kind)
        return self.METHOD.options_type(**options)

    def encoding(self) -> Encoding:
        """Give the fitted encoding, with the options as the parameters say now."""
        check_is_fitted(self)
        return self.METHOD.from_arrays(self.encoding_.to_arrays(), self.options())

    def _sets(self, X: Any, *, reset: bool) -> Iterator[NDArray[np.float32]]:
        """Give each set as float32 (n, d), all of the same d: the first one's where `reset`."""
        if _is_table(X):
            yield from self._table(X, reset=reset)[:, np.newaxis]
            return
        empty = True
        for number, item in enumerate(X):
            values = item.values if isinstance(item, LocalDescriptors) else np.asarray(item)
            values = values[np.newaxis] if values.ndim == 1 else values
            values = check_array(values, dtype=np.float32, ensure_min_samples=0)
            if reset and empty:
                self.n_features_in_ = values.shape[1]
            if values.shape[1] != self.n_features_in_:
                raise ValueError(
                    f"set {number} has descriptors of {values.shape[1]} numbers, "
                    f"but {type(self).__name__} is expecting {self.n_features_in_}"
                )
            empty = False
            yield values
        if empty:
            raise ValueError("there are no sets of descriptors")

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the codebook as named arrays."""
        check_is_fitted(self)
        return self.encoding_.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted encoder of a codebook that `to_arrays` or another program gave.

        Parameters
        ----------
        arrays : dict
            As `METHOD.from_arrays` takes them: `means`, `variances` and `weights` of a mixture, or
            `centers`.
        parameters
            Of the constructor.

        Raises
        ------
        ValueError
            If they are no codebook.
        """
        found = cls.METHOD.from_arrays(arrays, cls.METHOD.options_type())
        size, dimension = found.codebook_shape
        encoder = cls(**{f"n_{cls.METHOD.size}": size, **parameters})
        encoder.encoding_ = cls.METHOD.from_arrays(found.to_arrays(), encoder.options())
        encoder.n_features_in_ = dimension
        return encoder

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        n_parts = sum(level * level for level in self.levels)
        return self.METHOD.length(*self.encoding_.codebook_shape) * n_parts

    def _table(self, X: Any, *, reset: bool) -> NDArray[np.float32]:
        """Give a table of descriptors, each a set of its own, as float32 (n, d)."""
        least = 2 if reset else 1  # one descriptor has no spread to train on
        table: NDArray[np.float32] = validate_data(
            self, X, dtype=np.float32, reset=reset, ensure_min_samples=least
        )
        return table


class FisherEncoder(DescriptorEncoder):
    """Sets of local descriptors to improved Fisher vectors; see `fisher_vector`.

    Parameters
    ----------
    n_components, square_root, normalize
        As in `trifuse.encoders.methods.fisher.FisherOptions`.
    sample_size, random_state, levels
        As in `DescriptorEncoder`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 0, 60)]
    >>> FisherEncoder(n_components=4).fit_transform(images).shape
    (3, 24)
    """

    METHOD = FisherEncoding
    encoding_: FisherEncoding


class VladEncoder(DescriptorEncoder):
    """Sets of local descriptors to VLAD; see `vlad`.

    Parameters
    ----------
    n_centers, by_residual, by_mass, square_root, by_component, normalize
        As in `trifuse.encoders.methods.vlad.VladOptions`.
    sample_size, random_state, levels
        As in `DescriptorEncoder`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 0, 60)]
    >>> VladEncoder(n_centers=4).fit_transform(images).shape
    (3, 12)
    """

    METHOD = VladEncoding
    encoding_: VladEncoding


@cache
def __getattr__(name: str) -> Any:
    """Give the estimator of any other encoding: of one with the name `fast`, `FastEncoder`."""
    for key, method in encodings().items():
        if name == f"{key.capitalize()}Encoder":
            content = {
                "METHOD": method,
                "__module__": __name__,
                "__doc__": DescriptorEncoder.__doc__,
            }
            return type(name, (DescriptorEncoder,), content)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _is_table(X: Any) -> bool:
    """Tell whether X is one table of numbers, or of what should have been numbers."""
    if issparse(X):
        return True
    if not hasattr(X, "__array__"):
        return False
    array = np.asarray(X)
    return array.ndim == 2 or (array.ndim < 2 and array.dtype != object)
