"""How a command ends: its exit code, what Ctrl-C and SIGTERM do, and what is told of an error."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from trifuse.features.libraries import explain_import

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_SOME_UNREAD = 3
"""Click itself ends wrong usage with 2."""
EXIT_NO_INPUT = 4
"""Nothing was found that could be scored."""
EXIT_SIGNAL = 128
"""More by the number of the signal that ended the job: SIGINT gives 130, SIGTERM 143."""
EXIT_INTERRUPTED = EXIT_SIGNAL + signal.SIGINT
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


@contextmanager
def goes_on(how: str) -> Iterator[None]:
    """Tell at SIGINT and SIGTERM how a job that keeps what it has finished is gone on with.

    Parameters
    ----------
    how : str
        A clause, such as "the same command goes on with what is finished".

    Raises
    ------
    StoppedError
    """
    received = [signal.SIGINT]

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for one in SIGNALS:
            signal.signal(one, signal.SIG_DFL)  # the second ends at once
        received.append(signal.Signals(signum))
        raise KeyboardInterrupt  # libraries catch what is an Exception

    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere Python has no signals
        before = {one: signal.signal(one, stop) for one in SIGNALS}
    try:
        yield
    except KeyboardInterrupt as stopped:
        verb = "Terminated" if received[-1] == signal.SIGTERM else "Interrupted"
        msg = f"{verb}; {how}."
        raise StoppedError(received[-1], msg) from stopped
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


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


def explain_error(error: BaseException) -> str | None:
    """Say what the user can mend: errors of trifuse's own classes, and the machine's limits.

    Returns
    -------
    str or None
        A sentence; none for an error that is a fault of trifuse.
    """
    if type(error).__module__.startswith("trifuse."):
        return str(error)
    if isinstance(error, Exception) and (sentence := explain_import(error)):
        return sentence
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
    if isinstance(error, MemoryError):
        return "There is not enough memory."
    return None
