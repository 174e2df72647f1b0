"""What is told of a run: its manifest, written when it is whole, and its log, line by line.

Nothing in them names an image or a folder of images: of the inputs there are counts and digests.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from trifuse.batch.ending import EXIT_OK, EXIT_SOME_UNREAD, StoppedError, explain_error
from trifuse.batch.job_options import PredictionOptions
from trifuse.batch.outputs.journal import Journal
from trifuse.classifiers.output import START_BYTES, OutputError, protect_inputs, writing


def describe_attempt(options: PredictionOptions, slots: int | None = None) -> dict[str, Any]:
    """Say when and where a run is begun, or gone on with.

    Parameters
    ----------
    options : PredictionOptions
    slots : int, optional
        How many images a cluster scores at the same time; of this machine, the options say it.
    """
    return {
        "started": utc(time.time()),
        "host": platform.node(),
        "process": os.getpid(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "backend": options.backend,
        "jobs": options.jobs if slots is None else slots,
    }


def describe_run(
    part: tuple[int, int] | None,
    journal: Journal,
    totals: dict[str, Any],
    output_sha256: str,
    inputs_sha256: str,
) -> dict[str, Any]:
    """Give the manifest of a whole output.

    Parameters
    ----------
    part : tuple of int, optional
        (I, N), where it is one.
    journal : Journal
    totals : dict
        Of what was scored and what was kept, and of all parts.
    output_sha256, inputs_sha256 : str
        Of the output, and of the receipts of its inputs.
    """
    begun = datetime.fromisoformat(journal.attempts[-1]["started"]).timestamp()
    return {
        "output": journal.path.stem,
        "output_sha256": output_sha256,
        "exit_status": EXIT_SOME_UNREAD if totals["errors"] else EXIT_OK,
        **totals,
        "inputs_sha256": inputs_sha256,
        "part": part and list(part),
        "options": journal.options,
        "attempts": journal.attempts,
        "finished": utc(time.time()),
        "seconds": round(time.time() - begun, 1),
    }


class EventLog:
    """A log in JSON lines: when what happened. It names no image.

    Used as a context, it says of a job that does not end well why.

    Parameters
    ----------
    path : str, optional
        Lines are added to it; none is written without it.
    private : sequence of str
        Names of inputs, which no reason may tell.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """

    def __init__(self, path: str | None, private: Sequence[str] = ()) -> None:
        self._path = Path(path or "")
        self._private = private
        with writing(self._path):
            self._file = None if path is None else self._path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Where no line can be added, the job's own error is the one to tell.
        with self._file or nullcontext(), suppress(OutputError):
            if isinstance(error, StoppedError | KeyboardInterrupt):
                number = getattr(error, "signum", signal.SIGINT)
                self.add("interrupted", signal=signal.Signals(number).name)
            elif error is not None:
                names = (*self._private, *getattr(error, "names", ()))
                reason = _hide(explain_error(error) or "", names)
                self.add("failed", error=type(error).__name__, reason=reason)

    def add(self, event: str, **fields: Any) -> None:
        """Write a line."""
        if self._file is None:
            return
        line = {"time": utc(time.time()), "event": event, **fields}
        with writing(self._path):
            self._file.write(f"{json.dumps(line)}\n".encode())


def utc(seconds: float) -> str:
    """Give a time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def check_log(path: Path, inputs: Iterable[str], outputs: Iterable[Path]) -> None:
    """Raise OutputError unless lines may be added to a file: it is new, empty, or a log.

    Parameters
    ----------
    path : Path
    inputs : iterable of str
        What is read.
    outputs : iterable of Path
        What else is written.
    """
    protect_inputs((path,), inputs)
    if os.path.realpath(path) in map(os.path.realpath, outputs):
        msg = f"{path} cannot be the log, as the run writes it otherwise; name another log."
        raise OutputError(msg)
    with writing(path):
        if not path.is_file():
            return
        with path.open("rb") as file:
            line = file.readline(START_BYTES)
    if line and not line.startswith(b'{"time": "'):
        msg = f"{path} is there and is no log of trifuse; name another log."
        raise OutputError(msg)


_SHORT_WORD = re.compile("[a-z]{1,2}")
"""Too short to tell of anyone, and perhaps a word of the sentence: hidden where a name stands."""


def _hide(reason: str, private: Sequence[str]) -> str:
    """Put INPUT in the place of an input's name, and of what lies in it to the sentence's end."""
    for name in sorted(filter(None, private), key=len, reverse=True):
        bare = re.escape(name.rstrip("/") or "/")
        if _SHORT_WORD.fullmatch(name):
            named = rf"^{bare}(?:/.*)?(?!\w)|(?<![\w/]){bare}(?:/.*|(?=[;:']))"
        else:
            named = rf"(?<![\w/]){bare}(?:/.*)?(?!\w)"
        reason = re.sub(named, "INPUT", reason, flags=re.DOTALL)
    return reason
