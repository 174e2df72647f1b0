"""The rows of an output are held against the inputs that are there now, and kept where they may be.

What is new or has changed is scored into a partial file, in any order of kept and scored inputs;
at the end the rows of both files are put together in the order of the inputs that are there now.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from trifuse.batch.inputs.items import Item, SourceError
from trifuse.batch.outputs.receipts import (
    RECEIPT_BYTES,
    Checkpoint,
    Identifier,
    Receipt,
    unpack_receipts,
)


class Shelf:
    """Receipts by identity, each to be taken once, in their order, and where their rows stand.

    Parameters
    ----------
    packed : bytes
        The receipts, one behind the other, in the order of the rows.
    start : int
        Where the rows begin in their file.
    """

    def __init__(self, packed: bytes, start: int = 0) -> None:
        self.starts = array("q")
        self._packed = packed
        self._first: dict[bytes, int] = {}
        self._next: dict[int, int] = {}
        for receipt in unpack_receipts(packed):
            self.starts.append(start)
            start += receipt.size
        self.end = start
        for place in reversed(range(len(self.starts))):
            identity = self[place].identity
            if identity in self._first:  # an input that was named twice
                self._next[place] = self._first[identity]
            self._first[identity] = place

    @property
    def left(self) -> int:
        """How many were not taken."""
        return len(self._first) + len(self._next)

    def __getitem__(self, place: int) -> Receipt:
        start = place * RECEIPT_BYTES
        return next(unpack_receipts(self._packed[start : start + RECEIPT_BYTES]))

    def take(self, identity: bytes) -> int | None:
        """Give the place of the first receipt of an input that was not taken yet."""
        place = self._first.pop(identity, None)
        if place is not None and place in self._next:
            self._first[identity] = self._next.pop(place)
        return place


def find_changes(
    items: Iterator[Item | None], receipts: bytes, identifier: Identifier
) -> tuple[str, int]:
    """Compare all inputs with the receipts of an output.

    Returns
    -------
    changes : str
        How they differ, such as ``6 came, 1 went, 2 changed``; empty where they do not.
    went : int
        How many are not there any more.
    """
    shelf, came, changed, last, is_moved = Shelf(receipts), 0, 0, -1, False
    for item in map(identifier.prepare, items):
        if item is None:
            continue
        place = shelf.take(identifier.identify(item))
        if place is None:
            came += 1
            continue
        changed += not identifier.is_same(item, shelf[place])
        is_moved |= place < last
        last = place
    order = ", and they stand in another order" if is_moved else ""
    told = f"{came:,} came, {shelf.left:,} went, {changed:,} changed{order}"
    return told if came or shelf.left or changed or is_moved else "", shelf.left


def skip_finished(
    items: Iterator[Item | None], receipts: Iterator[Receipt], identifier: Identifier
) -> Iterator[Item | None]:
    """Pass over the inputs that an interrupted run was done with, and give the others.

    None, where nothing has come for a while, is passed on. Members of archives are passed over
    without being unpacked.

    Raises
    ------
    SourceError
        If they are not the same, have changed, or stand elsewhere among the inputs of all parts.
    """
    for number, receipt in enumerate(receipts, 1):
        while (item := next(items, _END)) is None:
            yield None
        if (
            not isinstance(item, Item)
            or identifier.identify(item) != receipt.identity
            or not identifier.is_same(item.load() if identifier.verify else item, receipt)
        ):
            msg = (
                f"Input {number:,} is not what it was when the interrupted run scored it; go on by "
                "--update, which keeps the rows of what is the same, or begin anew by --overwrite."
            )
            raise SourceError(msg)
        if item.ordinal != receipt.ordinal:
            msg = (
                f"Input {number:,} stands at another place among the inputs of all parts than when "
                "the interrupted run scored it; go on by --update, which keeps its row, or begin "
                "anew by --overwrite."
            )
            raise SourceError(msg)
    yield from items


_END = object()


class Update:
    """Decides which inputs are scored, and knows where the rows of all of them stand.

    Parameters
    ----------
    shelves : sequence of Shelf
        The rows that this update has scored already, when it was interrupted, and those of the
        output that is brought up to date, if there is one.
    files : sequence of binary file
        They stand there.
    identifier : Identifier
    keeps_errors : bool
        Keep the rows of inputs that could not be read; else they are scored anew.

    Attributes
    ----------
    kept : Checkpoint
        The inputs that are kept so far, and their rows.
    """

    def __init__(
        self,
        shelves: Sequence[Shelf],
        files: Sequence[BinaryIO],
        identifier: Identifier,
        keeps_errors: bool,
    ) -> None:
        self.kept = Checkpoint()
        self._shelves = shelves
        self._files = files
        self._identifier = identifier
        self._keeps_errors = keeps_errors
        self._receipts = bytearray()
        self._starts = array("q")
        self._sources = array("b")
        self._waiting: deque[tuple[int, int]] = deque()
        self._scored_rows = 0
        self._end = shelves[0].end

    def choose(self, items: Iterator[Item | None]) -> Iterator[Item | None]:
        """Give the inputs that are to be scored, and None where nothing has come for a while."""
        for item in map(self._identifier.prepare, items):
            if item is None:
                yield None
            elif not self._keep(item):
                self._waiting.append((len(self._starts), self.kept.rows))
                self._add(0, 0, bytes(RECEIPT_BYTES))
                yield item

    def _keep(self, item: Item) -> bool:
        """Take the rows of an input from where they are good; tell whether they are anywhere."""
        identity = self._identifier.identify(item)
        places = [shelf.take(identity) for shelf in self._shelves]
        for source, (shelf, place) in enumerate(zip(self._shelves, places, strict=True)):
            if place is None or (shelf[place].errors and not self._keeps_errors):
                continue
            if self._identifier.is_same(item, shelf[place]):
                stamp = self._identifier.stamp(identity, item)
                receipt = shelf[place]._replace(stamp=stamp, ordinal=item.ordinal)
                self._add(source, shelf.starts[place], receipt.pack())
                self.kept = self.kept.after([receipt], b"", "")
                return True
        return False

    def _add(self, source: int, start: int, receipt: bytes) -> None:
        self._sources.append(source)
        self._starts.append(start)
        self._receipts += receipt

    @property
    def dropped(self) -> int:
        """Inputs of the output, or of the interrupted run, that are not there any more."""
        return self._shelves[-1].left

    def number(self) -> int:
        """Give how many rows the output has before those of the next input that was scored."""
        return self._waiting[0][1] + self._scored_rows

    def note(self, receipt: Receipt) -> None:
        """Take note of the next input that was scored, whose rows are added to the partial."""
        place, _ = self._waiting.popleft()
        start = place * RECEIPT_BYTES
        self._receipts[start : start + RECEIPT_BYTES] = receipt.pack()
        self._starts[place] = self._end
        self._end += receipt.size
        self._scored_rows += receipt.rows

    def changes_nothing(self, receipts: bytes) -> bool:
        """Tell whether the output is what it was, its receipts too."""
        return all(self._sources) and self._receipts == receipts

    def find_rows(self) -> Iterator[tuple[BinaryIO, int, Receipt]]:
        """Give of each input, in order, the file and the place of its rows, and its receipt."""
        files = map(self._files.__getitem__, self._sources)
        return zip(files, self._starts, unpack_receipts(bytes(self._receipts)), strict=True)
