"""Pools of workers: this process, loky's processes, or the workers of a Dask cluster.

A pool is an executor of `concurrent.futures`: joblib's loky is one by nature, and a Dask client
gives one. They are fed by hand and not through `joblib.Parallel`, which takes items in a thread
of its own that a silent pipe would block for ever, and which loses every result that it has when
a worker dies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from trifuse.batch.workers.lifetime import belong_to

Result = TypeVar("Result")

IDLE_SECONDS = 300
"""After so long without work a process of loky's ends."""


class Pool(Protocol):
    """Who works on chunks.

    Attributes
    ----------
    slots : int
        How many chunks are worked on at the same time.
    losses : tuple of exception types
        What a result raises, or `submit`, where the pool lost the worker.
    """

    slots: int
    losses: tuple[type[BaseException], ...]

    def submit(self, function: Callable[..., Result], chunk: list[Any]) -> Future[Result]:
        """Have a function called with a chunk."""

    def restart(self) -> None:
        """Begin anew after a worker died and took the pool with it."""

    def close(self, *, now: bool) -> None:
        """Let the workers go, `now` without waiting for what they are doing."""


class InlinePool:
    """No other process: a chunk is done when it is submitted."""

    slots = 1
    losses: tuple[type[BaseException], ...] = ()

    def submit(self, function: Callable[..., Result], chunk: list[Any]) -> Future[Result]:
        """Call the function now."""
        future: Future[Result] = Future()
        try:
            future.set_result(function(chunk))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        return future

    def restart(self) -> None:
        """Do nothing: this process has not died."""

    def close(self, *, now: bool) -> None:
        """Do nothing."""


class LokyPool:
    """Processes of this machine, started by joblib's loky.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        # Here, because joblib takes a third of a second that a few images do not need.
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        self.slots = jobs
        self.losses: tuple[type[BaseException], ...] = (TerminatedWorkerError,)
        self._executor = self._start()

    def submit(self, function: Callable[..., Result], chunk: list[Any]) -> Future[Result]:
        """Have a process call the function."""
        with _safe_path():  # the first one starts processes
            future: Future[Result] = self._executor.submit(function, chunk)
        return future

    def restart(self) -> None:
        """Replace the processes."""
        self._executor.shutdown(wait=False, kill_workers=True)
        self._executor = self._start()

    def close(self, *, now: bool) -> None:
        """End the processes."""
        self._executor.shutdown(wait=True, kill_workers=now)

    def _start(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        # Not loky's reusable executor: joblib.Parallel would take it for its own.
        with _safe_path():
            return ProcessPoolExecutor(
                max_workers=self.slots,
                timeout=IDLE_SECONDS,
                initializer=_begin,
                initargs=(Path.cwd(), os.getpid()),
                env=_SAFE,
            )


_SAFE = {"PYTHONSAFEPATH": "1"}
"""The working folder may be a stranger's: no process takes a module from it."""


@contextmanager
def _safe_path() -> Iterator[None]:
    """Have loky's helper processes, which its `env` does not reach, inherit `_SAFE`."""
    before = {name: os.environ.get(name) for name in _SAFE}
    os.environ.update(_SAFE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(folder: Path, parent: int) -> None:
    """Make a process look for its items where we do, and end with us."""
    belong_to(parent)
    os.chdir(folder)
