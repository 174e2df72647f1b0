"""The review beside an ensemble: fitted out of fold, measured fold by fold."""

from dataclasses import asdict

import numpy as np
import pytest

from trifuse.classifiers.conformal import fit_prediction_sets
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.novelty import fit_novelty, fit_threshold
from trifuse.classifiers.review import LARGE_SET, _find_alarms, fit_review
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.normalization import l2_normalize
from trifuse.recipes.recipe import Recipe

N, CLASSES = 120, 5
GROUPS = np.arange(N) // 2
RECIPE = Recipe.from_dict(
    {
        "fusion": {"weights": {"sift_fisher": 3, "color_fisher": 1}},
        "lightgbm": {"pca_dimension": 5, "trees": 4, "leaves": 4, "feature_fraction": 1.0},
        "review": {"components": 5, "coverage": 0.8, "false_alarm_rate": 0.1},
    }
)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(N // 2) % CLASSES, 2)
    blocks = {
        "color_fisher": rng.normal(size=(N, 12)) + rng.normal(size=(CLASSES, 12))[labels],
        "sift_fisher": rng.normal(size=(N, 20)) + 0.7 * rng.normal(size=(CLASSES, 20))[labels],
    }
    blocks = {name: l2_normalize(block.astype(np.float32)) for name, block in blocks.items()}
    groups = [str(row // 2) for row in range(N)]
    return blocks, labels, grouped_stratified_folds(list(map(str, labels)), groups, 3, 0)


@pytest.fixture(scope="module")
def fitted(problem):
    _, labels, folds = problem
    _, out_of_fold = fit_ensemble(*problem, CLASSES, RECIPE, with_residuals=True)
    return out_of_fold, fit_review(labels, GROUPS, folds, out_of_fold, RECIPE)[0]


def test_its_parts_are_those_of_the_recipe(problem, fitted):
    labels, (out_of_fold, review) = problem[1], fitted
    probabilities = out_of_fold.probabilities["ensemble"]
    expected = fit_prediction_sets(probabilities, labels, GROUPS, 0.8)
    np.testing.assert_array_equal(review.sets.floors, expected.floors)
    novelty, scores = fit_novelty(out_of_fold.residuals, RECIPE)
    assert review.novelty.threshold == novelty.threshold == fit_threshold(scores, 0.1)


def test_the_figures_are_of_bounds_that_the_other_folds_gave(problem, fitted):
    _, labels, folds = problem
    out_of_fold, review = fitted
    probabilities = out_of_fold.probabilities["ensemble"]
    _, scores = fit_novelty(out_of_fold.residuals, RECIPE)
    held, sizes, alarms = np.zeros(N), np.zeros(N), np.zeros(N)
    for others, rows in folds:
        sets = fit_prediction_sets(probabilities[others], labels[others], GROUPS[others], 0.8)
        threshold = fit_threshold(scores[others], 0.1)
        for row in rows:
            members = sets.members(probabilities[row])
            held[row], sizes[row] = labels[row] in members, len(members)
            alarms[row] = scores[row] > threshold
    figures = review.figures
    for index, coverage in enumerate(figures.coverage):
        assert coverage == pytest.approx(held[labels == index].mean())
    assert figures.set_size == pytest.approx(sizes.mean())
    assert figures.large_sets == pytest.approx(np.mean(sizes > LARGE_SET))
    assert figures.false_alarms == pytest.approx(alarms.mean())
    assert 0 < figures.false_alarms < 0.25


def test_false_alarms_are_counted_by_thresholds_of_the_other_folds():
    """A fold that is unlike the others alarms wholly; a threshold of all would hide it."""
    folds = [(np.setdiff1d(np.arange(30), rows), rows) for rows in np.arange(30).reshape(3, 10)]
    scores = np.tile(np.arange(10.0), 3)
    scores[10:20] += 100
    assert _find_alarms(scores, folds, RECIPE).mean() == pytest.approx(10 / 30)


def test_the_figures_are_plain_numbers(fitted):
    figures = asdict(fitted[-1].figures)
    assert (figures.pop("strata"), figures.pop("alone")) == ((), None)
    assert all(type(value) is float for value in figures.pop("coverage"))
    assert all(type(value) is float for value in figures.values())


def test_fitting_again_gives_the_same(problem, fitted):
    _, labels, folds = problem
    out_of_fold, review = fitted
    again, _ = fit_review(labels, GROUPS, folds, out_of_fold, RECIPE)
    assert again.figures == review.figures
    assert again.novelty.threshold == review.novelty.threshold


def test_strata_are_measured_under_floors_that_the_other_folds_gave(problem, fitted):
    _, labels, folds = problem
    out_of_fold, plain = fitted
    strata = [("young", "old")[lesion % 2] for lesion in GROUPS // CLASSES]
    review, _ = fit_review(labels, GROUPS, folds, out_of_fold, RECIPE, strata)
    probabilities = out_of_fold.probabilities["ensemble"]
    expected = fit_prediction_sets(probabilities, labels, GROUPS, 0.8, strata)
    np.testing.assert_array_equal(review.sets.floors, plain.sets.floors)
    assert review.sets.strata.keys() == expected.strata.keys()
    assert [(one.name, one.images, one.groups) for one in review.figures.strata] == [
        ("old", 60, 30), ("young", 60, 30),
    ]  # fmt: skip
    inside = np.zeros(probabilities.shape, bool)
    for others, rows in folds:
        told = [strata[row] for row in others]
        sets = fit_prediction_sets(probabilities[others], labels[others], GROUPS[others], 0.8, told)
        inside[rows] = sets.contain(probabilities[rows], [strata[row] for row in rows])
    for one in review.figures.strata:
        rows = np.flatnonzero(np.array(strata) == one.name)
        assert one.coverage == pytest.approx(inside[rows, labels[rows]].mean())
        assert one.set_size == pytest.approx(inside[rows].sum(axis=1).mean())
    assert plain.figures.strata == ()
