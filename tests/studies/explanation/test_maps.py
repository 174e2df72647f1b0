"""Maps keep the sum of what is spread, and put it where the descriptors are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.descriptors.cnn import map_descriptors
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import PatchGrid
from trifuse.studies.explanation.maps import Lattice, cell_lattice, patch_lattices, spread


def positions(lattice):
    """(row, column) of each descriptor, in [-0.5, 0.5], row by row."""
    rows, columns = np.meshgrid(lattice.rows - 0.5, lattice.columns - 0.5, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel()], axis=1)


def slow_spread(contributions, lattice, shape):
    """Each descriptor's Gaussian on the whole map, one by one."""
    total = np.zeros(shape)
    for value, (row, column) in zip(contributions, positions(lattice) + 0.5, strict=True):
        y, x = (np.arange(length) + 0.5 for length in shape)
        y = (y - row * shape[0]) / (lattice.side[0] * shape[0] / 2)
        x = (x - column * shape[1]) / (lattice.side[1] * shape[1] / 2)
        window = np.exp(-0.5 * (y[:, None] ** 2 + x**2))
        total += value * window / window.sum()
    return total


@pytest.mark.parametrize("shape", [(40, 56), (33, 47)])
@pytest.mark.parametrize(("step", "bin_sizes"), [(4, (4,)), (6, (3, 5, 8))])
def test_patches_are_where_dense_sift_puts_them(shape, step, bin_sizes):
    for options in ({}, {"bounds": (3, 5, 30, 40)}, {"aligned": True}):
        extractor = DenseSiftExtractor(step, bin_sizes, **options)
        found = extractor.extract(np.zeros(shape, np.uint8))
        lattices = patch_lattices(extractor.grids(shape))
        expected = np.concatenate([positions(lattice) for lattice in lattices])
        np.testing.assert_allclose(found.positions, expected, atol=1e-6)


def test_cells_are_where_map_descriptors_puts_them():
    found = map_descriptors(np.zeros((3, 5, 2), np.float32))
    np.testing.assert_allclose(found.positions, positions(cell_lattice(3, 5)), atol=1e-6)


def test_spread_against_a_loop():
    (lattice,) = patch_lattices([PatchGrid((24, 30), 6, 3)])
    contributions = np.random.default_rng(0).normal(size=len(lattice.rows) * len(lattice.columns))
    np.testing.assert_allclose(
        spread(contributions, [lattice], (24, 30)), slow_spread(contributions, lattice, (24, 30))
    )


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_the_sum_is_kept(rows, columns, n_rows, n_columns):
    grids = [PatchGrid((rows, columns), 2, size) for size in (1, 2)]
    lattices = [cell_lattice(n_rows, n_columns), *patch_lattices(grids)]
    n = sum(len(lattice.rows) * len(lattice.columns) for lattice in lattices)
    contributions = np.random.default_rng(n).normal(size=n)
    found = spread(contributions, lattices, (rows, columns))
    assert found.sum() == pytest.approx(contributions.sum(), abs=1e-9)


def test_one_descriptor_peaks_at_its_centre():
    lattices = patch_lattices([PatchGrid((41, 61), 5, 4)])
    (lattice,) = lattices
    contributions = np.zeros(len(lattice.rows) * len(lattice.columns))
    contributions[2 * len(lattice.columns) + 3] = 1
    found = spread(contributions, lattices, (41, 61))
    assert np.unravel_index(found.argmax(), found.shape) == (2 * 5 + 6, 3 * 5 + 6)


def test_no_descriptors_give_an_empty_map():
    nowhere = Lattice(np.zeros(0), np.zeros(0), (1.0, 1.0))
    assert not spread(np.zeros(0), [nowhere], (3, 4)).any()
