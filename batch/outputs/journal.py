"""The journal of a run: how much of the output is whole, so that a killed run can go on.

It stands beside the partial output, a line of JSON after each chunk of rows, written when the
rows are safely on the disk. After a kill, a full disk or a power failure the output is cut back
to what the last whole line says.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.classifiers.output import OutputError, cannot_write

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come.

    Attributes
    ----------
    inputs : int
        Inputs whose rows are all written.
    rows, errors : int
        Rows, and how many of them are of images that could not be scored.
    size : int
        Bytes of the partial output.
    digest : str
        SHA-256 of those inputs' names.
    """

    inputs: int = 0
    rows: int = 0
    errors: int = 0
    size: int = 0
    digest: str = ""


@dataclass
class Journal:
    """An open journal, locked against a second run that writes the same output.

    Attributes
    ----------
    path : Path
    options : dict
        What the bytes of the output depend on.
    attempts : list of dict
        When and where the run was begun, and gone on with.
    last : Checkpoint
    """

    path: Path
    file: BinaryIO
    options: dict[str, Any]
    attempts: list[dict[str, Any]] = field(default_factory=list)
    last: Checkpoint = field(default_factory=Checkpoint)

    @classmethod
    def begin(cls, path: Path, options: dict[str, Any]) -> Journal:
        """Make an empty journal.

        Raises
        ------
        OutputError
            If it cannot be written, or if another run is writing it.
        """
        try:
            file = path.open("ab+")
            _lock(file, path)
            file.truncate(0)
            journal = cls(path, file, options)
            journal._write({"format": FORMAT, "options": options})
            sync_folder(path)
        except OSError as error:
            raise OutputError(cannot_write(path, error)) from error
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Journal | None:
        """Read a journal, if there is one with a whole first line, and be ready to go on.

        Raises
        ------
        OutputError
            If it cannot be read, or if another run is writing it.
        """
        if not path.exists():
            return None
        try:
            file = path.open("ab+")
            _lock(file, path)
            file.seek(0)
            lines = list(_whole_lines(file))
            if not lines or lines[0][1].get("format") != FORMAT:
                file.close()
                return None
            file.truncate(lines[-1][0])
        except OSError as error:
            raise OutputError(cannot_write(path, error)) from error
        journal = cls(path, file, lines[0][1]["options"])
        for _, line in lines[1:]:
            if "attempt" in line:
                journal.attempts.append(line["attempt"])
            else:
                journal.last = Checkpoint(**line)
        return journal

    def add_attempt(self, attempt: dict[str, Any]) -> None:
        """Say that the run is begun, or gone on with."""
        self.attempts.append(attempt)
        self._write({"attempt": attempt})

    def add(self, checkpoint: Checkpoint) -> None:
        """Say that so much of the output is on the disk."""
        self.last = checkpoint
        self._write(asdict(checkpoint))

    def close(self, *, remove: bool = False) -> None:
        """Give the lock back; remove the journal of a run that is whole."""
        if remove:
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk was told already
            self.file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self.file.write(f"{json.dumps(line)}\n".encode())
        self.file.flush()
        os.fsync(self.file.fileno())


def journal_path(output: Path) -> Path:
    """Give the path of an output's journal."""
    return output.with_name(f"{output.name}.journal")


def sync_folder(path: Path) -> None:
    """Have the name of a new or renamed file survive a power failure."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        msg = f"{path.with_suffix('')} is being written by another run; name another output."
        raise OutputError(msg) from error
    except OSError:
        pass  # a network drive that knows no locks


def _whole_lines(file: BinaryIO) -> list[tuple[int, dict[str, Any]]]:
    """Give the lines up to the first that is not whole, and where each ends."""
    lines: list[tuple[int, dict[str, Any]]] = []
    end = 0
    for line in file:
        end += len(line)
        try:
            content = json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n") or not isinstance(content, dict):
            break
        lines.append((end, content))
    return lines
