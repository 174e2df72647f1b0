"""The swap test against all swaps, its p-values under the null, and Holm's worked steps."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trifuse.studies.comparison.significance import holm, swap_test


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
