"""Novelty: residuals against a plain loop, and a threshold that gives the false-alarm rate."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from trifuse.classifiers.components import Projected, analyse
from trifuse.classifiers.novelty import (
    LEAST_DEVIATION,
    find_worst,
    fit_novelty,
    fit_threshold,
)
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.normalization import l2_normalize
from trifuse.recipes.recipe import Recipe

BLOCKS = {"sift_fisher": 40, "color_fisher": 24}
RATE = 0.05


def with_options(components=6, rate=RATE):
    return Recipe.from_dict(
        {
            "fusion": {"weights": dict.fromkeys(BLOCKS, 1)},
            "lightgbm": {"pca_dimension": 9},
            "review": {"components": components, "false_alarm_rate": rate},
        }
    )


def draw(n, seed, spread=1.0):
    """Unit vectors that vary much in five directions, and a little in all."""
    rng, blocks = np.random.default_rng(seed), {}
    for name, dim in BLOCKS.items():
        frame = np.random.default_rng(dim).normal(size=(5, dim))
        values = 2 + spread * rng.normal(size=(n, 5)) @ frame + 0.3 * rng.normal(size=(n, dim))
        blocks[name] = l2_normalize(values.astype(np.float32))
    return blocks


def fold(n, folds=4):
    groups = [str(row // 2) for row in range(n)]
    return grouped_stratified_folds(["x"] * n, groups, folds, 0)


def fit(blocks, recipe):
    n = len(next(iter(blocks.values())))
    analysis = analyse(blocks, recipe, fold(n))
    novelty, scores = fit_novelty(analysis.residuals, recipe)
    return novelty, analysis.projections, scores


@pytest.fixture(scope="module")
def fitted():
    return fit(draw(400, 0), with_options())


def test_the_worst_block_counts():
    residuals, means = np.exp([[1.0, 5.0], [3.0, -9.0]]), np.array([1.0, 1.0])
    assert find_worst(residuals, means, np.array([0.5, 2.0])).tolist() == [2.0, 4.0]


def test_scores_of_the_fitted_against_a_loop(fitted):
    novelty, projections, _ = fitted
    blocks = draw(30, 1)
    residuals = Projected(blocks, projections).residuals(6)
    for row, score in enumerate(novelty.scores(Projected(blocks, projections))):
        standardised = [
            (np.log(residual) - mean) / deviation
            for residual, mean, deviation in zip(
                residuals[row], novelty.means, novelty.deviations, strict=True
            )
        ]
        assert score == pytest.approx(max(standardised))


def test_a_row_alone_scores_as_in_company(fitted):
    novelty, projections, _ = fitted
    blocks = draw(9, 2)
    together = novelty.scores(Projected(blocks, projections))
    alone = [
        novelty.scores(
            Projected({name: b[row : row + 1] for name, b in blocks.items()}, projections)
        )
        for row in range(9)
    ]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-3)


def test_the_threshold_gives_the_false_alarm_rate(fitted):
    novelty, projections, scores = fitted
    assert np.sum(scores > novelty.threshold) == 19  # of 401 places 0.05 is 20, one to come
    held_out = novelty.are_unfamiliar(Projected(draw(4000, 3), projections))
    assert held_out.dtype == bool
    assert 0.01 < held_out.mean() < 2 * RATE


def test_what_is_elsewhere_is_unfamiliar(fitted):
    novelty, projections, _ = fitted
    rng = np.random.default_rng(4)
    noise = {name: rng.normal(size=(200, dim)) for name, dim in BLOCKS.items()}
    noise = {name: l2_normalize(block.astype(np.float32)) for name, block in noise.items()}
    assert novelty.are_unfamiliar(Projected(noise, projections)).mean() == 1


def test_an_image_at_the_threshold_is_familiar(fitted):
    novelty, projections, _ = fitted
    blocks = draw(5, 3)
    scores = np.sort(novelty.scores(Projected(blocks, projections)))
    at = replace(novelty, threshold=scores[2])
    assert at.are_unfamiliar(Projected(blocks, projections)).sum() == 2


def test_a_score_that_is_no_number_is_unfamiliar(fitted):
    novelty, projections, _ = fitted
    blocks = {name: np.full((1, dim), np.nan, np.float32) for name, dim in BLOCKS.items()}
    assert novelty.are_unfamiliar(Projected(blocks, projections)).all()


def test_scores_against_folds_by_hand(fitted):
    novelty, _, scores = fitted
    blocks, residuals = draw(400, 0), np.zeros((400, 2))
    for training, test in fold(400):
        for column, block in enumerate(blocks.values()):
            pca = PCA(6).fit(block[training].astype(float))
            errors = block[test] - pca.inverse_transform(pca.transform(block[test].astype(float)))
            residuals[test, column] = np.square(errors).sum(axis=1)
    logarithms = np.log(residuals)
    np.testing.assert_allclose(novelty.means, logarithms.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(novelty.deviations, logarithms.std(axis=0), rtol=1e-4)
    expected = (logarithms - logarithms.mean(axis=0)) / logarithms.std(axis=0)
    np.testing.assert_allclose(scores, expected.max(axis=1), atol=1e-3)


def test_images_that_it_was_fitted_on_are_familiar(fitted):
    novelty, projections, _ = fitted
    assert novelty.are_unfamiliar(Projected(draw(400, 0), projections)).mean() <= RATE


def test_the_order_of_the_images_does_not_matter_to_a_score(fitted):
    novelty, projections, _ = fitted
    blocks, order = draw(40, 6), np.random.default_rng(0).permutation(40)
    scores = novelty.scores(Projected(blocks, projections))
    shuffled = novelty.scores(
        Projected({name: block[order] for name, block in blocks.items()}, projections)
    )
    np.testing.assert_allclose(shuffled, scores[order], atol=1e-3)


@pytest.mark.parametrize("n", [8, 12])
def test_fewer_images_than_components_give_finite_numbers(n):
    novelty, projections, scores = fit(draw(n, 0), with_options(components=64))
    found = novelty.scores(Projected(draw(5, 1), projections))
    for numbers in (scores, found, novelty.means, novelty.deviations, novelty.threshold):
        assert np.all(np.isfinite(numbers))
    assert np.all(novelty.deviations >= LEAST_DEVIATION)


def test_images_that_are_all_the_same_give_finite_numbers():
    same = {name: np.repeat(block, 8, axis=0) for name, block in draw(1, 0).items()}
    novelty, projections, scores = fit(same, with_options())
    np.testing.assert_allclose(novelty.deviations, LEAST_DEVIATION)
    np.testing.assert_allclose(scores, 0, atol=1e-9)
    assert novelty.are_unfamiliar(Projected(draw(3, 1), projections)).all()


@pytest.mark.parametrize(("n", "rate", "expected"), [(99, 0.02, 98), (199, 0.05, 190), (9, 0.1, 9)])
def test_the_threshold_is_the_exact_quantile(n, rate, expected):
    scores = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert fit_threshold(scores, rate) == expected
    assert np.mean(scores > expected) <= rate


def test_too_few_scores_for_the_rate_give_the_largest():
    assert fit_threshold(np.array([3.0, 9.0, 4.0]), 0.02) == 9.0
