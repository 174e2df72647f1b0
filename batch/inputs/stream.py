"""Inputs of all kinds become one stream of items, in the order in which they are named.

Where it may be, they are listed ahead of their use, so that their number is known early.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import BinaryIO

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.items import STDIN, VANISHED, InputOptions, Item, Selection
from trifuse.batch.inputs.stdin import read_stdin
from trifuse.batch.inputs.tables import is_reserved, read_columns, read_table
from trifuse.datasets.kinds import is_archive, is_table
from trifuse.datasets.walk import FolderWalk

AHEAD_SECONDS = 0.5
"""Longer than a few inputs take to be listed: nothing is to be begun for want of them."""
AHEAD_ITEMS = 512
"""Items that are packed together: names of a folder are much alike, and take little room then."""


def extra_columns(
    options: InputOptions, reserved: Callable[[str], bool] = is_reserved
) -> tuple[str, ...]:
    """Give the columns that the tables among the inputs carry through to the output.

    Only the tables' headers are read.

    Parameters
    ----------
    options : InputOptions
    reserved : callable
        Tells of a name whether it is a column of the output itself; see
        `trifuse.batch.inputs.tables.RESERVED`.

    Raises
    ------
    SourceError
        If a table cannot be used, as `trifuse.batch.inputs.tables.read_columns` says.
    """
    tables = [one for one in options.inputs if is_table(one) and not _is_folder(one)]
    return read_columns(tables, reserved, options.path_column)


def list_items(
    options: InputOptions,
    stdin: BinaryIO,
    warn: Callable[[str], None],
    note: Callable[[Item], None] = lambda _: None,
    note_empty: Callable[[str], None] = lambda _: None,
) -> Iterator[Item | None]:
    """Give everything that is to be scored, each item when it is asked for.

    A folder gives the images in it and below it; a table the files it lists; an archive its
    images, not unpacked yet; `-` the files that standard input lists, as they come. Any other
    file is given as it is named, be it there or not. Items that cannot be scored say so by their
    fault: they are given whatever the patterns are.

    Parameters
    ----------
    options : InputOptions
    stdin : binary file
        Read where an input is `-`, past its buffer.
    warn : callable
        Told in a sentence of what was passed over.
    note : callable
        Told of each item before it is given, and of those that belong to other parts.
    note_empty : callable
        Told of each input that was named and holds nothing.

    Returns
    -------
    iterator of Item or None
        None while standard input keeps one waiting. Each item has as many columns as
        `extra_columns` gives. A member of an archive is to be loaded before the next item is
        asked for, or not at all.

    Raises
    ------
    SourceError
        At once, if a table cannot be used or there is no such part; later, if standard input
        cannot be read.
    """
    columns = extra_columns(options, reserved=lambda _: False)
    return _Stream(options, Selection(options), columns, stdin, warn).give(note, note_empty)


def iterate_items(
    options: InputOptions, stdin: BinaryIO, warn: Callable[[str], None]
) -> Iterator[Item | None]:
    """Give what `list_items` gives, with the content of members of archives."""
    # No variable holds an item: the content of an archive's member would outlive its use.
    return map(load, list_items(options, stdin, warn))


def load(item: Item | None) -> Item | None:
    """Give an item of `list_items` with its content, where it is a member of an archive."""
    return item and item.load()


def can_list_ahead(options: InputOptions) -> bool:
    """Tell whether all items can be listed before they are used.

    They cannot where standard input is read, which may wait for what is done with its first items,
    or archives, whose members are unpacked where the archive stands at them.
    """
    return not any(
        name == STDIN or (is_archive(name) and not _is_folder(name)) for name in options.inputs
    )


@dataclass(frozen=True)
class _Stream:
    options: InputOptions
    selection: Selection
    columns: tuple[str, ...]
    stdin: BinaryIO
    warn: Callable[[str], None]

    def give(
        self, note: Callable[[Item], None], note_empty: Callable[[str], None]
    ) -> Iterator[Item | None]:
        ordinal, blank = 0, ("",) * len(self.columns)
        for name in self.options.inputs:
            is_found, is_empty = _is_folder(name), True
            for item in self._open(name):
                is_empty &= item is None
                if item is None:
                    yield None
                elif item.fault or self.selection.matches(item.name):
                    ordinal += 1
                    whole = item._replace(ordinal=ordinal, columns=item.columns or blank)
                    note(whole)
                    if self.selection.in_part(item.name):
                        yield whole._replace(stamp=item.stamp or _stamp(item.name, is_found))
            if is_empty:
                note_empty(name)

    def _open(self, name: str) -> Iterator[Item | None]:
        if name == STDIN:
            return read_stdin(self.stdin, self.options, self.selection, self.warn)
        if _is_folder(name):
            return walk_folder(name, self.options, self.selection, self.warn)
        if is_table(name):
            return read_table(name, self.columns, self.warn, self.options.path_column)
        if is_archive(name):
            return read_archive(name, self.options, self.selection, self.warn)
        return iter([Item(name)])


def walk_folder(
    folder: str, options: InputOptions, selection: Selection, warn: Callable[[str], None]
) -> Iterator[Item]:
    """Give a folder's images, sorted by name, folder by folder.

    What is passed over is counted, unless the patterns left it out.

    Parameters
    ----------
    folder : str
    options : InputOptions
        Whether hidden files are taken, and which links are followed.
    selection : Selection
    warn : callable
        Told of what was passed over.

    Yields
    ------
    Item
        An image, as `trifuse.datasets.walk.FolderWalk` finds it; or, last, a folder in it that
        cannot be read.
    """
    hidden, follow_links = options.hidden, options.follow_links
    walk = FolderWalk(folder, hidden=hidden, follow_links=follow_links, takes=selection.matches)
    yield from map(Item, walk.find_images())
    walk.tally.tell(warn, whole=not walk.unreadable)
    for path, error in walk.unreadable:
        reason = error.strerror or str(error)
        warn(f"{path}: the folder cannot be read: {reason}.")
        fault = f"it is a folder that cannot be read ({reason})"
        yield Item(path, fault=fault, errno=error.errno or 0)


def _stamp(name: str, is_found: bool) -> tuple[float, ...]:
    """Give a file's stamp; whether it is found tells what is said where it is not there."""
    try:
        found = os.stat(name)  # noqa: PTH116 - a Path raises for more names
    except (OSError, ValueError):
        return VANISHED if is_found else ()
    return found.st_size, found.st_mtime_ns


def _is_folder(name: str) -> bool:
    return os.path.isdir(name)  # noqa: PTH112 - a Path raises for a name that is too long


class ListedAhead:
    """Gives items that a thread of its own takes from an iterator as fast as it can.

    A million of them wait in some tens of megabytes. None among the items given says that nothing
    has come for a while.

    Parameters
    ----------
    items : iterator of Item or None
        Without members of archives, which are read where the archive stands at them.

    Attributes
    ----------
    total : int, optional
        Number of items, once it is known.
    """

    def __init__(self, items: Iterator[Item | None]) -> None:
        self.total: int | None = None
        self._items = items
        self._blocks: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self._left = False

    def __iter__(self) -> Iterator[Item | None]:
        """Begin to list, and give the items in their order; what was raised is raised here."""
        threading.Thread(target=self._list, daemon=True).start()
        try:
            while True:
                try:
                    block = self._blocks.get(timeout=AHEAD_SECONDS)
                except Empty:
                    yield None
                    continue
                if block is None:
                    return
                if isinstance(block, BaseException):
                    raise block
                yield from _unpack(block)
        finally:
            self._left = True

    def _list(self) -> None:
        """Put blocks of items into the queue, and behind them None, or what was raised."""
        total, wanted = 0, 1
        rows: list[Item] = []
        end: BaseException | None = None
        try:
            for item in self._items:
                if item is not None:
                    rows.append(item)
                    total += 1
                if len(rows) == wanted:  # the first are given at once
                    self._blocks.put(_pack(rows))
                    rows, wanted = [], min(2 * wanted, AHEAD_ITEMS)
                if self._left:
                    return
            self.total = total
        except BaseException as error:  # noqa: BLE001 - raised where the items are used
            end = error
        finally:
            self._blocks.put(_pack(rows))
            self._blocks.put(end)


def _pack(items: list[Item]) -> bytes:
    return zlib.compress(json.dumps(items).encode(), 1)


def _unpack(block: bytes) -> Iterator[Item]:
    for item in map(Item._make, json.loads(zlib.decompress(block))):
        # In JSON tuples are lists.
        yield item._replace(columns=tuple(item.columns), stamp=tuple(item.stamp))
