"""Ending early: Ctrl-C and SIGTERM let the job finish its chunk and leave a file to resume."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(Exception):
    """A job that was asked to end; what it had is safe.

    Attributes
    ----------
    signum : int
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum


class StopSignals:
    """Notes the first SIGINT or SIGTERM; the second ends at once.

    Used as a context; calling it tells whether to stop.

    Attributes
    ----------
    received : int, optional
        The signal.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python has no signals
            self._before = {one: signal.signal(one, self._note) for one in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.received is not None

    def _note(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.received is not None:
            msg = "Interrupted twice; the chunk that was being worked on is not in the output."
            raise StoppedError(signum, msg)
        self.received = signum
