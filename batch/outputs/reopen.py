"""What is there before a run begins: nothing, an interrupted run, a whole output, or damage."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.outputs.formats import Format
from trifuse.batch.outputs.journal import Journal, check_unlocked
from trifuse.batch.outputs.receipts import read_receipts
from trifuse.batch.outputs.run_file import Names, RunFile, rename_whole
from trifuse.classifiers.output import OutputError, check_output, writing
from trifuse.features.files import file_sha256


def begin_run(
    path: Path,
    header: bytes,
    decisive: dict[str, Any],
    overwrite: bool,
    base: str | None = None,
) -> RunFile:
    """Begin an output.

    Parameters
    ----------
    path : Path
    header : bytes
        What stands before the rows.
    decisive : dict
        What the bytes depend on.
    overwrite : bool
        Replace what is there, when the run is whole.
    base : str, optional
        SHA-256 of the output that is brought up to date.

    Raises
    ------
    OutputError
        If there is an output, or the rest of an interrupted run, that must not be replaced, if
        another run is writing it, or if it cannot be written.
    """
    names = Names(path)
    check_unlocked(names.journal)
    check_output(path, overwrite, (), b"")  # its kind was looked at before
    if not overwrite and (names.journal.exists() or names.partial.exists()):
        msg = (
            f"An interrupted run left {names.partial}; go on with it by --resume, or begin anew "
            "by --overwrite."
        )
        raise OutputError(msg)
    journal = Journal.begin(names.journal, decisive, base)
    with writing(path), ExitStack() as stack:
        stack.callback(journal.close)
        # With the lock: until then the partial may be that of a run that began meanwhile.
        names.partial.unlink(missing_ok=True)
        file = names.partial.open("wb")
        stack.pop_all()
    run = RunFile(path, file, journal)
    run.append(header, ())
    return run


def reopen_run(
    path: Path, header: bytes, decisive: dict[str, Any], may_grow: Collection[str] = ()
) -> RunFile | None:
    """Be ready to go on with an interrupted run; None where there is none.

    Parameters
    ----------
    path : Path
        Of the output.
    header : bytes
        What stands before the rows.
    decisive : dict
        What the bytes depend on.
    may_grow : collection of str
        Those of them that may be larger than they were.

    Raises
    ------
    OutputError
        If it was made by another model or with other options, if another run is writing it, or if
        what is there is damaged, or its rows are gone.
    """
    names = Names(path)
    journal = Journal.reopen(names.journal)
    if journal is None and names.partial.exists():
        msg = f"{names.partial} is there without its journal; begin anew by --overwrite."
        raise OutputError(msg)
    if journal is None:
        return None
    with writing(path), ExitStack() as stack:
        stack.callback(journal.close)
        if journal.whole:
            rename_whole(path, journal)
            return None
        if not names.partial.exists():
            if journal.last.inputs:
                rows = f"its journal tells of rows in it ({journal.last.rows:,})"
                msg = (
                    f"{names.partial} is gone, though {rows}; put it back, or begin anew by "
                    "--overwrite."
                )
                raise OutputError(msg)
            journal.close(remove=True)
            return None
        check_same(names.partial, journal.options, decisive, may_grow)
        journal.replace_options(decisive)
        run = RunFile(path, _reopen(names.partial, journal), journal)
        if not journal.last.size:  # killed before the header was safe
            run.append(header, ())
        stack.pop_all()
    return run


def _reopen(partial: Path, journal: Journal) -> BinaryIO:
    """Open the partial file at the end of what is safe, found sound."""
    file = partial.open("r+b")
    for checkpoint, _ in journal.checkpoints():
        rows = file.read(max(0, checkpoint.size - file.tell()))
        if file.tell() != checkpoint.size or hashlib.sha256(rows).hexdigest() != checkpoint.digest:
            file.close()
            msg = f"{partial} is not what its journal says; begin anew by --overwrite."
            raise OutputError(msg)
    file.truncate()
    return file


def check_same(path: Path, then: Any, now: dict[str, Any], may_grow: Collection[str] = ()) -> None:
    """Raise OutputError for the first option that differs, unless it may grow and did."""
    if not isinstance(then, dict):
        msg = (
            f"{path} is there, and nothing tells how it was made; name another output, or replace "
            "it by --overwrite."
        )
        raise OutputError(msg)
    for name in {**now, **then}:
        before, after = then.get(name), json.loads(json.dumps(now.get(name)))
        numbers = isinstance(before, int | float) and isinstance(after, int | float)
        if before != after and not (name in may_grow and numbers and before < after):
            msg = (
                f"{path} was made with other {name.replace('_', ' ')}; resume with the same, or "
                "begin anew by --overwrite."
            )
            raise OutputError(msg)


@dataclass(frozen=True)
class WholeOutput:
    """A whole output, found to be as its run left it.

    Attributes
    ----------
    path : Path
    manifest : dict
    receipts : bytes
        Of its inputs, packed one behind the other.
    """

    path: Path
    manifest: dict[str, Any]
    receipts: bytes


def read_whole(path: Path, decisive: dict[str, Any], may_grow: Collection[str] = ()) -> WholeOutput:
    """Read what is known of a whole output, and check its bytes.

    Raises
    ------
    OutputError
        If nothing tells how it was made, if it was made with other options, or if it or its
        receipts are damaged.
    """
    manifest = read_manifest(path)
    check_same(path, manifest.get("options"), decisive, may_grow)
    receipts = read_receipts(Names(path).receipts, str(manifest.get("inputs_sha256")))
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise OutputError(msg) from error
    if sha256 != manifest.get("output_sha256"):
        msg = f"{path} is damaged, or was edited, since its run ended; begin anew by --overwrite."
        raise OutputError(msg)
    return WholeOutput(path, manifest, receipts)


def open_rows(whole: WholeOutput, form: Format) -> BinaryIO:
    """Open the rows of a whole output, as they stood in its partial file."""
    if not form.converts:
        return whole.path.open("rb")
    file = tempfile.TemporaryFile(dir=whole.path.parent)  # noqa: SIM115 - closed by the caller
    try:
        form.restore(whole.path, file)
    except BaseException:
        file.close()
        raise
    return file


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of an output; empty where there is none, or it is damaged."""
    try:
        manifest = json.loads(Names(path).manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
