"""The linear machines against scikit-learn's on the vectors themselves."""

import numpy as np
import pytest
from sklearn.svm import SVC

from trifuse.classifiers.member import Kernel, Problem
from trifuse.classifiers.members.svm import SvmOptions, find_coordinates, fit_svm, fit_svm_member
from trifuse.encoders.fusion import fuse
from trifuse.encoders.normalization import l2_normalize


def problem(n=90, dim=200, n_classes=3, seed=0):
    """Unit vectors of unequally many images a class, which overlap."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.choice(n_classes, size=n, p=[0.6, 0.3, 0.1]))
    centers = 0.15 * rng.normal(size=(n_classes, dim))
    return l2_normalize((centers[labels] + rng.normal(size=(n, dim))).astype(np.float32)), labels


WEIGHTS = {"one": 1.0, "two": 3.0}


def split(vectors):
    """Make two blocks of vectors."""
    return {"one": vectors[:, :80], "two": vectors[:, 80:]}


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
    fused, fused_others = (fuse(split(each), WEIGHTS) for each in (vectors, others))
    dual = fit_svm(fused @ fused.T, labels, 3, 1.0)
    linear = dual.fold_back(split(vectors), WEIGHTS)
    assert linear.weights.shape == (3, 200)
    assert linear.weights.dtype == np.float32
    assert linear.weights.flags.c_contiguous
    expected = dual.scores(fused_others @ fused.T)
    np.testing.assert_allclose(linear.scores(fused_others), expected, atol=1e-5)


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


def of_some(n=300, n_rows=120):
    """A problem whose kernel is of some of the images."""
    vectors, labels = problem(n, dim=100)
    fused, rows = (
        fuse(split(vectors), WEIGHTS),
        np.sort(np.random.default_rng(2).permutation(n)[:n_rows]),
    )
    kernel = Kernel(rows, fused[rows] @ fused[rows].T)
    folds = [(np.setdiff1d(np.arange(n), test), test) for test in np.arange(n).reshape(-1, 3).T]
    return Problem(split(vectors), WEIGHTS, kernel, lambda: fused, labels, folds, 3), fused


def test_coordinates_keep_the_inner_products():
    """100 numbers an image are spanned by 120 images: nothing is lost."""
    some, fused = of_some()
    basis, points = find_coordinates(some, 0)
    assert basis.dtype == points.dtype == np.float32
    np.testing.assert_allclose(points @ points.T, fused @ fused.T, atol=1e-3)
    np.testing.assert_allclose(fused @ fused[some.kernel.rows].T @ basis, points, atol=1e-3)


def test_a_kernel_of_some_images_comes_near_that_of_all():
    some, fused = of_some()
    everything = some._replace(kernel=Kernel(np.arange(300), fused @ fused.T))
    machine, scores = fit_svm_member(some, SvmOptions(0.5), 0)
    exact, exact_scores = fit_svm_member(everything, SvmOptions(0.5), 0)
    assert machine.weights.shape == exact.weights.shape == (3, 100)
    for found, expected in ((machine.scores(fused), exact.scores(fused)), (scores, exact_scores)):
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.97
        assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) > 0.9


def test_a_kernel_of_some_images_is_fitted_out_of_fold():
    some, _ = of_some()
    before = fit_svm_member(some, SvmOptions(), 0)[1]
    _, test = some.folds[0]
    labels = some.labels.copy()
    labels[test] = (labels[test] + 1) % 3
    np.testing.assert_array_equal(
        fit_svm_member(some._replace(labels=labels), SvmOptions(), 0)[1][test], before[test]
    )
