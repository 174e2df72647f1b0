"""How many items make a chunk: so many as take a worker a second or two."""

from __future__ import annotations

from collections.abc import Sequence

from trifuse.batch.inputs.item import Item

SECONDS = 2.0
"""What a chunk should take: long beside handing it over, short to lose or to wait for."""
FIRST = 4
"""Items of the first chunks, when nothing is known of the speed."""
MOST = 512
MOST_BYTES = 2**26
"""Content of archive members above which a chunk takes no more."""
_NEWEST = 0.3
"""Weight of the newest chunk in the speed's moving average."""


class ChunkSize:
    """Adapts the size of chunks to the measured speed; the output does not depend on it."""

    def __init__(self) -> None:
        self.size = FIRST
        self._seconds = 0.0

    def is_full(self, chunk: Sequence[Item]) -> bool:
        """Tell whether a chunk takes no more items."""
        return len(chunk) >= self.size or _bytes(chunk) >= MOST_BYTES

    def learn(self, n_items: int, seconds: float) -> None:
        """Take into account that a worker needed so long for a chunk."""
        newest = seconds / n_items
        self._seconds += (newest - self._seconds) * (_NEWEST if self._seconds else 1.0)
        self.size = max(1, min(MOST, round(SECONDS / max(self._seconds, SECONDS / MOST))))


def _bytes(chunk: Sequence[Item]) -> int:
    return sum(len(item.content or b"") for item in chunk)
