"""Scores as a comparison gives them: methods that stumble over the same lesions."""

import numpy as np
import pytest

from trifuse.classifiers.prior import shift_prior
from trifuse.studies.comparison.scores import (
    ComparisonScores,
    Leakage,
    LearningCurve,
    MethodScores,
)

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
SHARES = np.array([327, 514, 1099, 115, 1113, 1600, 142]) / 4910  # of the subset in docs/results.md
STRENGTHS = {"color_fisher": 2.0, "cnn": 1.9, "sift_fisher & cnn": 2.4, "sift_vlad": 1.3}


class Archive:
    """Labels, lesions, and what all methods see alike of each lesion and each image."""

    def __init__(self, n_lesions, seed, classes=CLASSES, shares=SHARES):
        self.rng = np.random.default_rng(seed)
        self.classes = classes
        of_lesion = self.rng.choice(len(classes), n_lesions, p=shares)
        of_lesion[: 2 * len(classes)] = np.tile(np.arange(len(classes)), 2)
        self.groups = np.repeat(np.arange(n_lesions), self.rng.choice([1, 2, 3], n_lesions))
        self.labels = of_lesion[self.groups]
        self.shares = np.bincount(self.labels) / len(self.labels)
        shape = (n_lesions, len(classes))
        self.shared = self.rng.normal(size=shape)[self.groups]

    def score(self, strength, n_repeats=1, dimensions=1000, seconds=0.1):
        """Probabilities that are the surer of the label, the greater `strength`."""
        shape = (n_repeats, len(self.labels), len(self.classes))
        own = self.rng.normal(size=shape[1:]) + 0.2 * self.rng.normal(size=shape)
        logits = np.log(self.shares) + strength * np.eye(len(self.classes))[self.labels]
        probabilities = np.exp(logits + self.shared + 0.5 * own)
        probabilities /= probabilities.sum(axis=2, keepdims=True)
        even = np.full(len(self.classes), 1 / len(self.classes))
        balanced = shift_prior(probabilities, self.shares, even)
        return MethodScores(probabilities, balanced, dimensions, seconds)

    def scores(self, methods, n_folds=5):
        return ComparisonScores(
            self.classes, self.labels, self.groups, methods, n_folds, fingerprint="0a1b2c3d4e5f"
        )


@pytest.fixture(scope="session")
def new_archive():
    """The class of an archive that is made up: ``new_archive(n_lesions, seed)``."""
    return Archive


@pytest.fixture(scope="session")
def made_up(new_archive):
    """Scores of four methods, two learning curves and the leakage of two, never to be changed."""
    archive = new_archive(250, seed=1)
    methods = {
        name: archive.score(strength, 2, 1000 * number, 0.05 * number)
        for number, (name, strength) in enumerate(STRENGTHS.items(), start=1)
    }
    curves = {
        name: LearningCurve((50, 100, 200), tuple(map(archive.score, strengths)))
        for name, strengths in {"color_fisher": (1.2, 1.6, 2.0), "cnn": (0.5, 1.3, 1.9)}.items()
    }
    leakage = {
        name: Leakage(methods[name], archive.score(STRENGTHS[name] + 1.0, 2))
        for name in ("color_fisher", "cnn")
    }
    return archive.scores(methods), curves, leakage


@pytest.fixture(scope="session")
def scores(made_up):
    return made_up[0]


@pytest.fixture(scope="session")
def curves(made_up):
    return made_up[1]


@pytest.fixture(scope="session")
def leakage(made_up):
    return made_up[2]


@pytest.fixture(scope="session")
def statistics(made_up):
    from trifuse.studies.comparison.statistics import compute_statistics

    return compute_statistics(*made_up)
