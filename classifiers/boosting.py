"""Gradient-boosted trees on PCA-reduced blocks, trained by LightGBM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.recipes.options import LightgbmOptions


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
        What `trifuse.classifiers.trees.Trees.parse` reads. No round is chosen by looking at
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
