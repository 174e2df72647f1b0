"""Inputs of all kinds become one stream of items, in the order in which they are named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.folders import walk_folder
from trifuse.batch.inputs.item import Item
from trifuse.batch.inputs.kinds import is_archive, is_table
from trifuse.batch.inputs.lists import read_list
from trifuse.batch.inputs.options import STDIN, InputOptions
from trifuse.batch.inputs.selection import Selection
from trifuse.batch.inputs.tables import is_reserved, read_columns, read_table

__all__ = ["InputOptions", "extra_columns", "is_countable", "iterate_items"]


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
    return read_columns([name for name in options.inputs if _is_table(name)], reserved)


def is_countable(options: InputOptions) -> bool:
    """Tell whether to go through all items costs little beside scoring them.

    It does not where standard input is read, which can be read but once, or archives, which would
    be unpacked for it.
    """
    return not any(
        name == STDIN or (is_archive(name) and not _is_folder(name)) for name in options.inputs
    )


def iterate_items(
    options: InputOptions, stdin: BinaryIO, warn: Callable[[str], None]
) -> Iterator[Item | None]:
    """Give everything that is to be scored, each item when it is asked for.

    A folder gives the images in it and below it; a file named `*.csv` the files it lists; an
    archive its images; `-` the files that standard input lists, as they come. Any other file is
    given as it is named, be it there or not. Items that cannot be scored say so by their fault:
    they are given whatever the patterns are.

    Parameters
    ----------
    options : InputOptions
    stdin : binary file
        Read where an input is `-`, past its buffer.
    warn : callable
        Told in a sentence of what was passed over.

    Returns
    -------
    iterator of Item or None
        None while standard input keeps one waiting. Each item has as many columns as
        `extra_columns` gives.

    Raises
    ------
    SourceError
        At once, if a table cannot be used or there is no such part; later, if standard input
        cannot be read.
    """
    columns = extra_columns(options, reserved=lambda _: False)
    return _Stream(options, columns, stdin, warn).give()


class _Stream:
    def __init__(
        self,
        options: InputOptions,
        columns: tuple[str, ...],
        stdin: BinaryIO,
        warn: Callable[[str], None],
    ) -> None:
        self._options = options
        self._selection = Selection(options)
        self._columns = columns
        self._blank = ("",) * len(columns)
        self._stdin = stdin
        self._warn = warn

    def give(self) -> Iterator[Item | None]:
        for name in self._options.inputs:
            # No variable holds an item: the content of an archive's member would outlive its use.
            yield from map(self._complete, filter(self._is_taken, self._open(name)))

    def _open(self, name: str) -> Iterator[Item | None]:
        if name == STDIN:
            return read_list(self._stdin, b"\0" if self._options.null else b"\n")
        if _is_folder(name):
            return walk_folder(name, self._options, self._selection, self._warn)
        if is_table(name):
            return read_table(name, self._columns, self._warn)
        if is_archive(name):
            return read_archive(name, self._options, self._selection, self._warn)
        return iter([Item(name)])

    def _is_taken(self, item: Item | None) -> bool:
        if item is None:
            return True
        matches = bool(item.fault) or self._selection.matches(item.name)
        return matches and self._selection.in_part(item.name)

    def _complete(self, item: Item | None) -> Item | None:
        if item is None or item.columns:
            return item
        return item._replace(columns=self._blank)


def _is_folder(name: str) -> bool:
    return os.path.isdir(name)  # noqa: PTH112 - a Path raises for a name that is too long


def _is_table(name: str) -> bool:
    return is_table(name) and not _is_folder(name)
