"""Folders: the images in them and below them, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from trifuse.datasets.kinds import (
    Kind,
    Tally,
    classify_other,
    has_image_suffix,
    is_archive,
    is_hidden,
    is_table,
)
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom
from trifuse.features.files import STORAGE_ERRORS


class FolderWalk:
    """Walks through one folder and all below it.

    `os.walk` would go down by recursion, too deep for Python 3.11 where folders are nested a
    thousandfold, and has no guard against links that lead in circles.

    Parameters
    ----------
    folder : str
        Searched even where it is a link.
    hidden : bool
        Take hidden files and folders too.
    follow_links : bool
        Follow links to folders, and those that lead out of `folder`. A link to what is in `folder`
        is passed over: that is found under its own name. What several links lead to is found once,
        and a link to what `folder` lies in is not followed.
    takes : callable
        Tells of a file's path whether it is wanted; what is not is not counted either.

    Attributes
    ----------
    tally : Tally
        What was found, and what was passed over.
    unreadable : list of (str, OSError)
        Folders that could not be read, or not wholly as their storage fails, and why.
    """

    def __init__(
        self,
        folder: str,
        *,
        hidden: bool = False,
        follow_links: bool = False,
        takes: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.tally = Tally(folder)
        self.unreadable: list[tuple[str, OSError]] = []
        self._folder = folder
        self._tree = _slashed(folder)
        self._hidden = hidden
        self._follow_links = follow_links
        self._takes = takes
        self._seen: set[str] = set()
        self._place = ""

    def find_images(self) -> Iterator[str]:
        """Give the paths of the images, sorted by name, folder by folder.

        An image is a regular file with an image's or DICOM's suffix, or, whatever its name, one
        that holds DICOM's mark. The rest is counted.
        """
        pending = [(self._folder, False)]
        while pending:
            folder, linked = pending.pop()
            if self._follow_links:  # they may lead in circles, or to one folder by two names
                place = os.path.realpath(folder)
                self._place = place if linked else ""
                if self._was_seen(place):
                    self.tally.add(Kind.REPEATED_FOLDER)
                    continue
            below = []
            for entry in self._list(folder):
                path = os.path.join(folder, entry.name)  # noqa: PTH118 - as the folder was named
                kind = self._classify(entry, path)
                if kind is Kind.FOLDER:
                    below.append((path, linked or _holds(entry.is_symlink)))
                    continue
                self.tally.add(kind)
                if kind is Kind.IMAGE:
                    yield path
            pending.extend(reversed(below))

    def _was_seen(self, place: str) -> bool:
        known = place in self._seen
        self._seen.add(place)
        return known

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append((folder, error))
            return []

    def _classify(self, entry: os.DirEntry[str], path: str) -> Kind:
        is_folder = _holds(entry.is_dir)
        if not is_folder and not self._takes(path):
            return Kind.LEFT_OUT
        if entry.name.startswith(".") and not self._hidden:
            return Kind.HIDDEN
        if is_folder:
            return self._classify_link(path) if _holds(entry.is_symlink) else Kind.FOLDER
        if not self._follow_links and _holds(entry.is_symlink) and self._leads_out(path):
            return Kind.LINK_OUT
        if not _holds(entry.is_file) and os.path.exists(path):  # noqa: PTH110 - a Path may raise
            return Kind.SPECIAL
        kind = self._classify_file(path)
        repeats = kind is Kind.IMAGE and self._is_repeated_image(entry, path)
        return Kind.REPEATED_IMAGE if repeats else kind

    def _classify_link(self, path: str) -> Kind:
        """Tell what is done with a link to a folder."""
        if not self._follow_links:
            return Kind.LINK_TO_FOLDER
        if self._is_found(path, Kind.FOLDER):
            return Kind.REPEATED_FOLDER
        return Kind.LINK_UP if self._tree.startswith(_slashed(path)) else Kind.FOLDER

    def _is_repeated_image(self, entry: os.DirEntry[str], path: str) -> bool:
        """Tell whether links give an image two names, of which this one is needless."""
        if not self._follow_links or not _holds(entry.is_file):
            return False
        if _holds(entry.is_symlink):
            return self._is_found(path, Kind.IMAGE) or self._was_seen(os.path.realpath(path))
        # Files in the folder's own tree have one name each, and need no memory.
        return bool(self._place) and self._was_seen(os.path.join(self._place, entry.name))  # noqa: PTH118

    def _is_found(self, link: str, kind: Kind) -> bool:
        """Tell whether what a link leads to, a folder or an image, is found without the link."""
        inner = os.path.realpath(link)[len(self._tree) :]
        if self._leads_out(link) or (is_hidden(inner) and not self._hidden):
            return False
        path = os.path.join(self._folder, inner)  # noqa: PTH118 - as it was named
        return kind is Kind.FOLDER or (self._takes(path) and self._classify_file(path) is kind)

    def _leads_out(self, path: str) -> bool:
        return not _slashed(path).startswith(self._tree)

    def _classify_file(self, path: str) -> Kind:
        if has_image_suffix(path):
            return Kind.IMAGE
        if is_archive(path):
            return Kind.ARCHIVE
        if is_table(path):
            return Kind.TABLE
        try:
            with Path(path).open("rb") as file:
                found = is_dicom(file.read(DICOM_START_BYTES))
        except OSError as error:
            if error.errno in STORAGE_ERRORS:
                self.unreadable.append((os.path.dirname(path), error))  # noqa: PTH120
            return Kind.UNREADABLE
        return Kind.IMAGE if found else classify_other(path)


def _slashed(path: str) -> str:
    return os.path.join(os.path.realpath(path), "")  # noqa: PTH118 - ends in a slash


def _holds(question: Callable[[], bool]) -> bool:
    """Ask what a link is, which may be one to itself."""
    try:
        return question()
    except OSError:
        return False
