"""What a comparison gives: the probabilities of every method, out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """What is said of every image by what did not see it.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_repeats, n_images, n_classes)
        Under the class shares of each fold's training part; rows sum to 1.
    balanced : ndarray of float64, shape (n_repeats, n_images, n_classes)
        The same, shifted to a prior in which all classes are equally frequent.
    """

    probabilities: NDArray[np.float64]
    balanced: NDArray[np.float64]


@dataclass(frozen=True)
class MethodScores(Answers):
    """What one method says of every image, out of fold, and what it costs.

    Attributes
    ----------
    dimensions : int
        Length of the vector that the classifier sees: the sum of the blocks'.
    seconds : float
        Of processor time, to take the features of one image and score it; NaN if not measured.
    """

    dimensions: int
    seconds: float


@dataclass(frozen=True)
class Truth:
    """What is so of the images of one archive.

    Attributes
    ----------
    classes : tuple of str
        In the order of the probabilities' columns.
    labels : ndarray of intp, shape (n_images,)
    groups : ndarray of intp, shape (n_images,)
        The number of each image's lesion.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.intp]
    groups: NDArray[np.intp]


@dataclass(frozen=True)
class ComparisonScores(Truth):
    """What every method says of the images of one archive.

    Attributes
    ----------
    methods : dict of str to MethodScores
        In the order in which they were asked for.
    n_folds : int
    fingerprint : str
        Of the archive and the base recipe.
    """

    methods: dict[str, MethodScores]
    n_folds: int
    fingerprint: str


@dataclass(frozen=True)
class LearningCurve:
    """One method, fitted on growing parts of each fold's training lesions.

    Attributes
    ----------
    lesions : tuple of int
        Training lesions at each point, the mean over the folds, rounded; they grow.
    points : tuple of MethodScores
        Of each point: one repeat, and every image out of fold, so the test images are the same.
    """

    lesions: tuple[int, ...]
    points: tuple[MethodScores, ...]


@dataclass(frozen=True)
class Leakage:
    """One method, with folds drawn over lesions and with folds drawn over images.

    Attributes
    ----------
    by_lesion, by_image : MethodScores
        With the images of a lesion on one side of each split, and on both.
    """

    by_lesion: MethodScores
    by_image: MethodScores
