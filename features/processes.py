"""How processes work side by side: one thread a library, and none outlives the job.

Results do not depend on the number of processes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from threading import Lock
from typing import Any

import cv2
from threadpoolctl import ThreadpoolController, threadpool_limits

_PR_SET_PDEATHSIG = 1


@cache
def limit_threads() -> None:
    """Hold OpenCV, BLAS and OpenMP of this process to one thread, for good.

    LiteRT is held to one thread where its interpreter is made.
    """
    cv2.setNumThreads(1)
    threadpool_limits(limits=1)


@contextmanager
def limited_threads() -> Iterator[None]:
    """Hold OpenCV, BLAS and OpenMP to one thread for a while.

    The products here are small: more threads cost more than they bring, up to thirty times the
    time where they compete with other processes, and they would change the last bits.

    What is imported inside brings libraries that are not held: import it before.

    Threads may be inside together, and leave in any order: what all of them share, OpenCV's and
    BLAS's number, is given back when the last leaves.
    """
    libraries = _libraries(len(sys.modules))
    with libraries.select(user_api="openmp").limit(limits=1), _SHARED.limit(libraries):
        yield


class _SharedLimit:
    """The limit of what a process has one of, and how many are inside it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._held: list[ThreadpoolController] = []
        self._give_back = ExitStack()

    @contextmanager
    def limit(self, libraries: ThreadpoolController) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._give_back.callback(cv2.setNumThreads, cv2.getNumThreads())
                cv2.setNumThreads(1)
            if libraries not in self._held:  # the first inside, or libraries have come since
                self._held.append(libraries)
                for library in libraries.select(user_api="blas").lib_controllers:
                    self._give_back.callback(_set_threads, library, library.num_threads)
                    _set_threads(library, 1)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._held.clear()
                    self._give_back.close()


_SHARED = _SharedLimit()


def _set_threads(library: Any, number: int) -> None:
    """Set a library's threads, whichever thread of ours has done so before.

    From threadpoolctl 3.8 on one thread controls OpenBLAS, and others do nothing, in silence.
    """
    release = getattr(library, "clear_controlling_thread", dict)
    release(force=True)
    library.set_num_threads(number)
    release(force=True)


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:  # noqa: ARG001
    # Looking for the libraries takes 8 ms: again only where modules, which load them, have come.
    return ThreadpoolController()


def belong_to(parent: int) -> None:
    """End this process when its parent does, and leave Ctrl-C and SIGTERM to the parent.

    These reach every process of a job, by the terminal or a queueing system; the parent finishes
    what is being worked on. On Linux the kernel ends this process; elsewhere it ends when it finds
    its pipes closed.

    Parameters
    ----------
    parent : int
        Number of the parent process: it may be gone already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
