"""One thread a library: parallel work is done by processes, and results do not depend on it."""

from __future__ import annotations

import cv2
from threadpoolctl import threadpool_limits


def limit_threads() -> None:
    """Hold OpenCV, BLAS and OpenMP of this process to one thread, for good.

    LiteRT is held to one thread where its interpreter is made.
    """
    cv2.setNumThreads(1)
    threadpool_limits(limits=1)
