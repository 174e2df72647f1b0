"""Chunks take about two seconds, whatever the speed."""

import pytest

from trifuse.batch.inputs.item import Item
from trifuse.batch.workers.chunk_size import FIRST, MOST, MOST_BYTES, SECONDS, ChunkSize


@pytest.mark.parametrize(
    ("seconds", "size"), [(0.04, 50), (0.5, 4), (1.9, 1), (60.0, 1), (1e-6, MOST), (0.0, MOST)]
)
def test_the_size_follows_the_speed(seconds, size):
    chunks = ChunkSize()
    assert chunks.size == FIRST
    for _ in range(30):
        chunks.learn(chunks.size, chunks.size * seconds)
    assert chunks.size == size
    assert size in {1, MOST} or size * seconds == pytest.approx(SECONDS)


def test_one_slow_chunk_does_not_change_everything():
    chunks = ChunkSize()
    for _ in range(30):
        chunks.learn(50, 2.0)
    chunks.learn(50, 8.0)
    assert 20 < chunks.size < 50


def test_a_chunk_is_full_of_items_or_of_bytes():
    chunks = ChunkSize()
    assert not chunks.is_full([Item("a")] * (FIRST - 1))
    assert chunks.is_full([Item("a")] * FIRST)
    assert not chunks.is_full([Item("a", b"x")])
    assert chunks.is_full([Item("a", bytes(MOST_BYTES))])
