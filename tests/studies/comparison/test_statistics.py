"""Figures, differences and tests of compared methods, against plain ones."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trifuse.classifiers.metrics import compute_metrics
from trifuse.studies.comparison.methods import MethodsError
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.comparison.statistics import (
    COMPARED,
    PRIMARY,
    ComparisonError,
    compute_statistics,
    holm,
    lesion_parts,
    swap_test,
)
from trifuse.studies.measured import FIGURES, measure_method

pytestmark = pytest.mark.slow


def slow_figures(method, scores, rows, groups):
    """Measure rows with compute_metrics, and average over the repeats; of the ECE its square."""
    repeats = []
    for probabilities, balanced in zip(method.probabilities, method.balanced, strict=True):
        labels, classes = scores.labels[rows], scores.classes
        plain = compute_metrics(probabilities[rows], labels, classes, groups)
        shifted = compute_metrics(balanced[rows], labels, classes)
        figures = {name: getattr(plain, name) for name in FIGURES if name != "balanced_bma"}
        figures["balanced_bma"], figures["ece"] = shifted.bma, plain.ece**2
        for name in classes:
            figures[f"recall_{name}"] = plain.recall[name]
            figures[f"balanced_recall_{name}"] = shifted.recall[name]
        repeats.append(figures)
    return {name: np.mean([part[name] for part in repeats]) for name in repeats[0]}


def slow_resamples(scores, count):
    """Repeat the rows of lesions drawn with replacement; one drawn twice is two."""
    rng, lesions = np.random.default_rng(0), list(dict.fromkeys(scores.groups))
    for _ in range(count):
        drawn = rng.integers(len(lesions), size=len(lesions))
        rows = [np.flatnonzero(scores.groups == lesions[i]) for i in drawn]
        yield np.concatenate(rows), np.repeat(np.arange(len(drawn)), list(map(len, rows)))


def test_figures_are_means_over_the_repeats(scores):
    method = scores.methods["cnn"]
    everything = np.arange(len(scores.labels))
    values = measure_method(method, scores, n_resamples=1).values
    slow = slow_figures(method, scores, everything, scores.groups)
    assert values == pytest.approx(slow | {"ece": slow["ece"] ** 0.5})


def test_resamples_equal_repeating_the_rows(scores):
    method = scores.methods["cnn"]
    fast = measure_method(method, scores, n_resamples=20).resampled
    slow = [slow_figures(method, scores, *drawn) for drawn in slow_resamples(scores, 20)]
    squares = np.array([figures["ece"] for figures in slow])
    everything = slow_figures(method, scores, np.arange(len(scores.labels)), scores.groups)
    mirrored = np.sqrt(np.maximum(everything["ece"] + squares.mean() - squares, 0))
    for name, values in fast.items():
        expected = mirrored if name == "ece" else [figures[name] for figures in slow]
        np.testing.assert_allclose(values, expected, err_msg=name)


def simulate(rng, n_lesions, recalls=(0.8, 0.6)):
    """Two classes; the images of a lesion are mostly right or wrong together."""
    of_lesion = rng.choice(2, n_lesions, p=[0.7, 0.3])
    groups = np.repeat(np.arange(n_lesions), rng.choice([1, 4], n_lesions))
    labels = of_lesion[groups]
    chance = np.array(recalls)[labels]
    together = (rng.random(n_lesions)[groups] < chance, rng.random(len(labels)) < chance)
    right = np.where(rng.random(len(labels)) < 0.8, *together)
    answers = np.where(right, labels, 1 - labels)
    probabilities = np.eye(2)[answers][None] * 0.8 + 0.1
    method = MethodScores(probabilities, probabilities, 1, 0.1)
    return ComparisonScores(("a", "b"), labels, groups, {"one": method}, 5, "")


def coverage(by_lesion):
    """Count how often intervals of simulated archives hold the true accuracy and BMA."""
    rng, hits = np.random.default_rng(1), []
    for _ in range(200):
        scores = simulate(rng, n_lesions=150)
        if not by_lesion:
            alone = np.arange(len(scores.labels))
            scores = ComparisonScores(scores.classes, scores.labels, alone, scores.methods, 5, "")
        measured = measure_method(scores.methods["one"], scores, n_resamples=300)
        intervals = [measured.estimate(name) for name in ("accuracy", "bma")]
        truths = (0.7 * 0.8 + 0.3 * 0.6, 0.7)
        hits.append([e.low <= t <= e.high for e, t in zip(intervals, truths, strict=True)])
    return np.mean(hits, axis=0)


def test_intervals_over_lesions_hold_the_truth_as_often_as_they_say():
    assert (np.abs(coverage(by_lesion=True) - 0.95) < 0.04).all()


def test_intervals_over_images_would_be_too_narrow():
    assert (coverage(by_lesion=False) < 0.88).all()


def test_paired_intervals_are_narrower_than_unpaired_ones(scores):
    """The methods stumble over the same lesions: what both get wrong tells nothing apart."""
    one, other = (measure_method(scores.methods[name], scores) for name in ("cnn", "color_fisher"))
    for figure in COMPARED:
        paired = one.minus(other, figure)
        widths = [np.diff(m.estimate(figure)[1:])[0] for m in (one, other)]
        assert paired.high - paired.low < 0.9 * np.hypot(*widths)


def test_differences_are_paired_with_the_baseline(scores, statistics):
    assert statistics.baseline == "color_fisher"
    assert list(statistics.differences) == [n for n in scores.methods if n != "color_fisher"]
    baseline = measure_method(scores.methods["color_fisher"], scores)
    for name, difference in statistics.differences.items():
        method = measure_method(scores.methods[name], scores)
        expected = {figure: method.minus(baseline, figure) for figure in COMPARED}
        assert difference.figures == expected


@pytest.mark.parametrize("primary", PRIMARY)
def test_lesions_add_up_to_the_figure(scores, primary):
    for method in scores.methods.values():
        parts = lesion_parts(method, scores, primary)
        assert len(parts) == len(set(scores.groups))
        assert parts.sum() == pytest.approx(measure_method(method, scores, 1).values[primary])


@pytest.mark.parametrize("primary", PRIMARY)
def test_p_values_are_of_the_primary_figure(scores, primary):
    differences = compute_statistics(scores, {}, {}, "cnn", primary).differences
    reference = lesion_parts(scores.methods["cnn"], scores, primary)
    p_values = [
        swap_test(lesion_parts(scores.methods[name], scores, primary) - reference)
        for name in differences
    ]
    assert [difference.p for difference in differences.values()] == p_values
    assert [difference.corrected_p for difference in differences.values()] == holm(p_values)


def test_a_clear_difference_is_found_and_none_is_not(new_archive):
    archive = new_archive(300, seed=3)
    same = archive.score(2.0)
    methods = {"one": same, "alike": same, "better": archive.score(3.0)}
    differences = compute_statistics(archive.scores(methods), {}, {}).differences
    assert differences["alike"].p == differences["alike"].corrected_p == 1
    assert set(differences["alike"].figures.values()) == {(0, 0, 0)}
    assert differences["better"].p <= 0.001
    assert differences["better"].figures["balanced_bma"].low > 0


def test_repeats_of_a_lesion_are_swapped_together(new_archive):
    """Twice the same answers are no more evidence than once."""
    archive = new_archive(100, seed=4)
    once = {"one": archive.score(2.0), "two": archive.score(2.3)}
    twice = {
        name: MethodScores(
            np.repeat(method.probabilities, 2, axis=0), np.repeat(method.balanced, 2, axis=0), 1, 1
        )
        for name, method in once.items()
    }
    single, double = (compute_statistics(archive.scores(m), {}, {}) for m in (once, twice))
    assert single.differences["two"].p == pytest.approx(double.differences["two"].p)
    for figure, estimate in single.figures["two"].items():
        assert estimate == pytest.approx(double.figures["two"][figure]), figure


def test_curves_are_of_the_primary_figure(scores, curves, statistics):
    for name, curve in curves.items():
        expected = [
            measure_method(point, scores).estimate("balanced_bma") for point in curve.points
        ]
        assert statistics.curves[name] == list(zip(curve.lesions, expected, strict=True))


def test_leakage_is_paired(scores, leakage, statistics):
    for name, pair in leakage.items():
        by_lesion, by_image = (
            measure_method(pair.by_lesion, scores),
            measure_method(pair.by_image, scores),
        )
        found = statistics.leakage[name]
        for figure in COMPARED:
            assert found.by_lesion[figure] == by_lesion.estimate(figure)
            assert found.by_image[figure] == by_image.estimate(figure)
            assert found.difference[figure] == by_image.minus(by_lesion, figure)
        assert found.difference["balanced_bma"].low > 0


def test_a_single_method_has_no_differences(new_archive):
    archive = new_archive(40, seed=0)
    statistics = compute_statistics(archive.scores({"alone": archive.score(1.0)}), {}, {})
    assert (statistics.baseline, statistics.differences) == ("alone", {})


def test_a_baseline_that_is_no_method(scores):
    with pytest.raises(MethodsError, match=r"^There is no method 'none'; there are 'color_fisher'"):
        compute_statistics(scores, {}, {}, "none")


def test_a_figure_that_cannot_be_tested(scores):
    message = (
        r"^The figure 'macro_auc' cannot be tested; name one of balanced_bma, bma, accuracy\.$"
    )
    with pytest.raises(ComparisonError, match=message):
        compute_statistics(scores, {}, {}, primary="macro_auc")


def test_one_method_takes_seconds(new_archive):
    archive = new_archive(2500, seed=0)
    scores = archive.scores({"one": archive.score(1.0)})
    start = time.process_time()
    measure_method(scores.methods["one"], scores)
    assert len(scores.labels) > 4500
    assert time.process_time() - start < 5


def slow_swap_test(differences):
    """Try every way to swap."""
    sums = [np.dot(signs, differences) for signs in product([-1, 1], repeat=len(differences))]
    return np.mean(np.abs(sums) >= abs(np.sum(differences)) - 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equals_all_swaps(seed):
    differences = np.random.default_rng(seed).integers(-2, 4, size=9) / 8
    assert swap_test(differences) == pytest.approx(slow_swap_test(differences))


def test_random_swaps_come_close_to_all():
    differences = np.random.default_rng(3).normal(0.7, 1, size=14)
    p = slow_swap_test(differences)
    assert 0.01 < p < 0.5
    assert swap_test(differences, 5000) == pytest.approx(p, abs=0.02)


def test_p_is_uniform_when_the_methods_are_exchangeable():
    rng = np.random.default_rng(0)
    sizes = rng.exponential(size=60)  # lesions of different weight
    p_values = [
        swap_test(rng.normal(size=60) * sizes, 199, random_state=number) for number in range(300)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.05


def test_p_never_is_zero():
    assert swap_test(np.full(50, 0.02), 99) == pytest.approx(2 / 100)


@pytest.mark.parametrize("differences", [[], [0, 0, 0], [0.5], [0, 0.5, 0]])
def test_too_little_to_tell(differences):
    assert swap_test(np.array(differences, dtype=float)) == 1.0


def test_two_lesions_are_told():
    assert swap_test(np.array([0.5, 0.5])) == 2 / 4
    assert swap_test(np.array([0.5, 0, 0.25])) == 2 / 4


@pytest.mark.parametrize("n_permutations", [255, 256, 257])
def test_all_ways_are_tried_where_they_are_no_more(n_permutations):
    """Of 8 lesions there are 256 ways; two of them give as much as none swapped."""
    p = swap_test(np.ones(8), n_permutations)
    assert (p == 2 / 256) == (n_permutations >= 256)


def test_swapping_the_methods_or_the_order_of_lesions():
    differences = np.random.default_rng(1).normal(0.2, 1, size=10)
    assert swap_test(differences) == swap_test(-differences) == swap_test(differences[::-1])


def test_lesions_answered_alike_change_nothing():
    differences = np.random.default_rng(1).normal(0.2, 1, size=40)
    padded = np.concatenate([differences, np.zeros(1000)])
    assert swap_test(padded, 500) == swap_test(differences, 500)


def test_holm_by_hand():
    # Sorted 0.010, 0.013, 0.014, 0.190, 0.350, times 5, 4, 3, 2, 1.
    assert holm([0.19, 0.01, 0.35, 0.014, 0.013]) == pytest.approx([0.38, 0.05, 0.38, 0.052, 0.052])


def test_holm_of_none_and_of_one():
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    corrected = np.array(holm(p_values))
    assert (corrected >= p_values).all()
    assert (corrected <= np.minimum(np.array(p_values) * len(p_values), 1)).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()
