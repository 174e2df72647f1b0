"""Detail is compared whatever the light, and a texture that repeats proves little."""

import numpy as np
import pytest

from trifuse.training.duplicates.detail import FEW_AGREEING, correlate_detail
from trifuse.training.duplicates.keypoints import Alignment, to_grey

STAY = Alignment(np.eye(2, 3), 99)


def test_detail_is_compared_whatever_the_light(draw):
    image = to_grey(draw(0))
    assert correlate_detail(image, image, STAY) == pytest.approx(1)
    light = np.linspace(0.5, 0.9, 300)
    assert correlate_detail(image, (image * light + 20).astype(np.uint8), STAY) > 0.9
    assert correlate_detail(image, 255 - image, STAY) == 0


def test_equal_spots_with_other_detail_are_not_alike(draw):
    one, other = to_grey(draw(0)), to_grey(draw(1))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.7
    assert correlate_detail(one, other, STAY) < 0.2


def test_only_what_overlaps_is_compared(draw):
    image = to_grey(draw(0))
    shift = np.array([[1, 0, 100], [0, 1, 0]], float)
    shifted = np.full_like(image, 7)
    shifted[:, 100:] = image[:, :-100]
    assert correlate_detail(image, shifted, Alignment(shift, 99)) > 0.95
    assert correlate_detail(image, image, Alignment(shift * (1, 1, 9), 99)) == 0
    assert correlate_detail(np.full_like(image, 9), image, STAY) == 0


def test_a_texture_that_repeats_is_no_proof_where_few_matches_agree(draw):
    rows, columns = np.mgrid[:225, :300]
    stripes = (120 + 60 * np.sin((rows + 2 * columns) / 5)).astype(np.uint8)
    few, many = (Alignment(STAY.matrix, n) for n in (FEW_AGREEING, FEW_AGREEING + 1))
    assert correlate_detail(stripes, stripes, many) == pytest.approx(1)
    assert correlate_detail(stripes, stripes, few) == 0
    assert correlate_detail(to_grey(draw(0)), to_grey(draw(0)), few) == pytest.approx(1)
