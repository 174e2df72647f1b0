"""What a file is by its name, and the count of what is passed over, none of it in silence."""

from __future__ import annotations

import enum
import posixpath
from collections import Counter
from collections.abc import Callable

from trifuse.features.files import DICOM_SUFFIXES, IMAGE_SUFFIXES

FOREIGN_SUFFIXES = frozenset({
    ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".psd", ".svg", ".tga", ".pgm",
    ".ppm", ".pnm", ".ico", ".exr", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".nii", ".nrrd",
})  # fmt: skip
"""Of images in formats that are not read."""

TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
ZIP_SUFFIX = ".zip"
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class Kind(enum.Enum):
    """What is found in a folder or an archive: what is given, and why the rest is passed over.

    The value of what is told of is how one and many are called, and what to do about it.
    """

    IMAGE = enum.auto()
    FOLDER = enum.auto()
    LEFT_OUT = enum.auto()
    """By the patterns."""
    OTHER = ("file without an image's suffix", "files without an image's suffix")
    FOREIGN = (
        "image in a format that is not read, such as GIF or HEIC; convert it",
        "images in formats that are not read, such as GIF or HEIC; convert them",
    )
    UNREADABLE = (
        "file that cannot be read and has no image's suffix",
        "files that cannot be read and have no image's suffix",
    )
    ARCHIVE = ("archive; name it as an input", "archives; name them as inputs")
    NESTED_ARCHIVE = (
        "archive in it; unpack it and name it as an input",
        "archives in it; unpack them and name them as inputs",
    )
    TABLE = (
        "table; name it as an input if it lists images",
        "tables; name them as inputs if they list images",
    )
    HIDDEN = (
        "hidden file or folder; say --hidden to take it",
        "hidden files or folders; say --hidden to take them",
    )
    LINK_TO_FOLDER = (
        "link to a folder; name it as an input, or say --follow-links",
        "links to folders; name them as inputs, or say --follow-links",
    )
    LINK_OUT = (
        "link that leads out of the folder; say --follow-links to take it",
        "links that lead out of the folder; say --follow-links to take them",
    )
    REPEATED_FOLDER = (
        "link to a folder that is searched anyway",
        "links to folders that are searched anyway",
    )
    REPEATED_IMAGE = (
        "image that is found under another name",
        "images that are found under other names",
    )
    LINK_UP = ("link to a folder that this one lies in", "links to folders that this one lies in")
    SPECIAL = ("pipe, socket or device", "pipes, sockets or devices")
    SPECIAL_MEMBER = ("member that is a link or a device", "members that are links or devices")


def has_image_suffix(name: str) -> bool:
    """Tell whether a file is taken for an image, or a DICOM object, without looking into it.

    Examples
    --------
    >>> [has_image_suffix(name) for name in ("a/b.JPG", "b.dcm", "b.txt", ".jpg")]
    [True, True, False, False]
    """
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in IMAGE_SUFFIXES or suffix in DICOM_SUFFIXES


def classify_other(name: str) -> Kind:
    """Tell what a file is that is none of the kinds that are read.

    Examples
    --------
    >>> [classify_other(name).name for name in ("a/b.GIF", "notes.txt")]
    ['FOREIGN', 'OTHER']
    """
    suffix = posixpath.splitext(name)[1].lower()
    return Kind.FOREIGN if suffix in FOREIGN_SUFFIXES else Kind.OTHER


def is_table(name: str) -> bool:
    """Tell whether a file is a table of inputs by its name."""
    return name.lower().endswith(TABLE_SUFFIXES)


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


class Tally:
    """Counts what is found in one folder or archive.

    Examples
    --------
    >>> tally = Tally("photos")
    >>> for kind in (Kind.IMAGE, Kind.OTHER, Kind.OTHER):
    ...     tally.add(kind)
    >>> tally.tell(print)
    photos: passed over 2 files without an image's suffix.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._counts: Counter[Kind] = Counter()

    def add(self, kind: Kind) -> None:
        """Count one."""
        self._counts[kind] += 1

    def tell(self, warn: Callable[[str], None], *, whole: bool = True, advise: bool = True) -> None:
        """Say what was passed over, a sentence a kind.

        Parameters
        ----------
        warn : callable
        whole : bool
            Whether all of the place could be read, so that it may be called empty.
        advise : bool
            Say what to do about it, in terms of `trifuse predict`.
        """
        for kind in Kind:
            if isinstance(kind.value, tuple) and (n := self._counts[kind]):
                what, _, advice = kind.value[n > 1].partition("; ")
                told = f"{what}; {advice}" if advice and advise else what
                warn(f"{self._place}: passed over {n:,} {told}.")
        if whole and not self._counts[Kind.IMAGE] and not self._counts[Kind.LEFT_OUT]:
            warn(f"{self._place}: holds no image.")
