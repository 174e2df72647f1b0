"""Work spread over processes by joblib, its results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

from tqdm import tqdm

from trifuse.batch.threads import limit_threads

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of `size` items; the last may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def map_chunks(
    function: Callable[[list[Item]], list[Result]],
    items: Iterable[Item],
    jobs: int,
    chunk_size: int,
) -> Iterator[Result]:
    """Apply a function to chunks of items, in `jobs` processes, and give results in order.

    Items are taken as they are needed and results given as they come, so that memory does not
    grow with their number. One job works in this process, chunk size one.
    """
    if jobs == 1:
        for item in items:
            yield from function([item])
        return
    from joblib import Parallel, delayed

    tasks = (delayed(function)(chunk) for chunk in chunked(items, chunk_size))
    with Parallel(n_jobs=jobs, backend="loky", return_as="generator") as parallel:
        for results in parallel(tasks):
            yield from results


class ProcessMapper:
    """The mapper that training uses: processes, and a progress bar where stderr is a terminal.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    chunk_size = 16

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item], title: str
    ) -> Iterator[Result]:
        """Apply a function to items, in order."""
        results: Iterator[Result] = map_chunks(
            _OneByOne(function), items, self.jobs, self.chunk_size
        )
        yield from tqdm(results, desc=title, total=len(items), disable=None, unit=" images")


class _OneByOne(Generic[Item, Result]):
    """A function of an item as a function of a list, which pickles."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function

    def __call__(self, items: list[Item]) -> list[Result]:
        limit_threads()
        return [self.function(item) for item in items]
