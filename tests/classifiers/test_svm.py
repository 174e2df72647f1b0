"""The linear machines against scikit-learn's on the vectors themselves."""

import numpy as np
import pytest
from sklearn.svm import SVC

from trifuse.classifiers.svm import fit_svm
from trifuse.encoders.normalization import l2_normalize


def problem(n=90, dim=200, n_classes=3, seed=0):
    """Unit vectors of unequally many images a class, which overlap."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.choice(n_classes, size=n, p=[0.6, 0.3, 0.1]))
    centers = 0.15 * rng.normal(size=(n_classes, dim))
    return l2_normalize((centers[labels] + rng.normal(size=(n, dim))).astype(np.float32)), labels


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_equals_scikit_learn_on_the_vectors(C):
    vectors, labels = problem()
    others = problem(seed=1)[0]
    dual = fit_svm(vectors @ vectors.T, labels, 3, C)
    scores = dual.scores(others @ vectors.T)
    for index in range(3):
        machine = SVC(C=C, kernel="linear", class_weight="balanced")
        machine.fit(vectors.astype(np.float64), labels == index)
        expected = machine.decision_function(others.astype(np.float64))
        np.testing.assert_allclose(scores[:, index], expected, atol=5e-3)


def test_folding_back_changes_no_score():
    vectors, labels = problem()
    others = problem(seed=1)[0]
    dual = fit_svm(vectors @ vectors.T, labels, 3, 1.0)
    linear = dual.fold_back(vectors)
    assert linear.weights.shape == (3, 200)
    assert linear.weights.dtype == np.float32
    assert linear.weights.flags.c_contiguous
    np.testing.assert_allclose(linear.scores(others), dual.scores(others @ vectors.T), atol=1e-5)


def test_coefficients_are_those_of_the_dual():
    vectors, labels = problem()
    C = 0.5
    dual = fit_svm(vectors @ vectors.T, labels, 3, C)
    assert dual.coefficients.shape == (90, 3)
    np.testing.assert_allclose(dual.coefficients.sum(axis=0), 0, atol=1e-9)
    for index in range(3):
        own = labels == index
        assert np.all(dual.coefficients[own, index] >= 0)
        assert np.all(dual.coefficients[~own, index] <= 0)
        for side in (own, ~own):
            most = C * 90 / (2 * side.sum())  # the cost of a violation, balanced
            assert np.abs(dual.coefficients[side, index]).max() == pytest.approx(most, rel=1e-6)


def test_own_images_score_highest():
    vectors, labels = problem()
    scores = fit_svm(vectors @ vectors.T, labels, 3, 10.0).scores(vectors @ vectors.T)
    np.testing.assert_array_equal(scores.argmax(axis=1), labels)


def test_a_permutation_of_the_images_permutes_the_coefficients():
    vectors, labels = problem()
    order = np.random.default_rng(0).permutation(90)
    kernel = vectors @ vectors.T
    scores = fit_svm(kernel, labels, 3, 1.0).scores(kernel)
    permuted = fit_svm(kernel[np.ix_(order, order)], labels[order], 3, 1.0)
    np.testing.assert_allclose(permuted.scores(kernel[:, order]), scores, atol=5e-3)


def test_the_kernel_is_left_alone():
    vectors, labels = problem()
    kernel = vectors @ vectors.T
    before = kernel.copy()
    fit_svm(kernel, labels, 3, 1.0)
    np.testing.assert_array_equal(kernel, before)
