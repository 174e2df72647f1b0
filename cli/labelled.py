"""What commands on a labelled archive share: it is read, looked at once, told of, and listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.cli.say import say, tell_unread
from trifuse.cli.shared_options import Command, columns_options
from trifuse.datasets.csv_table import Columns

if TYPE_CHECKING:
    from trifuse.datasets.table import LabelledTable
    from trifuse.training.duplicates.guard import CheckSize


@dataclass
class LabelledArchive:
    """The archive that a command was given; it is read when its table is asked for.

    Attributes
    ----------
    data : str
    columns : Columns
    merge_duplicates, skip_unreadable : bool
        As in `trifuse.training.duplicates.guard.inspect_archive`.
    jobs : int
    n_unread : int
        The images that `inspect` left out.
    """

    data: str
    columns: Columns
    merge_duplicates: bool = False
    skip_unreadable: bool = False
    jobs: int = 1
    n_unread: int = 0

    @cached_property
    def table(self) -> LabelledTable:
        """All of its images."""
        from trifuse.datasets.load import load_dataset

        return load_dataset(self.data, self.columns, say)

    @property
    def sources(self) -> list[Path]:
        """The files that it is read from, which no output may replace."""
        from trifuse.datasets.load import list_sources

        return list_sources(self.data, self.table, self.columns)

    def inspect(self, checks: Iterable[CheckSize] = ()) -> LabelledTable:
        """Look at every image once, as `inspect_archive` does; give those that can be used."""
        from trifuse.training.duplicates.guard import inspect_archive

        found = inspect_archive(
            self.table,
            merge=self.merge_duplicates,
            skip=self.skip_unreadable,
            checks=checks,
            jobs=self.jobs,
            say=say,
        )
        self.n_unread = len(found.unread)
        return found.table

    def tell_unread(self) -> int:
        """Tell how many images are left out, if any are; give the exit code."""
        return tell_unread(self.n_unread, len(self.table))


def archive_argument(command: Command) -> Command:
    """Give DATA and the options of how it is read and looked at, as one value `archive`."""

    @click.argument("data", metavar="DATA", type=click.Path())
    @columns_options
    @wraps(command)
    def gather(**options: Any) -> Any:
        names = [field.name for field in fields(LabelledArchive) if field.name in options]
        archive = LabelledArchive(**{name: options.pop(name) for name in names})
        return command(archive=archive, **options)

    return gather


def write_rows(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file whose names keep their bytes, whole or not at all."""
    from trifuse.batch.outputs.formats.csv_format import write_line
    from trifuse.classifiers.output import open_output

    with open_output(path) as file:
        file.writelines(map(write_line, (header, *rows)))
