"""The journal of a run: how much of the output is whole, so that a killed run can go on.

It stands beside the partial output, a line of JSON after each chunk of rows, written when the
rows are safely on the disk. After a kill, a full disk or a power failure the output is cut back
to what the last whole line says.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.outputs.receipts import Checkpoint, Receipt, unpack_receipts
from trifuse.classifiers.output import OutputError, writing

JOURNAL_FORMAT = 2


@dataclass
class Journal:
    """An open journal, locked against a second run that writes the same output.

    Attributes
    ----------
    path : Path
    options : dict
        What the bytes of the output depend on.
    base : str, optional
        SHA-256 of the whole output whose rows are kept, where one is brought up to date.
    attempts : list of dict
        When and where the run was begun, and gone on with.
    last : Checkpoint
    whole : str
        Name of the file that is to get the output's name, once all is written; else empty.
    """

    path: Path
    file: BinaryIO
    options: dict[str, Any]
    base: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    last: Checkpoint = field(default_factory=Checkpoint)
    whole: str = ""

    @classmethod
    def begin(cls, path: Path, options: dict[str, Any], base: str | None = None) -> Journal:
        """Make an empty journal.

        Raises
        ------
        OutputError
            If it cannot be written, or if another run is writing it.
        """
        with writing(path):
            file = _open_locked(path)
            file.truncate(0)
            journal = cls(path, file, options, base)
            journal._write({"format": JOURNAL_FORMAT, "options": options, "base": base})
            sync_folder(path)
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Journal | None:
        """Read a journal, if there is one with a whole first line, and be ready to go on.

        Raises
        ------
        OutputError
            If it cannot be read, if another run is writing it, or if it is of another format or
            not sound.
        """
        if not path.exists():
            return None
        with writing(path), ExitStack() as stack:
            file = stack.enter_context(_open_locked(path))
            journal = cls(path, file, {})
            try:
                if not journal._read():
                    return None
            except (KeyError, TypeError, ValueError) as error:
                msg = (
                    f"{path} is of another version of trifuse, or damaged, so that nothing can go "
                    "on with its run; begin anew by --overwrite."
                )
                raise OutputError(msg) from error
            stack.pop_all()
        return journal

    def _read(self) -> bool:
        """Take in all whole lines, and cut off what is behind them; tell whether there are any."""
        end = 0
        for position, line in _whole_lines(self.file):
            if not end:
                if line["format"] != JOURNAL_FORMAT:
                    raise ValueError(line["format"])
                self.options, self.base = dict(line["options"]), line["base"]
            elif "options" in line:
                self.options = dict(line["options"])
            elif "attempt" in line:
                self.attempts.append(dict(line["attempt"]))
            elif "whole" in line:
                self.whole = str(line["whole"])
            else:
                self.last = _read_checkpoint(line)[0]
            end = position
        self.file.truncate(end)
        return end > 0

    def checkpoints(self) -> Iterator[tuple[Checkpoint, list[Receipt]]]:
        """Give each checkpoint, and the receipts of the inputs since the one before."""
        with self.path.open("rb") as file:  # of its own: lines may be added meanwhile
            for _, line in _whole_lines(file):
                if "size" in line:
                    yield _read_checkpoint(line)

    def receipts(self) -> Iterator[Receipt]:
        """Give the receipts of all inputs whose rows are written."""
        for _, receipts in self.checkpoints():
            yield from receipts

    def replace_options(self, options: dict[str, Any]) -> None:
        """Say that the run goes on with other options, if they are others."""
        if self.options != json.loads(json.dumps(options)):
            self.options = options
            self._write({"options": options})

    def add_attempt(self, attempt: dict[str, Any]) -> None:
        """Say that the run is begun, or gone on with."""
        self.attempts.append(attempt)
        self._write({"attempt": attempt})

    def add(self, checkpoint: Checkpoint, receipts: Sequence[Receipt]) -> None:
        """Say that so much of the output is on the disk."""
        self.last = checkpoint
        packed = base64.b64encode(b"".join(receipt.pack() for receipt in receipts))
        self._write({**asdict(checkpoint), "receipts": packed.decode()})

    def add_whole(self, name: str) -> None:
        """Say that all that there is to write is on the disk, and under which name."""
        self.whole = name
        self._write({"whole": name})

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


def check_unlocked(path: Path) -> None:
    """Raise OutputError if another run is writing a journal."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        _lock(file, path)


def sync_folder(path: Path) -> None:
    """Have the name of a new or renamed file survive a power failure."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _open_locked(path: Path) -> BinaryIO:
    """Open and lock the journal of that name, not one that a run which ended has just removed."""
    while True:
        file = path.open("ab+")
        _lock(file, path)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = (
            f"{path.with_suffix('')} is being written by {_name_writer(file)}; wait for it, or "
            "name another output."
        )
        file.close()
        raise OutputError(msg) from error
    except OSError:
        pass  # a network drive that knows no locks


def _name_writer(file: BinaryIO) -> str:
    """Say which process writes a journal, by its last attempt."""
    writer = "another run"
    with suppress(KeyError, TypeError, ValueError):
        for _, line in _whole_lines(file):
            if "attempt" in line:
                attempt = line["attempt"]
                writer = f"process {attempt['process']} on {attempt['host']}"
    return writer


def _whole_lines(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give where each line ends, and the line, up to the first that is not whole.

    Raises
    ------
    ValueError
        If whole lines follow it: what was cut off by a power failure has nothing behind it.
    """
    end, broken = 0, False
    file.seek(0)
    for line in file:
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        is_whole = line.endswith(b"\n") and isinstance(content, dict)
        if is_whole and broken:
            msg = "a line in the middle is damaged"
            raise ValueError(msg)
        broken = broken or not is_whole
        if not broken:
            end += len(line)
            yield end, content


def _read_checkpoint(line: dict[str, Any]) -> tuple[Checkpoint, list[Receipt]]:
    """Read a line of a journal: a checkpoint, and the receipts since the one before.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is no such line.
    """
    fields = dict(line)
    packed = base64.b64decode(fields.pop("receipts"), validate=True)
    checkpoint = Checkpoint(**fields)
    for name, value in fields.items():
        if not isinstance(value, str if name == "digest" else int):
            msg = f"{name} is {value!r}"
            raise TypeError(msg)
    return checkpoint, list(unpack_receipts(packed))
