"""One thread a library: parallel work is done by processes, and results do not depend on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import cv2
from threadpoolctl import ThreadpoolController, threadpool_limits


@cache
def limit_threads() -> None:
    """Hold OpenCV, BLAS and OpenMP of this process to one thread, for good.

    LiteRT is held to one thread where its interpreter is made.
    """
    cv2.setNumThreads(1)
    threadpool_limits(limits=1)


@contextmanager
def limited_threads() -> Iterator[None]:
    """Hold OpenCV and BLAS to one thread for a while.

    The products here are small: more threads cost more than they bring, up to thirty times the
    time where they compete with other processes, and they would change the last bits.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with _libraries(len(sys.modules)).limit(limits=1):
            yield
    finally:
        cv2.setNumThreads(threads)


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:  # noqa: ARG001
    # Looking for the libraries takes 8 ms: again only where modules, which load them, have come.
    return ThreadpoolController()
