"""Import TensorFlow without the pages it writes to stderr."""

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
    with contextlib.nullcontext() if "tensorflow" in sys.modules else _silenced_stderr():
        import tensorflow  # noqa: PLC0415 - only whoever trains or exports pays for it
    return tensorflow


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: absl logs there before it knows any log level."""
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
