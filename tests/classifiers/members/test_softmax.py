"""The softmax layer is multinomial logistic regression."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.members.softmax import SoftmaxOptions, fit_softmax_layer


@pytest.fixture(scope="module", params=[2, 4])
def problem(request):
    rng = np.random.default_rng(0)
    labels = rng.integers(request.param, size=240)
    points = rng.normal(size=(240, 6)) + rng.normal(size=(request.param, 6))[labels]
    return points.astype(np.float32), labels, request.param


def test_it_comes_near_the_optimum(problem):
    points, labels, n_classes = problem
    layer = fit_softmax_layer(*problem, SoftmaxOptions(steps=4000, batch=60))
    assert layer.weights.shape == (n_classes, 6)
    assert (layer.weights.dtype, layer.intercepts.dtype) == (np.float32, np.float64)
    best = LogisticRegression(C=np.inf).fit(points, labels).predict_proba(points)
    found = softmax(layer.scores(points))
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(p[rows, labels], 1e-15)).mean() for p in (found, best)]
    assert losses[0] <= losses[1] + 0.02


def test_the_same_seed_gives_the_same(problem):
    options = SoftmaxOptions(steps=50)
    one, other, another = (fit_softmax_layer(*problem, options, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.weights, other.weights)
    assert np.abs(one.weights - another.weights).max() > 1e-4


def test_more_steps_learn_more(problem):
    points, labels, _ = problem
    losses = []
    for steps in (1, 2000):
        layer = fit_softmax_layer(*problem, SoftmaxOptions(steps=steps, batch=60))
        losses.append(-np.log(softmax(layer.scores(points))[np.arange(240), labels]).mean())
    assert losses[1] < losses[0] - 0.1


def test_fewer_images_than_a_batch():
    points = np.eye(3, dtype=np.float32)
    layer = fit_softmax_layer(points, np.arange(3), 3, SoftmaxOptions(steps=500))
    np.testing.assert_array_equal(layer.scores(points).argmax(axis=1), np.arange(3))
