"""What a member of the ensemble is: a classifier of blocks, in a file of its own in `members`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.recipes.registry import members

Folds: TypeAlias = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""(training, held-out) row numbers; the held-out parts are disjoint and cover every row."""
Shapes: TypeAlias = dict[str, tuple[int, ...]]
"""Of arrays, by their names."""


class Kernel(NamedTuple):
    """Inner products of fused blocks.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        The images: all, or as many drawn from them as stand for all, in their order.
    products : ndarray of float32, shape (n_rows, n_rows)
    """

    rows: NDArray[np.intp]
    products: NDArray[np.float32]


class Problem(NamedTuple):
    """What a member learns from.

    Attributes
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    weights : dict of str to float
        Of the fusion.
    kernel : Kernel
        Of the fused blocks.
    features : callable
        Gives what the member's machine scores, float32 (n_images, n_features): the fused blocks,
        which takes as much memory as the blocks, or the reduced ones; see `Machine.reduced`.
    labels : ndarray of int, shape (n_images,)
        In 0..n_classes-1; every class occurs in every fold's training part.
    folds : Folds
    n_classes : int
    """

    blocks: Mapping[str, NDArray[np.float32]]
    weights: Mapping[str, float]
    kernel: Kernel
    features: Callable[[], NDArray[np.float32]]
    labels: NDArray[np.intp]
    folds: Folds
    n_classes: int


class Machine(Protocol):
    """A fitted member. To score, it imports no library that fitted it.

    Attributes
    ----------
    reduced : bool
        It scores the joined principal components of the blocks, of each as many as its option
        `pca_dimension` says; else the fused blocks.
    keeps_text : bool
        A model file has its text, as NAME.txt, empty where there is none; else its arrays alone.
    text : str
    """

    reduced: ClassVar[bool]
    keeps_text: ClassVar[bool]

    @property
    def text(self) -> str:
        """The text that a model file keeps."""

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score images; (n, n_features) to (n, n_classes)."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give what a model file keeps beside the text: float64 `intercepts`, others float32."""

    @staticmethod
    def shapes(n_classes: int, n_features: int) -> Shapes:
        """Give the shapes of these arrays."""

    @classmethod
    def from_parts(
        cls, arrays: Mapping[str, NDArray[Any]], text: str, n_classes: int, n_features: int
    ) -> Self:
        """Bring it back from arrays of the right shapes and the text; ValueError if unsound."""


@dataclass(frozen=True)
class LinearMachine:
    """One weight vector a class, so that scoring an image costs one product.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_classes, dim)
        Of the fused blocks.
    intercepts : ndarray of float64, shape (n_classes,)
    """

    reduced: ClassVar[bool] = False
    keeps_text: ClassVar[bool] = False
    text: ClassVar[str] = ""

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float64]

    def scores(self, fused: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score images by their fused blocks; (n, dim) to (n, n_classes)."""
        scores: NDArray[np.float64] = fused @ self.weights.T + self.intercepts
        return scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give both arrays by name."""
        return {"weights": self.weights, "intercepts": self.intercepts}

    @staticmethod
    def shapes(n_classes: int, n_features: int) -> Shapes:
        """Give the shapes of both arrays."""
        return {"weights": (n_classes, n_features), "intercepts": (n_classes,)}

    @classmethod
    def from_parts(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        text: str,  # noqa: ARG003
        n_classes: int,  # noqa: ARG003
        n_features: int,  # noqa: ARG003
    ) -> Self:
        """Bring it back from its arrays."""
        return cls(arrays["weights"], arrays["intercepts"])


@dataclass(frozen=True)
class Member:
    """A kind of classifier: the constant METHOD of each module of `trifuse.classifiers.members`.

    Attributes
    ----------
    name : str
        In recipes, where it has a section of its own, in model files and in tables.
    options_type : type
        A frozen dataclass with a default for each option.
    fit : callable
        Takes a `Problem`, options and a random state. Gives the machine fitted on all images, and
        float64 (n_images, n_classes), each image's scores by one that has not seen its fold.
    machine : type of Machine
        What it becomes.
    modules : tuple of str
        Libraries, beside scikit-learn, that fit it: model files tell their versions.
    require : callable
        Raises `trifuse.features.libraries.LibraryError` where one of these cannot be loaded.
    """

    name: str
    options_type: type[Any]
    fit: Callable[[Problem, Any, int], tuple[Machine, NDArray[np.float64]]]
    machine: type[Machine] = LinearMachine
    modules: tuple[str, ...] = ()
    require: Callable[[], None] = lambda: None


def require_members(names: Iterable[str] | None = None) -> None:
    """Find out in milliseconds whether members can be fitted, long before they are.

    Parameters
    ----------
    names : iterable of str, optional
        All unless told.

    Raises
    ------
    trifuse.features.libraries.LibraryError
        If a library cannot be loaded.
    """
    for name, member in members().items():
        if names is None or name in set(names):
            member.require()


def fit_by_folds(
    fit: Callable[[NDArray[np.float32], NDArray[np.intp]], Machine], problem: Problem
) -> tuple[Machine, NDArray[np.float64]]:
    """Fit on all images, and score each by a machine that has not seen its fold."""
    features, labels = problem.features(), problem.labels
    scores = np.zeros((len(labels), problem.n_classes))
    for training, test in problem.folds:
        scores[test] = fit(features[training], labels[training]).scores(features[test])
    return fit(features, labels), scores


def held_out_parts(
    rows: NDArray[np.intp], folds: Folds
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Give, for each fold, the places in `rows` of the other folds' images and of its own."""
    for _, test in folds:
        inside = np.isin(rows, test)
        yield np.flatnonzero(~inside), np.flatnonzero(inside)
