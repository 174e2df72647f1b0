"""The output of a run: partial until it is whole, and ready to be gone on with after any kill."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from trifuse.batch.outputs.format import Format
from trifuse.batch.outputs.journal import Checkpoint, Journal, journal_path, sync_folder
from trifuse.classifiers.output import OutputError, cannot_write, check_output, open_output


class RunOutput(Protocol):
    """Where the rows go."""

    @property
    def last(self) -> Checkpoint:
        """How much is safely written."""

    def append(self, rows: bytes, checkpoint: Checkpoint) -> None:
        """Write the rows of a chunk, safely; the checkpoint's size is filled in."""

    def close(self) -> None:
        """Leave what is written as it is."""


class StandardOutput:
    """Standard output: rows are flushed, and nothing can be resumed."""

    def __init__(self, header: bytes) -> None:
        self._last = Checkpoint()
        self._write(header)

    @property
    def last(self) -> Checkpoint:
        """How much is written."""
        return self._last

    def append(self, rows: bytes, checkpoint: Checkpoint) -> None:
        """Write the rows of a chunk."""
        self._write(rows)
        self._last = checkpoint

    def close(self) -> None:
        """Do nothing."""

    def _write(self, content: bytes) -> None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()  # whoever reads along sees rows as soon as they are known


class RunFile:
    """A file that is `NAME.partial` until it is whole.

    After each chunk the rows and then the journal are forced to the disk. When all is done the
    manifest is written, the file gets its name, and the journal goes: a run that was killed
    anywhere in between does the rest again.

    Parameters
    ----------
    path : Path
        The name that the file gets.
    file : binary file
        The partial file, at its end.
    journal : Journal
    """

    def __init__(self, path: Path, file: BinaryIO, journal: Journal) -> None:
        self.path = path
        self.journal = journal
        self._file = file

    @property
    def last(self) -> Checkpoint:
        """How much is safely written."""
        return self.journal.last

    def append(self, rows: bytes, checkpoint: Checkpoint) -> None:
        """Write the rows of a chunk, and note in the journal that they are safe."""
        try:
            self._file.write(rows)
            self._sync()
            size = self._file.tell()
            self.journal.add(Checkpoint(**{**vars(checkpoint), "size": size}))
        except OSError as error:
            raise OutputError(cannot_write(self.path, error)) from error

    def finish(self, form: Format, describe: Callable[[str], dict[str, Any]]) -> None:
        """Give the file its name, and write the manifest beside it.

        Parameters
        ----------
        form : Format
        describe : callable
            From the SHA-256 of the whole file to its manifest.
        """
        self._file.close()
        partial, whole = partial_path(self.path), partial_path(self.path)
        try:
            if form.converts:
                whole = self.path.with_name(f"{self.path.name}.converted")
                form.finish(partial, whole)
            with whole.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            with open_output(manifest_path(self.path)) as manifest:
                manifest.write(f"{json.dumps(describe(sha256), indent=1)}\n".encode())
            whole.replace(self.path)
            partial.unlink(missing_ok=True)
            sync_folder(self.path)
        except OSError as error:
            raise OutputError(cannot_write(self.path, error)) from error
        self.journal.close(remove=True)

    def close(self) -> None:
        """Leave what is written as it is, for a run that goes on with it."""
        with suppress(OSError):  # a full disk was told already
            self._file.close()
        self.journal.close()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def begin_run(path: Path, header: bytes, decisive: dict[str, Any], overwrite: bool) -> RunFile:
    """Begin an output.

    Raises
    ------
    OutputError
        If there is an output, or the rest of an interrupted run, that must not be replaced, or if
        it cannot be written.
    """
    check_output(path, overwrite)
    partial = partial_path(path)
    if not overwrite and (journal_path(path).exists() or partial.exists()):
        msg = (
            f"An interrupted run left {partial}; go on with it by --resume, or begin anew by "
            "--overwrite."
        )
        raise OutputError(msg)
    journal = Journal.begin(journal_path(path), decisive)
    try:
        file = partial.open("wb")
        file.write(header)
    except OSError as error:
        raise OutputError(cannot_write(path, error)) from error
    run = RunFile(path, file, journal)
    run.append(b"", Checkpoint())
    return run


def resume_run(path: Path, header: bytes, decisive: dict[str, Any]) -> RunFile | None:
    """Go on with an output, or begin it where nothing is there; None where it is whole already.

    Raises
    ------
    OutputError
        If what is there was made by another model or with other options or inputs, or if it is
        damaged.
    """
    journal = Journal.reopen(journal_path(path))
    with ExitStack() as stack:
        if journal is not None:
            stack.callback(journal.close)
        if journal is not None and partial_path(path).exists():
            _check_same(partial_path(path), journal.options, decisive)
            run = RunFile(path, stack.enter_context(_reopen(path, journal.last.size)), journal)
            if not journal.last.size:  # killed before the header was safe
                run.append(header, Checkpoint())
            stack.pop_all()
            return run
        if path.exists():
            _check_same(path, read_manifest(path).get("options"), decisive)
            if journal is not None:  # killed when the file had its name already
                journal.close(remove=True)
            return None
    return begin_run(path, header, decisive, overwrite=True)


def _reopen(path: Path, size: int) -> BinaryIO:
    """Open the partial file at the end of what is safe."""
    partial = partial_path(path)
    try:
        if partial.stat().st_size < size:
            msg = f"{partial} is shorter than its journal says; begin anew by --overwrite."
            raise OutputError(msg)
        file = partial.open("r+b")
        file.truncate(size)
        file.seek(size)
    except OSError as error:
        raise OutputError(cannot_write(partial, error)) from error
    return file


def partial_path(path: Path) -> Path:
    """Give the name of an output that is not whole yet."""
    return path.with_name(f"{path.name}.partial")


def manifest_path(path: Path) -> Path:
    """Give the name of an output's manifest."""
    return path.with_name(f"{path.name}.run.json")


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of an output; empty where there is none, or it is damaged."""
    try:
        manifest = json.loads(manifest_path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _check_same(path: Path, then: Any, now: dict[str, Any]) -> None:
    """Raise OutputError for the first option that differs."""
    if not isinstance(then, dict):
        msg = f"{path} is there, and nothing tells how it was made; name another output."
        raise OutputError(msg)
    for name in {**now, **then}:
        if then.get(name) != json.loads(json.dumps(now.get(name))):
            msg = (
                f"{path} was made with other {name.replace('_', ' ')}; resume with the same, or "
                "begin anew by --overwrite."
            )
            raise OutputError(msg)
