"""Gradient-boosted trees on PCA-reduced blocks: trained by LightGBM, evaluated with NumPy.

Only the evaluation of LightGBM's text form is here, for two reasons. Importing lightgbm takes
longer than all else that scoring an image needs. And its parser trusts its input, while a model
file may come from a stranger: here every index is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.member import Machine, Member, Problem, Shapes, fit_by_folds
from trifuse.features.checks import Count
from trifuse.features.libraries import require_lightgbm
from trifuse.recipes.options import Amount, Positive, Share

_KEYS = (
    "num_class",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
)
"""All that evaluation needs of a text."""


@dataclass(frozen=True)
class LightgbmOptions:
    """The boosted trees on PCA-reduced blocks."""

    pca_dimension: Count = 64
    """Principal components kept of each block."""
    trees: Count = 300
    """Boosting rounds; each grows one tree a class."""
    learning_rate: Positive = 0.1
    leaves: Annotated[int, msgspec.Meta(ge=2)] = 7
    l2: Amount = 5.0
    """L2 regularisation of the leaves."""
    feature_fraction: Share = 0.1
    """Share of the features that each tree may use."""


class TreesError(ValueError):
    """A text that is not a set of numerical decision trees for these features and classes."""


@dataclass(frozen=True)
class Trees:
    """All trees in one list of nodes and one of leaves; tree t votes for class t % n_classes.

    Attributes
    ----------
    features : ndarray of int, shape (n_nodes,)
        Feature that a node asks for.
    thresholds : ndarray of float64, shape (n_nodes,)
        A feature at most this large goes to the left.
    children : ndarray of int, shape (n_nodes, 2)
        Left and right: a node's number, larger than its parent's, or ``~leaf``.
    leaves : ndarray of float64, shape (n_leaves,)
        Score that a leaf adds.
    roots : ndarray of int, shape (n_trees,)
        A node's number, or ``~leaf`` where the tree is a single leaf.
    n_classes : int
    text : str
        What they were read from.
    """

    reduced: ClassVar[bool] = True
    keeps_text: ClassVar[bool] = True

    features: NDArray[np.intp]
    thresholds: NDArray[np.float64]
    children: NDArray[np.intp]
    leaves: NDArray[np.float64]
    roots: NDArray[np.intp]
    n_classes: int
    text: str

    @classmethod
    def parse(cls, text: str, n_features: int, n_classes: int) -> Self:
        """Read LightGBM's text form.

        Raises
        ------
        TreesError
            If the text is damaged, has categorical splits or rules for missing values, asks
            for a feature beyond `n_features`, or has another number of classes.
        """
        lines = _lines_by_key(text)
        features, node_counts = _column(lines, "split_feature", int)
        thresholds, threshold_counts = _column(lines, "threshold", float)
        decisions, decision_counts = _column(lines, "decision_type", int)
        left, left_counts = _column(lines, "left_child", int)
        right, right_counts = _column(lines, "right_child", int)
        leaves, leaf_counts = _column(lines, "leaf_value", float)
        n_trees = len(leaf_counts)
        counts = [threshold_counts, decision_counts, left_counts, right_counts, leaf_counts - 1]
        if not n_trees or n_trees % n_classes or lines["num_class"] != [str(n_classes)]:
            msg = f"The boosted trees do not vote for {n_classes} classes."
            raise TreesError(msg)
        if not all(np.array_equal(node_counts, other) for other in counts):
            msg = "The boosted trees are damaged: a tree has too few or too many numbers."
            raise TreesError(msg)
        # Bit 0 marks a categorical split, bits 2 and 3 a rule for missing values.
        if np.any(decisions & 0b1101):
            msg = "The boosted trees have categorical splits or rules for missing values."
            raise TreesError(msg)
        first_node = np.cumsum(node_counts) - node_counts
        first_leaf = np.cumsum(leaf_counts) - leaf_counts
        tree = np.repeat(np.arange(n_trees), node_counts)[:, None]
        local = np.stack([left, right], axis=-1)
        parents = np.arange(len(features))[:, None] - first_node[tree]
        sound = (
            np.all((features >= 0) & (features < n_features))
            and np.all((local < 0) | ((local > parents) & (local < node_counts[tree])))
            and np.all(~local < leaf_counts[tree])
        )
        if not sound:
            msg = "The boosted trees are damaged: an index leads nowhere."
            raise TreesError(msg)
        return cls(
            features,
            thresholds,
            np.where(local >= 0, local + first_node[tree], local - first_leaf[tree]),
            leaves,
            np.where(node_counts > 0, first_node, ~first_leaf),
            n_classes,
            text,
        )

    @classmethod
    def from_parts(
        cls,
        arrays: Mapping[str, NDArray[Any]],  # noqa: ARG003 - there are none
        text: str,
        n_classes: int,
        n_features: int,
    ) -> Self:
        """Bring them back from their text: see `parse`."""
        return cls.parse(text, n_features, n_classes)

    @staticmethod
    def shapes(n_classes: int, n_features: int) -> Shapes:  # noqa: ARG004
        """Give none: all is in the text."""
        return {}

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give none: all is in the text."""
        return {}

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum the leaves that each row falls into; (n, n_features) to (n, n_classes).

        The softmax of a row is what LightGBM's `predict` gives.
        """
        scores = np.empty((len(features), self.n_classes))
        for row, out in zip(features.astype(np.float64), scores, strict=True):
            out[:] = self._score(row)
        return scores

    def _score(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        nodes = self.roots.copy()
        active = np.flatnonzero(nodes >= 0)
        while len(active):
            at = nodes[active]
            right = row[self.features[at]] > self.thresholds[at]
            nodes[active] = self.children[at, right.astype(np.intp)]
            active = active[nodes[active] >= 0]
        votes = self.leaves[~nodes].reshape(-1, self.n_classes)
        scores: NDArray[np.float64] = votes.sum(axis=0)
        return scores


def _lines_by_key(text: str) -> dict[str, list[str]]:
    """Collect what follows ``key=`` on all lines of the keys that matter, in order."""
    lines: dict[str, list[str]] = {key: [] for key in _KEYS}
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key in lines:
            lines[key].append(value)
    return lines


def _column(
    lines: Mapping[str, list[str]], key: str, kind: type[int | float]
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Read the numbers of all lines of a key, and how many each line has."""
    rows = ",".join(f"[{line.replace(' ', ',')}]" for line in lines[key])
    try:
        # As JSON the numbers are read several times faster than by float(), and none is NaN.
        numbers = msgspec.json.decode(f"[{rows}]", type=list[list[kind]])  # type: ignore[valid-type]
        column = np.array(list(chain.from_iterable(numbers)), dtype=kind)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        msg = f"The boosted trees are damaged: {error} ({key})."
        raise TreesError(msg) from error
    return column, np.array([len(row) for row in numbers], dtype=np.intp)


def fit_boosting(
    features: NDArray[np.float32],
    labels: NDArray[np.intp],
    n_classes: int,
    options: LightgbmOptions,
    random_state: int = 0,
) -> str:
    """Train class-balanced trees and give LightGBM's text form of them.

    Parameters
    ----------
    features : ndarray of float32, shape (n_training, n_features)
    labels : ndarray of int, shape (n_training,)
        In 0..n_classes-1; every class must occur.
    n_classes : int
    options : LightgbmOptions
    random_state : int

    Returns
    -------
    str
        What `Trees.parse` reads. No round is chosen by looking at
        held-out images: the number of trees is the recipe's.
    """
    import lightgbm

    counts = np.bincount(labels, minlength=n_classes)
    parameters = {
        "objective": "multiclass",
        "num_class": n_classes,
        "learning_rate": options.learning_rate,
        "num_leaves": options.leaves,
        "feature_fraction": options.feature_fraction,
        "lambda_l2": options.l2,
        "seed": random_state,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        # Tables this small gain nothing from threads, and lose much where cores are shared.
        "num_threads": 1,
    }
    weights = len(labels) / (n_classes * counts[labels])
    dataset = lightgbm.Dataset(features, labels, weight=weights, free_raw_data=True)
    booster = lightgbm.train(parameters, dataset, num_boost_round=options.trees)
    text: str = booster.model_to_string()
    return text


def fit_trees(
    problem: Problem, options: LightgbmOptions, random_state: int
) -> tuple[Machine, NDArray[np.float64]]:
    """Train the trees on all images, and out of fold."""
    n_classes = problem.n_classes

    def fit(features: NDArray[np.float32], labels: NDArray[np.intp]) -> Trees:
        text = fit_boosting(features, labels, n_classes, options, random_state)
        return Trees.parse(text, features.shape[1], n_classes)

    return fit_by_folds(fit, problem)


METHOD = Member("lightgbm", LightgbmOptions, fit_trees, Trees, ("lightgbm",), require_lightgbm)
