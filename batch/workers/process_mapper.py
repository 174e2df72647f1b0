"""The mapper that training uses: processes, and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import click
from tqdm import tqdm

from trifuse.batch.workers.mapping import ChunkMap
from trifuse.batch.workers.pools import InlinePool, LokyPool
from trifuse.features.threads import limit_threads, limited_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Images that a process takes at a time."""


class ProcessMapper:
    """Applies a function to images in processes.

    A terminal gets a progress bar, a log one line a stage. One job, or a single chunk, is worked
    on in this process, image by image: there starting others would take longer than the work.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item], title: str
    ) -> Iterator[Result]:
        """Apply a function to items, in order, on one thread a process.

        Raises
        ------
        trifuse.batch.workers.supervisor.WorkerError
            If processes die again and again.
        """
        if not sys.stderr.isatty():
            click.echo(f"{title}: {len(items)} images", err=True)
        results = self._map(_OneByOne(function), items)
        with limited_threads():  # of this process, where it does the work itself
            yield from tqdm(results, desc=title, total=len(items), disable=None, unit=" images")

    def _map(self, function: _OneByOne[Item, Result], items: Sequence[Item]) -> Iterator[Result]:
        inline = self.jobs == 1 or len(items) <= CHUNK
        pool = InlinePool() if inline else LokyPool(self.jobs)
        size = 1 if inline else CHUNK
        chunks: ChunkMap[Item, list[Result]] = ChunkMap(function, pool, lambda c: len(c) == size)
        whole = False
        try:
            for _, results in chunks(items):
                yield from results
            whole = True
        finally:
            pool.close(now=not whole)


class _OneByOne(Generic[Item, Result]):
    """A function of an item as a function of a list, which pickles."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function

    def __call__(self, items: list[Item]) -> list[Result]:
        limit_threads()
        return [self.function(item) for item in items]
