"""The logarithmic opinion pool of several members."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.opinion_pool import (
    GREATEST_WEIGHT,
    MIXING_PENALTY,
    OpinionPool,
    fit_pool,
    pool_loss,
    regression_loss,
)

LABELS = np.random.default_rng(3).integers(3, size=200)


@pytest.fixture(scope="module")
def members():
    rng = np.random.default_rng(4)
    return {
        name: softmax(rng.normal(size=(200, 3)) + gain * np.eye(3)[LABELS])
        for name, gain in (("a", 0.5), ("b", 1.5), ("c", 0.0))
    }


def loss(pool, members):
    return -np.log(pool.combine(members)[np.arange(200), LABELS]).mean()


def cost(pool, members):
    """The loss, and what mixing costs."""
    moved = pool.mixing - np.eye(3)
    return loss(pool, members) + MIXING_PENALTY * (moved**2).sum() / 2 / 200


def test_what_it_computes(members):
    weights, biases = {"a": 0.3, "b": 0.9}, np.array([0.5, 0.0, -0.5])
    pool = replace(OpinionPool.plain(weights, 3), biases=biases)
    expected = members["a"] ** 0.3 * members["b"] ** 0.9 * np.exp(biases)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool.combine(members), expected)
    np.testing.assert_allclose(pool.alone("b").combine(members), members["b"])


def test_what_mixing_computes(members):
    mixing = np.array([[1, 0.5, 0], [0, 1, 0], [-0.25, 0, 2]])
    pool = replace(OpinionPool.plain({"a": 1.0}, 3), mixing=mixing)
    logs = np.log(members["a"])
    logs -= logs.mean(axis=1, keepdims=True)
    first, second, third = logs.T
    scores = np.stack([first - third / 4, second + first / 2, 2 * third], axis=1)
    np.testing.assert_allclose(pool.combine(members), softmax(scores))


def test_what_a_member_is_sure_of_is_a_number():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = OpinionPool.plain({"one": 1.0, "other": 1.0}, 2).combine(
        {"one": sure, "other": sure[::-1]}
    )
    np.testing.assert_allclose(found, 0.5)


def test_nothing_near_the_pool_is_better(members):
    pool = fit_pool(members, LABELS)
    best = cost(pool, members)
    assert all(0 <= weight <= GREATEST_WEIGHT for weight in pool.weights.values())
    assert pool.biases.mean() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(5)
    for scale in (1e-3, 0.1, 1.0):
        for _ in range(50):
            biases = pool.biases + rng.normal(scale=scale, size=3)
            mixing = pool.mixing + rng.normal(scale=scale, size=(3, 3))
            assert cost(replace(pool, mixing=mixing, biases=biases), members) >= best - 1e-9


def test_no_weights_near_those_found_are_better(members):
    weights = fit_pool(members, LABELS).weights

    def best(own):
        pool = OpinionPool.plain(own, 3)
        losses = [
            loss(replace(pool, biases=np.array(biases)), members)
            for biases in itertools.product(np.linspace(-0.3, 0.3, 13), repeat=3)
        ]
        return min(losses)

    found = best(weights)
    for name, step in itertools.product(members, (-0.1, 0.1)):
        assert best({**weights, name: max(0, weights[name] + step)}) >= found - 1e-3


@pytest.mark.parametrize("n", [50, 20_000])
def test_many_images_mix_more_than_few(n):
    """Evidence for the first class speaks against the second alone."""
    rng = np.random.default_rng(6)
    scores = rng.normal(size=(n, 3))
    truth = softmax(scores @ np.array([[1, -1, 0], [0, 1, 0], [0, 0, 1.0]]))
    labels = np.array([rng.choice(3, p=row) for row in truth])
    pool = fit_pool({"one": softmax(scores)}, labels, [np.zeros((n, 0))])
    moved = np.abs(pool.mixing - np.eye(3)).max()
    assert moved > 0.4 if n > 1000 else moved < 0.2


def test_classes_have_their_shares(members):
    """Where the biases are most likely, the mean probability of each class is its share."""
    found = fit_pool(members, LABELS).combine(members).mean(axis=0)
    np.testing.assert_allclose(found, np.bincount(LABELS) / 200, atol=1e-5)


def test_members_that_err_apart_are_surer_together(members):
    """Of two that know nothing of each other, the pool is better than any mean."""
    pair = {name: members[name] for name in "ab"}
    best = loss(fit_pool(pair, LABELS), pair)
    for share in np.linspace(0, 1, 51):
        mean = share * pair["a"] + (1 - share) * pair["b"]
        assert best < -np.log(mean[np.arange(200), LABELS]).mean() - 0.005


def test_a_member_without_merit_gets_no_weight(members):
    wrong = 0.9 - 0.8 * members["b"]
    pool = fit_pool({"b": members["b"], "wrong": wrong / wrong.sum(axis=1, keepdims=True)}, LABELS)
    assert pool.weights["wrong"] == 0 < pool.weights["b"]


def test_members_without_any_merit_are_taken_alike(members):
    wrong = {name: (1 - values) / 2 for name, values in members.items() if name != "c"}
    pool = fit_pool(wrong, LABELS)
    assert pool.weights == {"a": 0.5, "b": 0.5}


def test_one_member_is_taken_as_it_is(members):
    pool = fit_pool({"a": members["a"]}, LABELS)
    np.testing.assert_allclose(pool.combine({"a": members["a"]}), members["a"])


def test_members_that_are_always_right_have_bounds():
    sure = np.eye(2)[np.array([0, 1] * 5)] * 0.98 + 0.01
    pool = fit_pool({"one": sure, "other": sure}, np.array([0, 1] * 5))
    assert max(pool.weights.values()) <= GREATEST_WEIGHT
    assert pool.combine({"one": sure, "other": sure}).max(axis=1).min() > 0.999


def test_the_gradient(members):
    logs = np.log(np.stack(list(members.values())))
    at = np.array([0.3, 0.8, 0.1, 0.2, -0.4, 0.1])
    found = pool_loss(at, logs, LABELS)[1]
    expected = approx_fprime(at, lambda place: pool_loss(place, logs, LABELS)[0], 1e-7)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_gradient_of_the_regression(members):
    rng = np.random.default_rng(7)
    features, start = rng.normal(size=(200, 4)), rng.normal(size=(4, 3))
    penalties = np.array([5.0, 0.0, 50.0, 1.0])
    at = rng.normal(size=12)
    given = start, features, LABELS, penalties
    expected = approx_fprime(at, lambda place: regression_loss(place, *given)[0], 1e-7)
    np.testing.assert_allclose(regression_loss(at, *given)[1], expected, atol=1e-5)


@pytest.fixture(scope="module")
def columns():
    """Two columns: the first tells the classes apart, the second does not."""
    rng = np.random.default_rng(9)
    telling = np.eye(3)[np.where(rng.random(200) < 0.7, LABELS, rng.integers(3, size=200))]
    return [telling, np.eye(2)[rng.integers(2, size=200)]]


@pytest.fixture(scope="module")
def informed(members, columns):
    return fit_pool(members, LABELS, columns)


def test_coefficients_are_of_what_tells(informed):
    assert informed.coefficients.shape == (5, 3)
    assert np.diag(informed.coefficients[:3]).min() > 0.2
    assert np.abs(informed.coefficients[3:]).max() < 0.3


def test_what_is_known_helps(informed, members, columns):
    known = informed.combine(members, np.hstack(columns))
    assert -np.log(known[np.arange(200), LABELS]).mean() < loss(informed, members) - 0.1


def test_without_metadata_nothing_is_lost(informed, members):
    assert loss(informed, members) < loss(fit_pool(members, LABELS), members) + 0.01


def test_images_of_which_nothing_is_known(informed, members):
    nothing = informed.combine(members, np.zeros((200, 5)))
    np.testing.assert_array_equal(nothing, informed.combine(members))
