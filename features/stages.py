"""Stages of long work, told to whoever listens: that one begins, where it is, how long it took.

Nothing is written here: it is logged, by the logger "trifuse.stages", and the command line shows
it. A program that uses trifuse's functions hears of stages by a handler of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("trifuse.stages")
LONG_SECONDS = 5.0
"""A stage that took less has no last word."""
LINE_SECONDS = 60.0
"""How often a stderr that is no terminal gets a line."""
_OPEN: list[str] = []


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Tell of the work in the block: its title now, and at its end how long it took.

    A stage within another is a place where that one is.

    Parameters
    ----------
    title : str
        What is being done, such as "fitting the codebooks"; details may follow a colon.
    """
    if _OPEN:
        say_where(title)
        yield
        return
    started, whole = time.monotonic(), False
    LOGGER.info(title, extra={"event": "begin"})
    _OPEN.append(title)
    try:
        yield
        whole = True
    finally:
        _OPEN.pop()
        seconds = time.monotonic() - started
        text = f"{title.partition(':')[0]}: done in {duration(seconds)}"
        level = logging.INFO if whole and seconds >= LONG_SECONDS else logging.DEBUG
        LOGGER.log(level, text, extra={"event": "end"})


def say_where(place: str) -> None:
    """Say how far the stage is that is going on, such as "fold 2 of 5"."""
    LOGGER.debug(place, extra={"event": "place"})


def duration(seconds: float) -> str:
    """Give a time in its largest two units.

    Examples
    --------
    >>> duration(59), duration(3725)
    ('59 s', '1 h 2 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
