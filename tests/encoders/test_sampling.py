"""Samples: how large, how even, and how little is in memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.sampling import Reservoir, sample_descriptors
from trifuse.features.grid import LocalDescriptors


def descriptors(n, d=3):
    values = np.arange(n * d, dtype=np.float32).reshape(n, d)
    return LocalDescriptors(values, values[:, :2] / max(1, n * d))


def stream(lengths):
    """Parts of a stream of numbered rows, (n, 1)."""
    rows = np.arange(sum(lengths), dtype=np.float32)[:, None]
    return np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []


def drawn(parts, size, seed=0):
    """The numbers of the rows that a reservoir keeps."""
    reservoir = Reservoir(size, seed)
    for part in parts:
        reservoir.add(part)
    return reservoir.sample()[:, 0].astype(int)


def held(reservoir):
    return sum(map(len, reservoir._rows))


def assert_even(counts, expected):
    """Pearson's chi-squared, far above its mean only once in a million."""
    freedom = len(counts) - 1
    assert np.sum((counts - expected) ** 2 / expected) < freedom + 5 * np.sqrt(2 * freedom)


LENGTHS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@settings(deadline=None)
@given(n=st.integers(0, 30), wanted=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_a_draw_has_no_row_twice(n, wanted, seed):
    found = descriptors(n)
    chosen = sample_descriptors(found, wanted, (seed, 5))
    again = sample_descriptors(found, wanted, (seed, 5))
    assert chosen.values.shape == (min(n, wanted), 3)
    rows = chosen.values[:, 0] // 3
    assert np.all(np.diff(rows) > 0)  # in the image's order, each once
    np.testing.assert_array_equal(chosen.positions, found.positions[rows.astype(int)])
    np.testing.assert_array_equal(chosen.values, again.values)


def test_draws_of_other_seeds_differ():
    found = descriptors(200)
    draws = {tuple(sample_descriptors(found, 5, (0, image)).values[:, 0]) for image in range(20)}
    assert len(draws) == 20


def test_draws_are_even():
    found = descriptors(10)
    rows = [sample_descriptors(found, 3, (seed,)).values[:, 0] // 3 for seed in range(1000)]
    counts = np.bincount(np.concatenate(rows).astype(int), minlength=10)
    assert np.all(np.abs(counts - 300) < 5 * np.sqrt(1000 * 0.3 * 0.7))


@settings(deadline=None)
@given(lengths=LENGTHS, size=st.integers(1, 50), seed=st.integers(0, 2**31 - 1))
def test_a_reservoir_keeps_its_size_or_all_there_is(lengths, size, seed):
    rows = drawn(stream(lengths), size, seed)
    assert len(rows) == min(size, sum(lengths))
    assert np.all(np.diff(rows) > 0)  # in the stream's order, each once
    if sum(lengths) <= size:
        np.testing.assert_array_equal(rows, np.arange(sum(lengths)))


@settings(deadline=None)
@given(lengths=LENGTHS, size=st.integers(1, 20), seed=st.integers(0, 2**31 - 1))
def test_a_reservoir_never_holds_more_than_three_times_its_size(lengths, size, seed):
    class Watched(Reservoir):
        def _shrink(self):
            assert held(self) <= 3 * size
            super()._shrink()
            assert held(self) <= size

    reservoir = Watched(size, seed)
    for part in stream(lengths):
        reservoir.add(part)
        assert held(reservoir) <= 2 * size
        assert len(reservoir._keys) == len(reservoir._rows) <= 2 * size + 1


def test_a_part_larger_than_the_reservoir_is_cut_down_at_once():
    reservoir = Reservoir(5)
    reservoir.add(np.zeros((100_000, 2), dtype=np.float32))
    assert held(reservoir) == 5


def test_a_long_stream_leaves_nothing_behind():
    reservoir = Reservoir(3)
    for _ in range(5000):
        reservoir.add(np.zeros((2, 2), dtype=np.float32))
    assert len(reservoir._rows) <= 7  # not an empty array for every part that gave none


@pytest.mark.parametrize(
    "lengths", [[40], [1] * 40, [20, 20], [0, 3, 0, 37], [35, 5], [9, 1, 30], [13, 13, 14]]
)
def test_a_reservoir_is_even_however_the_stream_is_cut(lengths):
    parts = stream(lengths)
    rows = np.concatenate([drawn(parts, 6, seed) for seed in range(2000)])
    assert_even(np.bincount(rows, minlength=40), 2000 * 6 / 40)


def test_pairs_are_even_too():
    parts = stream([2, 1, 3])
    counts = np.zeros((6, 6))
    for seed in range(3000):
        counts[tuple(drawn(parts, 2, seed))] += 1
    assert_even(counts[np.triu_indices(6, 1)], 3000 / 15)


def test_a_sample_may_be_asked_for_again_and_again():
    parts = stream([30, 30])
    reservoir = Reservoir(4)
    reservoir.add(parts[0])
    first = reservoir.sample().copy()
    np.testing.assert_array_equal(reservoir.sample(), first)
    assert first.max() < 30
    reservoir.add(parts[1])
    kept = reservoir.sample()
    assert kept.shape == (4, 1)
    np.testing.assert_array_equal(kept[kept < 30], first[np.isin(first, kept)])


def test_asking_for_a_sample_changes_no_later_sample():
    parts = stream([20] * 10)
    reservoir = Reservoir(7, 3)
    for part in parts:
        reservoir.add(part)
        reservoir.sample()
    np.testing.assert_array_equal(reservoir.sample()[:, 0], drawn(parts, 7, 3))


def test_columns_stay_together():
    values, positions = descriptors(50)
    reservoir = Reservoir(9)
    for start in range(0, 50, 8):
        reservoir.add(values[start : start + 8], positions[start : start + 8])
    sample = reservoir.sample()
    assert sample.shape == (9, 5)
    assert sample.dtype == np.float32
    rows = (sample[:, 0] // 3).astype(int)
    np.testing.assert_array_equal(sample, np.hstack([values, positions])[rows])


@pytest.mark.parametrize("pieces", [1, 3])
def test_empty_parts_give_an_empty_sample_of_their_width(pieces):
    reservoir = Reservoir(5)
    for _ in range(pieces):
        reservoir.add(np.empty((0, 4), dtype=np.float32), np.empty((0, 2), dtype=np.float32))
    assert reservoir.sample().shape == (0, 6)
    assert reservoir.sample().dtype == np.float32


def test_the_seed_decides():
    parts = stream([50, 50])
    np.testing.assert_array_equal(drawn(parts, 5, 1), drawn(parts, 5, 1))
    assert len({tuple(drawn(parts, 5, seed)) for seed in range(20)}) == 20


def test_the_sample_shares_no_memory_with_the_stream():
    part = np.zeros((3, 2), dtype=np.float32)
    reservoir = Reservoir(5)
    reservoir.add(part)
    part[:] = 1
    assert not reservoir.sample().any()
