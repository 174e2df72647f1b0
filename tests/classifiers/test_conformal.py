"""Prediction sets: exact finite-sample floors, and coverage on exchangeable images."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, norm

from trifuse.classifiers.conformal import (
    CONFIDENCE,
    MANY_GROUPS,
    PredictionSets,
    class_pools,
    conformal_rank,
    find_floor,
    fit_prediction_sets,
    floor_rank,
    measure_coverage,
)

SHARES = arrays(np.float64, (5, 4), elements=st.floats(0, 1))


def sampled(counts, seed):
    """Probabilities of images of each class, blurred so that the classes overlap."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    scores = rng.normal(size=(len(labels), len(counts))) * (1 + labels[:, None])
    scores[np.arange(len(labels)), labels] += 2
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True), labels


def fit_alone(probabilities, labels, coverage):
    """Fit sets on images that are a lesion each."""
    return fit_prediction_sets(probabilities, labels, np.arange(len(labels)), coverage)


@pytest.mark.parametrize("n", [1, 8, 9, 10, 99, 100, 1600])
@pytest.mark.parametrize("level", [0.02, 0.5, 0.9, 0.98])
def test_the_rank_is_the_least_that_reaches_the_level(n, level):
    rank = conformal_rank(n, level)
    assert 1 <= rank <= n + 1
    assert rank / (n + 1) >= level - 1e-9
    assert rank == 1 or (rank - 1) / (n + 1) < level


def test_the_floor_of_a_large_class_is_the_exact_quantile():
    """Of 399 likelihoods at 90 %: the 40th smallest, which 360 of 400 places are not below."""
    likelihoods = np.random.default_rng(1).permutation(np.arange(1, 400) / 1000)
    probabilities = np.stack([likelihoods, 1 - likelihoods], axis=1)
    sets = fit_alone(probabilities, np.zeros(399, dtype=np.intp), 0.9)
    assert sets.floors[0] == 0.040
    assert np.sum(likelihoods >= sets.floors[0]) == conformal_rank(399, 0.9) == 360


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [*range(1, 40), 77, 115, 142, 199])
def test_the_rank_of_a_small_class_against_scipys_binomial(n, coverage):
    low = [r for r in range(1, n + 1) if binom.cdf(r - 1, n, 1 - coverage) <= 1 - CONFIDENCE]
    assert floor_rank(n, coverage) == max(low, default=0)


def test_a_small_class_reaches_its_coverage_in_most_draws():
    """The likelihoods are uniform here: the coverage of a floor is one minus the floor."""
    rng, rank = np.random.default_rng(0), floor_rank(100, 0.9)
    floors = np.sort(rng.random((4000, 100)), axis=1)[:, rank - 1]
    reached = np.mean(1 - floors >= 0.9)
    assert CONFIDENCE - 0.02 < reached < 0.97


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_coverage_of_exchangeable_images_in_each_class(coverage):
    counts, held = [400, 250, 60], []
    for seed in range(40):
        sets = fit_alone(*sampled(counts, seed), coverage)
        probabilities, labels = sampled(counts, 1000 + seed)
        inside = probabilities >= sets.floors  # without the most probable class, always held
        held.append([measure_coverage(inside, labels, [index]) for index in range(3)])
    found = np.mean(held, axis=0)
    np.testing.assert_allclose(found[:2], coverage, atol=0.012)
    assert coverage + 0.01 < found[2] < 1  # few images: wider sets, but not everything


def test_more_coverage_means_larger_sets():
    probabilities, labels = sampled([300, 300, 60, 5], 0)
    floors = [
        fit_alone(probabilities, labels, coverage).floors for coverage in (0.6, 0.8, 0.9, 0.99)
    ]
    for low, high in zip(floors[1:], floors, strict=False):
        assert np.all(low <= high)
    assert np.any(floors[-1] < floors[0])


def test_the_order_of_the_images_does_not_matter():
    probabilities, labels = sampled([250, 60, 5, 4], 0)
    order = np.random.default_rng(1).permutation(len(labels))
    one = fit_alone(probabilities, labels, 0.9)
    other = fit_alone(probabilities[order], labels[order], 0.9)
    np.testing.assert_array_equal(one.floors, other.floors)


def test_the_names_of_the_classes_do_not_matter():
    probabilities, labels = sampled([250, 60, 30], 0)
    order = np.array([2, 0, 1])
    one = fit_alone(probabilities, labels, 0.9)
    other = fit_alone(probabilities[:, order], np.argsort(order)[labels], 0.9)
    np.testing.assert_array_equal(one.floors[order], other.floors)


def test_classes_of_few_images_share_a_floor():
    assert class_pools([MANY_GROUPS, 21, 22, 3, 0], 0.9) == [[0], [2], [1, 3, 4]]
    assert class_pools([50, 50], 0.9) == [[0], [1]]
    probabilities, labels = sampled([300, 15, 15], 0)
    floors = fit_alone(probabilities, labels, 0.9).floors
    assert floors[1] == floors[2] > 0
    likelihoods = probabilities[np.arange(330), labels][300:]
    assert floors[1] == np.sort(likelihoods)[floor_rank(30, 0.9) - 1]


def test_classes_with_too_few_images_altogether_are_in_every_set():
    probabilities, labels = sampled([4, 3, 5], 0)
    sets = fit_alone(probabilities, labels, 0.9)
    np.testing.assert_array_equal(sets.floors, 0)
    assert sets.contain(probabilities).all()


@settings(deadline=None)
@given(SHARES, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_sets_against_a_loop(probabilities, floors):
    sets = PredictionSets(np.array(floors))
    inside = sets.contain(probabilities)
    for row, found in zip(probabilities, inside, strict=True):
        best = max(range(4), key=lambda index: row[index])
        expected = {index for index in range(4) if row[index] >= floors[index]} | {best}
        assert set(np.flatnonzero(found)) == expected
        members = sets.members(row)
        assert set(members) == expected
        assert members[0] == best
        assert len(members) == len(expected)
        assert all(row[a] >= row[b] for a, b in pairwise(members))
        assert all(type(index) is int for index in members)


def test_the_measured_coverage():
    sets = np.array([[True, False], [True, True], [False, True], [False, True]])
    labels = np.array([0, 1, 0, 1])
    assert measure_coverage(sets, labels, [0]) == 0.5
    assert measure_coverage(sets, labels, [1]) == 1.0
    assert measure_coverage(sets, labels, [0, 1]) == 0.75


def test_the_rank_is_that_of_exact_fractions():
    """In floats 0.28 * 25 is a little above 7."""
    for hundredths in range(1, 100):
        for n in range(1, 400):
            exact = max(1, ceil(Fraction(hundredths, 100) * (n + 1)))
            assert conformal_rank(n, hundredths / 100) == exact


def test_from_two_hundred_images_on_the_coverage_is_just_as_promised():
    assert [floor_rank(n, 0.9) for n in (199, 200, 201)] == [15, 20, 20]
    assert [floor_rank(n, 0.8) for n in (199, 200, 201)] == [33, 40, 40]


def draw_lesions(n_lesions, rng):
    """Draw uniform likelihoods of lesions of one to five images that are much alike."""
    lesions = np.repeat(np.arange(n_lesions), rng.integers(1, 6, n_lesions))
    alike = np.sqrt(0.7) * rng.normal(size=n_lesions)[lesions]
    return norm.cdf(alike + np.sqrt(0.3) * rng.normal(size=len(lesions))), lesions


@pytest.mark.parametrize("n_lesions", [25, 60, 120])
def test_small_classes_of_lesions_with_several_images_reach_their_coverage(n_lesions):
    """The coverage of a floor is one minus the floor; ranks of images promised too much."""
    rng = np.random.default_rng(0)
    draws = [draw_lesions(n_lesions, rng) for _ in range(2000)]
    floors = np.array([find_floor(likelihoods, lesions, 0.9) for likelihoods, lesions in draws])
    assert np.mean(1 - floors >= 0.9) > CONFIDENCE - 0.015
    assert np.mean(floors) > 0.01  # and not by holding everything
    plain = [
        find_floor(likelihoods, np.arange(len(lesions)), 0.9) for likelihoods, lesions in draws
    ]
    assert np.mean(1 - np.array(plain) >= 0.9) < CONFIDENCE - 0.02


def test_a_large_class_of_lesions_with_several_images_gets_just_its_coverage():
    rng = np.random.default_rng(1)
    floors = [find_floor(*draw_lesions(300, rng), 0.9) for _ in range(500)]
    np.testing.assert_allclose(np.mean(1 - np.array(floors)), 0.9, atol=0.005)


def test_a_floor_against_a_loop():
    """Of any likelihood, what lies below it is summed in fractions."""
    rng = np.random.default_rng(2)
    lesions = rng.integers(0, 70, 200)
    likelihoods = rng.integers(0, 100, 200) / 100  # with equal ones
    sizes, rank = np.bincount(lesions), floor_rank(len(set(lesions.tolist())), 0.9)
    fits = [
        value
        for value in likelihoods
        if sum(Fraction(1, int(sizes[own])) for own in lesions[likelihoods < value]) <= rank - 1
    ]
    assert find_floor(likelihoods, lesions, 0.9) == max(fits)


def test_an_image_that_is_there_twice_counts_once():
    probabilities, labels = sampled([300, 60, 30], 0)
    once = fit_alone(probabilities, labels, 0.9)
    twice = np.repeat(np.arange(len(labels)), 2)
    again = fit_prediction_sets(probabilities[twice], labels[twice], twice, 0.9)
    np.testing.assert_array_equal(again.floors, once.floors)


def two_strata(seed, counts=(400, 300)):
    """Two classes; likelihoods of the young are lower, and the first class has few of them."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], counts)
    strata = np.where(rng.random(len(labels)) < np.where(labels == 0, 0.1, 0.5), "young", "old")
    scores = rng.normal(size=len(labels)) + np.where(strata == "young", 0.0, 2.0)
    right = norm.cdf(scores)
    first = np.where(labels == 0, right, 1 - right)
    return np.stack([first, 1 - first], axis=1), labels, strata


@pytest.mark.parametrize("label", [0, 1])
def test_coverage_holds_in_each_stratum(label):
    """Without strata the young of a class are covered much less than the promise."""
    held, plain = [], []
    for seed in range(40):
        probabilities, labels, strata = two_strata(seed)
        groups = np.arange(len(labels))
        sets = fit_prediction_sets(probabilities, labels, groups, 0.9, strata)
        other = fit_prediction_sets(probabilities, labels, groups, 0.9)
        probabilities, labels, strata = two_strata(1000 + seed)
        rows = (strata == "young") & (labels == label)
        likelihoods = probabilities[rows, label]
        held.append(np.mean(likelihoods >= sets.strata["young"][label]))
        plain.append(np.mean(likelihoods >= other.floors[label]))
    assert np.mean(plain) < 0.82
    assert np.mean(held) > 0.895


def test_a_stratum_of_few_lesions_has_the_floors_of_the_classes():
    probabilities, labels, _ = two_strata(0)
    groups = np.arange(len(labels))
    strata = np.full(len(labels), "old", dtype="U5")
    strata[:21] = "young"  # of the first class, one too few for a rank
    strata[400:422] = "young"  # of the second, just enough
    sets = fit_prediction_sets(probabilities, labels, groups, 0.9, strata)
    plain = fit_prediction_sets(probabilities, labels, groups, 0.9)
    np.testing.assert_array_equal(sets.floors, plain.floors)
    assert sets.strata["young"][0] == plain.floors[0]
    own = slice(400, 422)
    assert sets.strata["young"][1] == find_floor(probabilities[own, 1], groups[own], 0.9)
    groups[400:422] = np.arange(400, 422) // 2  # eleven lesions of two images are too few again
    assert "young" not in fit_prediction_sets(probabilities, labels, groups, 0.9, strata).strata


def test_sets_of_strata():
    sets = PredictionSets(np.array([0.3, 0.3]), {"young": np.array([0.1, 0.6])})
    row = np.array([0.2, 0.8])
    assert sets.members(row) == sets.members(row, "old") == (1,)
    assert sets.members(row, "young") == (1, 0)
    inside = sets.contain(np.stack([row] * 3), ["young", "missing", "old"])
    assert inside.tolist() == [[True, True], [False, True], [False, True]]
    np.testing.assert_array_equal(sets.contain(row[None]), [[False, True]])
