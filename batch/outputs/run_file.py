"""The output of a run: partial until it is whole, and ready to be gone on with after any kill."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.outputs.formats import Format
from trifuse.batch.outputs.journal import Journal, sync_folder
from trifuse.batch.outputs.receipts import Receipt, write_receipts
from trifuse.batch.text import without_controls
from trifuse.classifiers.output import OutputError, writing
from trifuse.features.files import file_sha256

LONGEST_END = ".converted.converting"
"""The longest that stands behind an output's name while it is being written."""


class StandardOutput:
    """Standard output: rows are flushed, and nothing can be resumed.

    Parameters
    ----------
    header : bytes
        Stands before the first rows, or alone where a run without rows ends well: of a run that is
        refused nothing is written.
    """

    def __init__(self, header: bytes) -> None:
        self._header = header

    def append(self, rows: bytes) -> None:
        """Write some rows, behind the header where they are the first."""
        rows, self._header = self._header + rows, b""
        content = rows
        if sys.stdout.isatty():  # the bytes are for programs; a person is shown the text
            text = rows.decode("utf-8", "surrogateescape")
            content = without_controls(text).encode("utf-8", "replace")
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()  # whoever reads along sees rows as soon as they are known

    def finish(self) -> None:
        """Write the header of an output without rows."""
        self.append(b"")


@dataclass
class RunFile:
    """A file that is `NAME.partial` until it is whole.

    After each chunk the rows and then the journal are forced to the disk. When all is done the
    receipts and the manifest are written, the journal says so, and all get their names: a run that
    was killed anywhere in between does the rest again, and until then the output that was there
    before is whole.

    Parameters
    ----------
    path : Path
        The name that the file gets.
    file : binary file
        The partial file, at its end.
    journal : Journal
        Knows how much is safely written.
    """

    path: Path
    file: BinaryIO
    journal: Journal

    def append(self, rows: bytes, receipts: Sequence[Receipt]) -> None:
        """Write the rows of some inputs, and note in the journal that they are safe."""
        with writing(self.path):
            self.file.write(rows)
            _sync(self.file)
            digest = hashlib.sha256(rows).hexdigest()
            self.journal.add(self.journal.last.after(receipts, rows, digest), receipts)

    def finish(
        self,
        form: Format,
        describe: Callable[[str, str], dict[str, Any]],
        find_rows: Callable[[], Iterable[tuple[BinaryIO, int, Receipt]]] | None = None,
    ) -> None:
        """Give the file its name, and write the receipts and the manifest beside it.

        Parameters
        ----------
        form : Format
        describe : callable
            From the SHA-256 of the whole file and that of the receipts to the manifest.
        find_rows : callable, optional
            Where rows do not stand in the partial file in their order: gives of each input, in
            order, the file and the place of its rows, and its receipt.

        Raises
        ------
        OutputError
            If it cannot be written.
        trifuse.batch.outputs.formats.FormatError
            If the format may not hold these rows together; what is written stays.
        """
        self.file.close()
        names = Names(self.path)
        with writing(self.path):
            whole = names.partial
            if find_rows is not None:
                whole = names.assembled
                with whole.open("wb") as file:
                    file.write(form.header())
                    for source, start, receipt in find_rows():
                        source.seek(start)
                        if len(rows := source.read(receipt.size)) < receipt.size:
                            raise OSError(5, "the rows that are to be kept have been cut off")
                        file.write(rows)
                    _sync(file)
            form.check_rows(whole)
            if form.converts:
                form.finish(whole, names.converted)
                whole = names.converted
            with names.new_receipts.open("wb") as file:
                ordered = find_rows and (receipt for _, _, receipt in find_rows())
                receipts_sha256 = write_receipts(file, ordered or self.journal.receipts())
                _sync(file)
            sha256 = file_sha256(whole)
            with names.new_manifest.open("wb") as file:
                file.write(f"{json.dumps(describe(sha256, receipts_sha256), indent=1)}\n".encode())
                _sync(file)
            sync_folder(self.path)
            self.journal.add_whole(whole.name)
            rename_whole(self.path, self.journal)

    def discard(self) -> None:
        """Leave no trace of a run that found nothing to do, or that cannot be gone on with."""
        self.file.close()
        names = Names(self.path)
        for rest in (names.partial, names.assembled, names.converted):
            rest.unlink(missing_ok=True)
        self.journal.close(remove=True)

    def close(self) -> None:
        """Leave what is written as it is, for a run that goes on with it."""
        with suppress(OSError):  # a full disk was told already
            self.file.close()
        self.journal.close()


class Names:
    """The names of all files of a run beside its output.

    Parameters
    ----------
    path : Path
        Of the output.
    """

    def __init__(self, path: Path) -> None:
        self.journal = path.with_name(f"{path.name}.journal")
        self.partial = path.with_name(f"{path.name}.partial")
        self.assembled = path.with_name(f"{path.name}.assembled")
        self.converted = path.with_name(f"{path.name}.converted")
        self.manifest = path.with_name(f"{path.name}.run.json")
        self.new_manifest = path.with_name(f"{path.name}.json.new")
        self.receipts = path.with_name(f"{path.name}.run.inputs")
        self.new_receipts = path.with_name(f"{path.name}.inputs.new")

    def __iter__(self) -> Iterator[Path]:
        """Give them all; those that are not whole yet too."""
        return iter(vars(self).values())


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def rename_whole(path: Path, journal: Journal) -> None:
    """Give all that a run has written their names; again, where it was killed at that."""
    names = Names(path)
    if journal.whole not in {one.name for one in (names.partial, names.assembled, names.converted)}:
        msg = f"{journal.path} is damaged; begin anew by --overwrite."
        raise OutputError(msg)
    for new, name in (
        (names.new_receipts, names.receipts),
        (names.new_manifest, names.manifest),
        (path.with_name(journal.whole), path),
    ):
        if new.exists():
            new.replace(name)
    for rest in (names.partial, names.assembled):
        rest.unlink(missing_ok=True)
    sync_folder(path)
    journal.close(remove=True)
