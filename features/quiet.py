"""Keep what TensorFlow and LiteRT write to stderr away from the user's screen."""

import contextlib
import os
import sys
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
