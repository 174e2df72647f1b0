"""Pooling: several images of a group become one row of probabilities."""

import numpy as np
import pytest

from trifuse.classifiers.conformal import fit_prediction_sets
from trifuse.classifiers.group_pooling import (
    LEAST_GROUPS,
    fit_pooling,
    pool,
    sum_groups,
    weigh_evidence,
)

PRIOR = np.array([0.5, 0.3, 0.2])


def draw(n_groups, likeness, seed=0):
    """Draw two images a group: alike ones (1) tell one thing, others (0) are independent."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n_groups, p=PRIOR)
    shared, own = rng.normal(size=(n_groups, 1, 3)), rng.normal(size=(n_groups, 2, 3))
    noise = shared if likeness else own
    # Of scores 2 * label + noise of deviation 1 the log likelihood ratios are 2 * score.
    scores = 2 * (2 * np.eye(3)[labels][:, None] + noise + np.zeros((1, 2, 1)))
    weights = PRIOR * np.exp(scores)
    probabilities = (weights / weights.sum(axis=-1, keepdims=True)).reshape(-1, 3)
    return probabilities, np.repeat(labels, 2), np.repeat(np.arange(n_groups), 2)


def test_one_image_keeps_its_probabilities():
    probabilities = np.array([[0.7, 0.2, 0.1]])
    for power in (0, 0.3, 1):
        pooled = pool(weigh_evidence(probabilities, PRIOR), np.array([1]), PRIOR, power)
        np.testing.assert_allclose(pooled, probabilities, rtol=1e-12)


def test_the_sum_is_bayes_rule_and_the_mean_that_of_one_image_twice():
    one, other = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.5, 0.3])
    evidence = weigh_evidence(one, PRIOR) + weigh_evidence(other, PRIOR)
    product = one * other / PRIOR
    summed = pool(evidence[None], np.array([2]), PRIOR, 1)[0]
    np.testing.assert_allclose(summed, product / product.sum())
    twice = pool(2 * weigh_evidence(one, PRIOR)[None], np.array([2]), PRIOR, 0)[0]
    np.testing.assert_allclose(twice, one)


def test_other_class_shares_shift_the_group_as_they_shift_an_image():
    new = np.array([0.1, 0.1, 0.8])
    images = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    shifted = images * new / PRIOR
    shifted /= shifted.sum(axis=1, keepdims=True)
    pooled = [
        pool(weigh_evidence(rows, prior).sum(axis=0)[None], np.array([2]), new, 0.4)
        for rows, prior in ((images, PRIOR), (shifted, new))
    ]
    np.testing.assert_allclose(*pooled)


@pytest.mark.parametrize(("likeness", "low", "high"), [(1, 0, 0.15), (0, 0.85, 1)])
def test_the_power_tells_how_much_a_second_image_adds(likeness, low, high):
    problem = draw(2000, likeness)
    prior = np.bincount(problem[1]) / len(problem[1])
    assert low <= fit_pooling(*problem, prior, 0.9).power <= high


def test_floors_are_those_of_pooled_groups():
    probabilities, labels, groups = draw(300, 0)
    alone = np.array([[0.1, 0.1, 0.8]] * 50)  # groups of one image count for nothing
    everything = (
        np.vstack([probabilities, alone]),
        np.append(labels, [0] * 50),
        np.append(groups, 1000 + np.arange(50)),
    )
    fitted = fit_pooling(*everything, PRIOR, 0.9)
    evidence, counts, own = sum_groups(probabilities, labels, groups, PRIOR)
    assert evidence.shape == (300, 3)
    pooled = pool(evidence, counts, PRIOR, fitted.power)
    expected = fit_prediction_sets(pooled, own, np.arange(300), 0.9)
    np.testing.assert_array_equal(fitted.sets.floors, expected.floors)


def test_groups_of_several_labels_count_for_nothing():
    probabilities, labels, groups = draw(3, 0)
    labels = np.array([0, 0, 1, 2, 2, 2])
    _, counts, own = sum_groups(probabilities, labels, groups, PRIOR)
    assert (counts.tolist(), own.tolist()) == ([2, 2], [0, 2])


@pytest.mark.parametrize("n_groups", [0, LEAST_GROUPS - 1])
def test_of_too_few_groups_the_mean_is_taken_and_sets_hold_everything(n_groups):
    fitted = fit_pooling(*draw(n_groups, 0), PRIOR, 0.9)
    assert fitted.power == 0
    assert fitted.sets.floors.tolist() == [0, 0, 0]
