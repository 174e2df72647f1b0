"""Keep what libraries write to stderr, log or warn of away from the user's screen."""

import contextlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any


def import_tensorflow() -> Any:
    """Import TensorFlow, about 5 s and 600 MB the first time, and return the module.

    Its C++ log is off unless ``TF_CPP_MIN_LOG_LEVEL`` is set in the environment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Absl writes before it has read any log level, which leaves the file descriptor.
    with contextlib.nullcontext() if "tensorflow" in sys.modules else silenced_stderr():
        import tensorflow as tf
    return tf


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2, of C++ code too, to nowhere; exceptions pass as ever."""
    if sys.stderr is not None:
        sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nowhere)
        os.close(saved)


class _Shared:
    """A process-wide context: the first thread in enters it, and the last one out leaves it.

    Two threads that enter and leave `warnings.catch_warnings` crosswise leave the wrong filters
    behind.
    """

    def __init__(self, make: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        self._make, self._context = make, make()
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._context = self._make()
                self._context.__enter__()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._context.__exit__(None, None, None)


@contextlib.contextmanager
def _ignore_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        modules = r"(PIL|tifffile|pydicom|trifuse\.features\.(tiff|dicom))"
        warnings.filterwarnings("ignore", module=modules)
        yield


@contextlib.contextmanager
def _silence_pydicom() -> Iterator[None]:
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)


without_warnings = _Shared(_ignore_warnings)
"""Ignores what decoders warn of (sizes, odd metadata) while any thread is inside."""

without_pydicom_logs = _Shared(_silence_pydicom)
"""Keeps what pydicom logs to itself while any thread is inside; 0.2 ms, so not for all images."""
