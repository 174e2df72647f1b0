"""Samples of any bits become levels: the full range, rounded; blocks give what the whole gives."""

import numpy as np
import pytest

from trifuse.features.levels import level_table, paint, to_levels


@pytest.mark.parametrize("bits", [1, 2, 8, 12, 16])
def test_the_level_of_each_number_is_rounded_from_the_full_range(bits):
    top = 2**bits - 1
    assert level_table(bits).tolist() == [(510 * n + top) // (2 * top) for n in range(top + 1)]


def test_what_is_out_of_the_span_has_the_ends():
    assert to_levels(np.array([-9.0, -1, 0, 1, 9]), -1, 1).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("rows", [1, 64, 65, 200])
def test_blocks_of_rows_give_what_the_whole_gives(rows):
    codes = np.random.default_rng(0).integers(0, 256, (rows, 5), dtype=np.uint8)
    asked = []

    def show(block):
        asked.append(len(block))
        return np.stack([block, 255 - block], axis=2)

    painted = paint(codes, 2, show)
    np.testing.assert_array_equal(painted, show(codes))
    assert painted.flags.c_contiguous
    assert max(asked[:-1]) <= 64
