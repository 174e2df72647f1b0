"""What a file is, by its name."""

from __future__ import annotations

import enum
import posixpath

from trifuse.features.images import DICOM_SUFFIXES, IMAGE_SUFFIXES

TABLE_SUFFIX = ".csv"
ZIP_SUFFIX = ".zip"
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class Kind(enum.Enum):
    """What is found in a folder or an archive: what is given, and why the rest is not."""

    IMAGE = enum.auto()
    FOLDER = enum.auto()
    LEFT_OUT = enum.auto()
    """By the patterns, or because it belongs to another part."""
    OTHER = enum.auto()
    UNREADABLE = enum.auto()
    ARCHIVE = enum.auto()
    NESTED_ARCHIVE = enum.auto()
    TABLE = enum.auto()
    HIDDEN = enum.auto()
    LINK_TO_FOLDER = enum.auto()
    LINK_OUT = enum.auto()
    REPEATED_FOLDER = enum.auto()
    SPECIAL = enum.auto()
    """A named pipe, a socket or a device."""
    SPECIAL_MEMBER = enum.auto()
    """A link or a device in an archive."""


def has_image_suffix(name: str) -> bool:
    """Tell whether a file is taken for an image, or a DICOM object, without looking into it.

    Examples
    --------
    >>> [has_image_suffix(name) for name in ("a/b.JPG", "b.dcm", "b.txt", ".jpg")]
    [True, True, False, False]
    """
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in IMAGE_SUFFIXES or suffix in DICOM_SUFFIXES


def is_table(name: str) -> bool:
    """Tell whether a file is a table of inputs by its name."""
    return name.lower().endswith(TABLE_SUFFIX)


def is_zip(name: str) -> bool:
    """Tell whether a file is a zip archive by its name."""
    return name.lower().endswith(ZIP_SUFFIX)


def is_archive(name: str) -> bool:
    """Tell whether a file is an archive by its name.

    Examples
    --------
    >>> [is_archive(name) for name in ("a.zip", "a.TGZ", "a.tar.xz", "a.gz")]
    [True, True, True, False]
    """
    return name.lower().endswith((ZIP_SUFFIX, *TAR_SUFFIXES))


def is_hidden(path: str) -> bool:
    """Tell whether a part of a path is hidden: its name starts with a dot, or macOS made it.

    Examples
    --------
    >>> [is_hidden(path) for path in ("./a", "../a", "b/.a", ".git/a", "__MACOSX/a")]
    [False, False, True, True, True]
    """
    return any(
        part == "__MACOSX" or (part.startswith(".") and part not in {".", ".."})
        for part in path.split("/")
    )
