"""Resamples hold whole groups, as many as there are, and depend on the groups alone."""

import math

import numpy as np
import pytest

from trifuse.classifiers.bootstrap import (
    RESAMPLES_AT_ONCE,
    interval_around,
    resample_groups,
)

GROUPS = ["b", "a", "b", "c", "d", "a", "b"]


def test_groups_are_drawn_whole():
    weights = np.concatenate(list(resample_groups(GROUPS, 250, random_state=0)), axis=1)
    assert weights.shape == (7, 250)
    for group in "abcd":
        of_group = weights[[name == group for name in GROUPS]]
        assert (of_group == of_group[0]).all()
    drawn = weights[[0, 1, 3, 4]]
    np.testing.assert_array_equal(drawn.sum(axis=0), 4)
    np.testing.assert_allclose(drawn.mean(axis=1), 1, atol=0.2)


def test_they_come_in_parts_that_do_not_matter():
    few = next(resample_groups(GROUPS, 30, random_state=5))
    many = list(resample_groups(GROUPS, RESAMPLES_AT_ONCE + 30, random_state=5))
    assert [part.shape[1] for part in many] == [RESAMPLES_AT_ONCE, 30]
    np.testing.assert_array_equal(few, many[0][:, :30])


def test_one_group_cannot_be_resampled():
    assert list(resample_groups(["a", "a"], 10, random_state=0)) == []


def test_a_percentile_interval_leaves_nan_out():
    values = np.array([math.nan, *range(101), math.nan], dtype=float)
    assert interval_around(50, values) == pytest.approx((2.5, 97.5))
    assert interval_around(50, values, level=0.5) == (25.0, 75.0)


def test_an_interval_is_widened_to_its_value():
    assert interval_around(20, np.arange(101.0), level=0.5) == (20, 75.0)
    assert interval_around(80, np.arange(101.0), level=0.5) == (25.0, 80)
    assert all(map(math.isnan, interval_around(math.nan, np.arange(101.0))))


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_nothing_known_has_no_interval(values):
    assert all(map(math.isnan, interval_around(1.0, np.array(values))))
