"""Work that needs a process of its own for each task: one thread, and all memory given back."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from trifuse.features.processes import belong_to, limit_threads
from trifuse.training.parallel import ProcessError

Task = TypeVar("Task")
ONE_THREAD = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
"""What TensorFlow reads when it starts."""


def run_children(
    work: Callable[[Task, Callable[[Any], None]], None], tasks: Sequence[Task], jobs: int
) -> Generator[tuple[int, Any], None, None]:
    """Work on each task in a process of its own, on one thread, several at a time.

    Two trainings of one thread each are done sooner than one of two threads, and their results do
    not depend on how many there are.

    Parameters
    ----------
    work : callable
        Of a module. It is given the task, and a function that tells us something.
    tasks : sequence
    jobs : int
        Processes at a time.

    Yields
    ------
    (int, object)
        The number of a task, from 0, and what its process told.

    Raises
    ------
    ProcessError
        If a process dies. Errors of trifuse's own kinds, and of the system, are raised as they are.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(enumerate(tasks))[::-1]
    running: dict[Any, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, task = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=_begin, args=(theirs, Path.cwd(), os.getpid(), work, task), daemon=True
                )
                process.start()
                theirs.close()
                running[ours] = number, process
            ready: list[Any] = wait(list(running))
            for connection in ready:
                number, process = running[connection]
                try:
                    told = connection.recv()
                except EOFError:
                    del running[connection]
                    _end(process)
                    continue
                if isinstance(told, Exception):
                    raise told
                yield number, told
    finally:
        for _, process in running.values():
            process.kill()
            process.join()


def _begin(
    connection: Any, folder: Path, parent: int, work: Callable[[Any, Any], None], task: Any
) -> None:
    """Be the child."""
    belong_to(parent)
    os.chdir(folder)
    os.environ |= dict.fromkeys(ONE_THREAD, "1")
    limit_threads()
    try:
        work(task, connection.send)
    except Exception as error:
        is_own = type(error).__module__.startswith("trifuse.")
        if not is_own and not isinstance(error, OSError | MemoryError):
            raise  # with its traceback, on stderr
        connection.send(error)


def _end(process: Any) -> None:
    """Raise unless a process that has nothing more to tell has ended well."""
    process.join()
    if process.exitcode < 0:
        msg = (
            f"A process that trained a network was ended by signal {-process.exitcode}, most "
            "likely because memory ran out; the same command with fewer --jobs goes on."
        )
        raise ProcessError(msg)
    if process.exitcode:
        msg = "A process that trained a network failed; what it said stands above."
        raise ProcessError(msg)
