"""A softmax layer on the fused blocks: multinomial logistic regression by gradient descent."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.member import LinearMachine, Machine, Member, Problem, fit_by_folds
from trifuse.features.checks import Count
from trifuse.recipes.options import Positive


@dataclass(frozen=True)
class SoftmaxOptions:
    """The softmax layer on the fused blocks, trained by gradient descent."""

    steps: Count = 4_000
    batch: Count = 100
    """Images a step."""
    learning_rate: Positive = 0.01
    """Of Adam."""


def fit_softmax_layer(
    fused: NDArray[np.float32],
    labels: NDArray[np.intp],
    n_classes: int,
    options: SoftmaxOptions,
    random_state: int = 0,
) -> LinearMachine:
    """Train a dense layer and a softmax on the cross-entropy, as bottlenecks are retrained [1]_.

    Parameters
    ----------
    fused : ndarray of float32, shape (n_training, dim)
    labels : ndarray of int, shape (n_training,)
        In 0..n_classes-1; every class must occur.
    n_classes : int
    options : SoftmaxOptions
        The steps are made up to whole epochs.
    random_state : int

    Returns
    -------
    LinearMachine
        Its scores are the logits.

    References
    ----------
    .. [1] J. Donahue et al., "DeCAF: A deep convolutional activation feature for generic visual
       recognition", ICML 2014, section 4.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    batch = min(options.batch, len(labels))
    epochs = math.ceil(options.steps / math.ceil(len(labels) / batch))
    layer = MLPClassifier(
        hidden_layer_sizes=(),
        alpha=0.0,
        batch_size=batch,
        learning_rate_init=options.learning_rate,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=random_state,
    )
    with warnings.catch_warnings():  # that all steps were made
        warnings.simplefilter("ignore", ConvergenceWarning)
        layer.fit(fused, labels)
    weights, intercepts = layer.coefs_[0], layer.intercepts_[0].astype(np.float64)
    if n_classes == 2:  # one logit, of the second class
        weights = np.hstack([np.zeros_like(weights), weights])
        intercepts = np.append(0.0, intercepts)
    return LinearMachine(np.ascontiguousarray(weights.T, dtype=np.float32), intercepts)


def fit_softmax_member(
    problem: Problem, options: SoftmaxOptions, random_state: int
) -> tuple[Machine, NDArray[np.float64]]:
    """Fit the layer on all images, and out of fold."""
    return fit_by_folds(
        lambda fused, labels: fit_softmax_layer(
            fused, labels, problem.n_classes, options, random_state
        ),
        problem,
    )


METHOD = Member("softmax", SoftmaxOptions, fit_softmax_member)
