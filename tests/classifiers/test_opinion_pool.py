"""The logarithmic opinion pool of several members."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.opinion_pool import GREATEST_WEIGHT, OpinionPool, fit_pool, pool_loss

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


def test_what_it_computes(members):
    pool = OpinionPool({"a": 0.3, "b": 0.9}, np.array([0.5, 0.0, -0.5]))
    expected = members["a"] ** 0.3 * members["b"] ** 0.9 * np.exp([0.5, 0, -0.5])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool.combine(members), expected)
    np.testing.assert_allclose(pool.alone("b").combine(members), members["b"])


def test_what_a_member_is_sure_of_is_a_number():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = OpinionPool({"one": 1.0, "other": 1.0}, np.zeros(2)).combine(
        {"one": sure, "other": sure[::-1]}
    )
    np.testing.assert_allclose(found, 0.5)


def test_nothing_near_the_pool_is_better(members):
    pool = fit_pool(members, LABELS)
    best = loss(pool, members)
    assert all(0 <= weight <= GREATEST_WEIGHT for weight in pool.weights.values())
    assert pool.biases.mean() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(5)
    for scale in (1e-3, 0.1, 1.0):
        for _ in range(50):
            weights = {
                name: max(0.0, weight + rng.normal(scale=scale))
                for name, weight in pool.weights.items()
            }
            other = OpinionPool(weights, pool.biases + rng.normal(scale=scale, size=3))
            assert loss(other, members) >= best - 1e-9


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
    np.testing.assert_array_equal(pool.biases, 0)


def test_one_member_is_taken_as_it_is(members):
    pool = fit_pool({"a": members["a"]}, LABELS)
    assert pool.weights == {"a": 1.0}
    np.testing.assert_array_equal(pool.biases, 0)


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
