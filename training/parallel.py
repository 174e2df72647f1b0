"""Functions of many images: in one process or, by joblib, in several, with their progress told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from trifuse.features.processes import belong_to, limit_threads, limited_threads
from trifuse.features.stages import duration, say_where, stage

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Images that a process takes at a time."""
MOST_LOSSES = 3
"""Times in a row that processes may die with no image done in between."""


class ProcessError(RuntimeError):
    """Processes that die again and again; the message says what to do."""


def map_images(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    title: str,
    jobs: int | None = None,
    *,
    unit: str = "images",
    chunk: int = CHUNK,
) -> Iterator[Result]:
    """Apply a function to images, or others, in their order, on one thread a process.

    A terminal gets a progress bar, a log a line a minute. One job, or a single chunk, is worked
    on in this process, image by image: there starting others would take longer than the work.

    Parameters
    ----------
    function : callable
    items : sequence
    title : str
        What is being done.
    jobs : int, optional
        Processes; None is a plain loop, of which nothing is told.
    unit : str
        What the items are.
    chunk : int
        Items that a process takes at a time.

    Raises
    ------
    ProcessError
        If processes die again and again.
    """
    if jobs is None:
        yield from map(function, items)
        return
    inline = jobs == 1 or len(items) <= chunk
    results = map(function, items) if inline else _map(function, items, jobs, chunk)
    with limited_threads():  # of this process, where it does the work itself
        if sys.stderr.isatty():
            yield from tqdm(results, desc=title, total=len(items), unit=f" {unit}")
        else:
            yield from _tell(results, title, len(items), unit)


def _map(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, chunk: int
) -> Iterator[Result]:
    from joblib import Parallel, delayed

    done, lost = 0, 0
    while done < len(items):
        parallel = Parallel(
            jobs,
            return_as="generator",
            batch_size=chunk,
            max_nbytes=None,
            initializer=_begin,
            initargs=(Path.cwd(), os.getpid()),
        )
        tasks = (delayed(_on_one_thread)(function, item) for item in items[done:])
        try:
            for result in parallel(tasks):
                yield result
                done, lost = done + 1, 0
        except BrokenProcessPool as error:
            lost += 1
            if lost > MOST_LOSSES:
                msg = (
                    "Worker processes die again and again, most likely because memory runs "
                    "out; run it again with fewer --jobs."
                )
                raise ProcessError(msg) from error


def _begin(folder: Path, parent: int) -> None:
    """Make a process look for its items where we do, and end with us."""
    belong_to(parent)
    os.chdir(folder)


def _on_one_thread(function: Callable[[Item], Result], item: Item) -> Result:
    limit_threads()
    return function(item)


def _tell(results: Iterator[Result], title: str, total: int, unit: str) -> Iterator[Result]:
    """Give results, and say how far they are."""
    started = time.monotonic()
    with stage(f"{title}: {total} {unit}"):
        for done, result in enumerate(results, 1):
            left = duration((time.monotonic() - started) * (total - done) / done)
            say_where(f"{done:,} of {total:,} {unit}, {left} left")
            yield result
