"""Names from strangers: as bytes, as Unicode that can be turned back, or fit for a terminal."""

from __future__ import annotations

import re
import unicodedata

_LONE = re.compile("[\ud800-\udfff]")
_LIKE_AN_ESCAPE = re.compile(r"\\ud[89a-f][0-9a-f]{2}")


def to_bytes(text: str) -> bytes:
    r"""Write UTF-8 in which a file name keeps the bytes that are no UTF-8.

    A lone surrogate that stands for no byte (half a pair in a JSON file) is written as the three
    bytes of its code point.

    Examples
    --------
    >>> to_bytes("\udcff.jpg")
    b'\xff.jpg'
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def to_unicode(text: str) -> str:
    r"""Give text that every reader of UTF-8 takes, of which the original can be told.

    A byte that is no UTF-8 becomes the six characters ``\udcXX``, as Python's
    ``backslashreplace`` writes it, and each backslash of the same text becomes two. So does a
    text that merely looks as if it had been rewritten; all others stay as they are. No two texts
    become the same, and `trifuse.datasets.prediction_files.restore_text` turns them back.

    A lone surrogate in JSON (``"\udcff"`` with one backslash) would be shorter, but strict parsers
    refuse the whole file for it.

    Examples
    --------
    >>> print(to_unicode("\udcff.jpg"), to_unicode(r"\udcff.jpg"), to_unicode(r"C:\a.jpg"))
    \udcff.jpg \\udcff.jpg C:\a.jpg
    """
    if _LONE.search(text) is None and _LIKE_AN_ESCAPE.search(text) is None:
        return text
    return text.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()


def without_controls(text: str) -> str:
    r"""Keep what strangers named or wrote from commanding the terminal; lines stay lines.

    Examples
    --------
    >>> without_controls("a\x1b[2J.csv")
    'a[2J.csv'
    """
    return "".join(char for char in text if char == "\n" or unicodedata.category(char) != "Cc")
