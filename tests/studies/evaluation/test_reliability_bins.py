"""The bins are those of the calibration error, and their intervals hold."""

import numpy as np
import pytest

from trifuse.studies.evaluation.reliability_bins import bin_by_confidence


def test_bins_are_closed_above_and_empty_ones_left_out():
    confidence = np.array([0.2, 0.21, 0.2666, 1.0, 0.99])
    right = np.array([True, False, True, True, False])
    found = bin_by_confidence(confidence, right, np.array([0, 1, 1, 2, 3]))
    assert [(round(15 * one.low), round(15 * one.high)) for one in found] == [
        (2, 3), (3, 4), (14, 15),
    ]  # fmt: skip
    assert [(one.n_images, one.n_lesions) for one in found] == [(1, 1), (2, 1), (2, 2)]
    assert [one.accuracy.value for one in found] == [1, 0.5, 0.5]
    assert [one.confidence for one in found] == pytest.approx([0.2, 0.2383, 0.995])


def test_intervals_count_lesions():
    confidence, right = np.full(40, 0.9), np.arange(40) % 8 > 0
    (images,) = bin_by_confidence(confidence, right, np.arange(40))
    (lesions,) = bin_by_confidence(confidence, right, np.arange(40) // 4)
    assert images.accuracy.value == lesions.accuracy.value == 0.875
    widths = [one.accuracy.high - one.accuracy.low for one in (lesions, images)]
    assert widths[0] > 1.7 * widths[1]


@pytest.mark.parametrize("so", [0.5, 0.8, 0.95])
def test_intervals_hold_what_is_so(so):
    draw, inside = np.random.default_rng(0), []
    for _ in range(400):
        right = draw.random(60) < so
        (one,) = bin_by_confidence(np.full(60, 0.5), right, np.arange(60))
        inside.append(one.accuracy.low <= so <= one.accuracy.high)
    assert 0.92 < np.mean(inside) < 0.98


def test_none_and_all_are_within_their_intervals():
    for share in (0, 1):
        (one,) = bin_by_confidence(np.full(5, 0.5), np.full(5, bool(share)), np.arange(5))
        ends = (one.accuracy.low, one.accuracy.high)
        assert share in ends
        assert ends[1] - ends[0] > 0.3
