"""What a run tells while it is going on: a bar, lines, a log of events."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from trifuse.classifiers.output import OutputError, cannot_write

LINE_SECONDS = 60.0
"""How often a stderr that is no terminal gets a line."""


class Progress:
    """Rate, errors and time left, on stderr: a bar on a terminal, else a line a minute.

    Parameters
    ----------
    done : int
        Images scored before, by a run that is now gone on with.
    count : callable, optional
        Counts all inputs; called in a thread of its own. None where they cannot be counted.
    quiet : bool
        Say nothing.
    """

    def __init__(self, done: int, count: Callable[[], int] | None, quiet: bool) -> None:
        self.done = done
        self.errors = 0
        self.total: int | None = None
        self._first = done
        self._started = self._told = time.monotonic()
        self._lines = not quiet and not sys.stderr.isatty()
        self._bar: Any = None
        if not quiet and sys.stderr.isatty():
            self._bar = tqdm(initial=done, desc="scoring", unit=" images", dynamic_ncols=True)
        if count is not None and not quiet:
            threading.Thread(target=self._count, args=(count,), daemon=True).start()

    def advance(self, inputs: int, errors: int) -> None:
        """Take note of inputs that were scored."""
        self.done += inputs
        self.errors += errors
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.set_postfix(errors=self.errors, refresh=False)
            self._bar.update(inputs)
        elif self._lines and time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            click.echo(self.line(), err=True)

    def line(self) -> str:
        """Say in one line how far it is."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._first) / seconds
        of = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{self.done:,}{of} images", f"{self.errors:,} errors", f"{rate:.1f} images/s"]
        if self.total is not None and rate > 0:
            parts.append(f"{_duration((self.total - self.done) / rate)} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()

    def _count(self, count: Callable[[], int]) -> None:
        with suppress(Exception):  # the scoring itself tells what is wrong with the inputs
            self.total = count()


class EventLog:
    """A log in JSON lines: when what happened. It names no image.

    Parameters
    ----------
    path : str, optional
        Lines are added to it; none is written without it.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path or "")
        try:
            self._file = None if path is None else self._path.open("ab", buffering=0)
        except OSError as error:
            raise OutputError(cannot_write(self._path, error)) from error

    def add(self, event: str, **fields: Any) -> None:
        """Write a line."""
        if self._file is None:
            return
        line = {"time": utc(time.time()), "event": event, **fields}
        try:
            self._file.write(f"{json.dumps(line)}\n".encode())
        except OSError as error:
            raise OutputError(cannot_write(self._path, error)) from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def utc(seconds: float) -> str:
    """Give a time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _duration(seconds: float) -> str:
    """Give a time in the largest two units.

    Examples
    --------
    >>> _duration(59), _duration(3725)
    ('59 s', '1 h 2 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
