"""What commands say, and what is told while they work: never able to command a terminal."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import click

from trifuse.batch.ending import EXIT_OK, EXIT_SOME_UNREAD
from trifuse.batch.text import without_controls
from trifuse.features import stages


def say(text: str) -> None:
    """Write a line on stderr; names in it may be strangers'. A full disk there stops no job."""
    with suppress(OSError):
        click.echo(without_controls(text), err=True)


def show(text: str) -> None:
    """Write a result on stdout: as it is for a program, without controls for a terminal."""
    click.echo(without_controls(text) if sys.stdout.isatty() else text)


def tell_counts(images: int, errors: int, warn: Callable[[str], None]) -> int:
    """Count the rows of predictions in a line; give the exit code for them."""
    if errors:
        warn(f"{errors:,} of {images:,} images could not be read; see their rows.")
        return EXIT_SOME_UNREAD
    warn(f"{images:,} image{'' if images == 1 else 's'} scored.")
    return EXIT_OK


def tell_unread(n_unread: int, n_images: int) -> int:
    """Tell on stderr how many images are left out, if any are; give the exit code."""
    if not n_unread:
        return EXIT_OK
    say(f"{n_unread:,} of {n_images:,} images could not be read and are left out.")
    return EXIT_SOME_UNREAD


def warn_of_networks(per_fold: int) -> None:
    """Tell on stderr that a study leaves out what takes a night, if the recipe has it."""
    if per_fold:
        say("warning: the recipe's [networks] are left out: only `trifuse train` trains them.")


def warn_of_training_images(n_known: int, n_images: int) -> None:
    """Tell on stderr how many images the model was trained on, if any are."""
    if n_known:
        say(
            f"warning: the model was trained on {n_known:,} of the {n_images:,} images, and knows "
            "them by heart: what it says of them tells nothing of new ones."
        )


class StageLines(logging.Handler):
    """A line where a stage begins and ends; a line a minute where stderr is no terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._place = ""
        self._ended = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Take what `trifuse.features.stages` tells."""
        text, event = record.getMessage(), getattr(record, "event", "")
        if record.levelno >= logging.INFO:
            click.echo(text, err=True)
        self._place = text if event == "place" else ""
        if event == "begin":
            self._ended = threading.Event()
            title = text.partition(":")[0]
            threading.Thread(target=self._repeat, args=(title, self._ended), daemon=True).start()
        elif event == "end":
            self._ended.set()

    def _repeat(self, title: str, ended: threading.Event) -> None:
        started = time.monotonic()
        while not ended.wait(stages.LINE_SECONDS):
            if not sys.stderr.isatty():
                place = f"{self._place}, " if self._place else ""
                seconds = stages.duration(time.monotonic() - started)
                click.echo(f"{title}: {place}{seconds} so far", err=True)


_HANDLER = StageLines()


def show_stages() -> None:
    """Show stages on stderr from now on."""
    stages.LOGGER.addHandler(_HANDLER)  # which it does once
    stages.LOGGER.setLevel(logging.DEBUG)
    stages.LOGGER.propagate = False
