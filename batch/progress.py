"""What is told on stderr while images are scored: a bar, or lines."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from trifuse.features import stages


class Progress:
    """Rate, errors and time left, on stderr: a bar on a terminal, else a line a minute.

    Parameters
    ----------
    done : int
        Images scored before, by a run that is now gone on with.
    quiet : bool
        Say nothing.
    """

    def __init__(self, done: int, quiet: bool) -> None:
        self.done = done
        self.kept = self.errors = 0
        self.total: int | None = None
        self._first = done
        self._started = self._told = time.monotonic()
        self._lines = not quiet and not sys.stderr.isatty()
        self._bar: Any = None
        if not quiet and sys.stderr.isatty():
            self._bar = tqdm(initial=done, desc="scoring", unit=" images", dynamic_ncols=True)

    def advance(self, inputs: int, errors: int, total: int | None = None, kept: int = 0) -> None:
        """Take note of inputs that were scored.

        Parameters
        ----------
        inputs, errors : int
            More than before.
        total : int, optional
            All inputs, once they are listed.
        kept : int
            Inputs whose rows are kept, by now.
        """
        self.done += inputs
        self.errors += errors
        self.total = total
        newly_kept, self.kept = kept - self.kept, kept
        if self._bar is not None:
            self._bar.total = total
            self._bar.set_postfix(errors=self.errors, refresh=False)
            self._bar.update(inputs + newly_kept)
        elif self._lines and time.monotonic() - self._told >= stages.LINE_SECONDS:
            self._told = time.monotonic()
            with suppress(OSError):  # a full disk behind stderr is no reason to stop
                sys.stderr.write(f"{self.line()}\n")

    def line(self) -> str:
        """Say in one line how far it is."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._first) / seconds
        done = self.done + self.kept
        of = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{done:,}{of} images", f"{self.errors:,} errors", f"{rate:.1f} images/s"]
        if self.kept:
            parts.insert(1, f"{self.kept:,} of them kept")
        if self.total is not None and rate > 0:
            parts.append(f"{stages.duration((self.total - done) / rate)} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()
