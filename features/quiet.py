"""Keep what libraries write to stderr, and what Pillow warns of, away from the user's screen."""

import contextlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
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


class _WithoutPillowWarnings:
    """Ignores what Pillow warns of (sizes, odd metadata) while any thread is inside.

    `warnings.catch_warnings` is process-wide: two threads that enter and leave it crosswise leave
    the wrong filters behind. Here the first thread in saves them and the last one out restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._filters.__exit__(None, None, None)


without_pillow_warnings = _WithoutPillowWarnings()
"""A context that any number of threads enter and leave as they like."""
