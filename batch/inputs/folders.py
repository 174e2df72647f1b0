"""Folders: the images in them and below them, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from trifuse.batch.inputs.item import Item
from trifuse.batch.inputs.kinds import (
    Kind,
    has_image_suffix,
    is_archive,
    is_table,
)
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.selection import Selection
from trifuse.batch.inputs.tally import Tally
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom


def walk_folder(
    folder: str, options: InputOptions, selection: Selection, warn: Callable[[str], None]
) -> Iterator[Item]:
    """Give a folder's images, sorted by name, folder by folder.

    An image is a regular file with an image's or DICOM's suffix, or, whatever its name, one that
    holds DICOM's mark. What is passed over is counted, unless the patterns left it out.

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
        An image; or, last, a folder in it that cannot be read.
    """
    search = _Search(folder, options, selection)
    yield from map(Item, search.find_images())
    search.tally.tell(warn, whole=not search.unreadable)
    for path, reason in search.unreadable:
        warn(f"{path}: the folder cannot be read: {reason}.")
        yield Item(path, fault=f"it is a folder that cannot be read ({reason})")


class _Search:
    """Walks through one folder.

    `os.walk` would go down by recursion, too deep for Python 3.11 where folders are nested a
    thousandfold, and has no guard against links that lead in circles.
    """

    def __init__(self, folder: str, options: InputOptions, selection: Selection) -> None:
        self.tally = Tally(folder)
        self.unreadable: list[tuple[str, str]] = []
        self._folder = folder
        self._tree = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - ends in a slash
        self._options = options
        self._selection = selection
        self._seen: set[str] = set()

    def find_images(self) -> Iterator[str]:
        pending = [self._folder]
        while pending:
            folder = pending.pop()
            if self._is_repeated(folder):
                self.tally.add(Kind.REPEATED_FOLDER)
                continue
            below = []
            for entry in self._list(folder):
                path = os.path.join(folder, entry.name)  # noqa: PTH118 - as the folder was named
                kind = self._classify(entry, path)
                if kind is Kind.FOLDER:
                    below.append(path)
                    continue
                self.tally.add(kind)
                if kind is Kind.IMAGE:
                    yield path
            pending.extend(reversed(below))

    def _is_repeated(self, folder: str) -> bool:
        """Tell whether a folder was searched under another name: links can lead in circles."""
        if not self._options.follow_links:
            return False
        place = os.path.realpath(folder)
        known = place in self._seen
        self._seen.add(place)
        return known

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append((folder, error.strerror or str(error)))
            return []

    def _classify(self, entry: os.DirEntry[str], path: str) -> Kind:
        is_folder = _holds(entry.is_dir)
        if not is_folder and not self._selection.takes(path):
            return Kind.LEFT_OUT
        if entry.name.startswith(".") and not self._options.hidden:
            return Kind.HIDDEN
        if not self._options.follow_links and _holds(entry.is_symlink):
            if is_folder:
                return Kind.LINK_TO_FOLDER
            if self._leads_out(path):
                return Kind.LINK_OUT
        return Kind.FOLDER if is_folder else _classify_file(entry, path)

    def _leads_out(self, path: str) -> bool:
        return not os.path.realpath(path).startswith(self._tree)


def _holds(question: Callable[[], bool]) -> bool:
    """Ask what a link is, which may be one to itself."""
    try:
        return question()
    except OSError:
        return False


def _classify_file(entry: os.DirEntry[str], path: str) -> Kind:
    if not _holds(entry.is_file) and os.path.exists(path):  # noqa: PTH110 - a Path may raise
        return Kind.SPECIAL
    if has_image_suffix(path):
        return Kind.IMAGE
    if is_archive(path):
        return Kind.ARCHIVE
    if is_table(path):
        return Kind.TABLE
    try:
        with Path(path).open("rb") as file:
            return Kind.IMAGE if is_dicom(file.read(DICOM_START_BYTES)) else Kind.OTHER
    except OSError:
        return Kind.UNREADABLE
