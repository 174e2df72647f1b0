"""What is known of an image file without decoding it: by its name, its size, its bytes.

Nothing here imports more than the standard library: a command line starts with it.
"""

import errno
import hashlib
from pathlib import Path, PurePath

MAX_PIXELS = 100_000_000
"""Pixels (rows x columns) of an image above which it is not decoded, unless told otherwise."""

MAX_BYTES = 2**30
"""Bytes of an image file above which it is not read."""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp"}
)
"""Lower-case suffixes under which folders are searched for images."""

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""Lower-case suffixes of DICOM files; many have none."""

_NAMES = (
    "EIO", "ESTALE", "ENOTCONN", "ENODEV", "ENXIO", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH",
    "ENETDOWN", "ENETUNREACH", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "ENOLINK",
    "EREMOTEIO", "ESHUTDOWN", "ENOMEDIUM", "EKEYEXPIRED", "ENOKEY",
)  # fmt: skip
STORAGE_ERRORS = frozenset(getattr(errno, name) for name in _NAMES if hasattr(errno, name))
"""Numbers of the system's errors that are never an image's."""


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def strip_path(path: str) -> str:
    """Take off folders and the suffix of an image or DICOM file; other dots belong to the name.

    Examples
    --------
    >>> [strip_path(path) for path in ("a/b.c.JPG", "x/scan.dcm", "1.2.840", "b/")]
    ['b.c', 'scan', '1.2.840', 'b']
    """
    name = PurePath(path)
    known = name.suffix.lower() in IMAGE_SUFFIXES | DICOM_SUFFIXES
    return name.stem if known else name.name
