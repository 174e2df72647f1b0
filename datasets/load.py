"""Which kind of archive a path is, and its table."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from trifuse.datasets.class_folders import read_folders
from trifuse.datasets.csv_table import (
    NAME_COLUMNS,
    NO_COLUMNS,
    Columns,
    read_column_names,
    read_csv_table,
)
from trifuse.datasets.ham10000 import read_ham10000
from trifuse.datasets.kinds import is_table
from trifuse.datasets.table import DatasetError, LabelledTable, name_few

EXPECTED = (
    "expected a folder with HAM10000's metadata CSV (lesion_id, image_id, dx) and its images, "
    f"a CSV table (path, label and optionally group; {NAME_COLUMNS}), or a folder with one folder "
    "of images a class"
)


def load_dataset(
    path: str | os.PathLike[str],
    columns: Columns = NO_COLUMNS,
    warn: Callable[[str], None] = lambda _: None,
) -> LabelledTable:
    """Read a labelled archive of any of the three kinds.

    Parameters
    ----------
    path : str or path
        A folder with a HAM10000 metadata CSV; a folder with a CSV table; a folder with one folder
        a class; or such a CSV itself. A CSV is known by its column ``image_id`` (HAM10000) or
        ``path`` (table); in a folder it goes before class folders. In a folder, tables are files
        named ``*.csv``, ``*.tsv``, ``*.tab``, ``*.txt`` or ``HAM10000_metadata*``.
    columns : Columns
        What the columns of a table are called instead: then no CSV is HAM10000's.
    warn : callable
        Told of what was passed over, and of classes that look like one.

    Returns
    -------
    LabelledTable
        Two classes at least.

    Raises
    ------
    DatasetError
        If nothing is there, it is of no known kind, it could be two things, what it says is wrong,
        or it has fewer than two classes.
    """
    source = Path(path)
    if not source.exists():
        raise DatasetError(f"there is no {source}; {EXPECTED}")
    table = _read_folder(source, columns, warn) if source.is_dir() else _read_csv(source, columns)
    if len(table.classes) < 2:
        raise DatasetError(
            f"{source} has only the class {table.classes[0]}; a classifier needs two at least"
        )
    folded = Counter(map(str.casefold, table.classes))
    if alike := [name for name in table.classes if folded[name.casefold()] > 1]:
        warn(f"{source}: the classes {' and '.join(alike)} differ by their case only.")
    return table


def list_sources(
    path: str | os.PathLike[str], table: LabelledTable, columns: Columns = NO_COLUMNS
) -> list[Path]:
    """List the files that an archive was read from: its images, and its table."""
    source = Path(path)
    tables = [source]
    if source.is_dir():
        tables = [file for file in _list_tables(source) if _kind(file, columns)]
    return [*tables, *table.paths]


def _list_tables(folder: Path) -> list[Path]:
    """List the files that may be tables, by their names."""
    tables = []
    for file in sorted(folder.iterdir()):
        name = file.name.lower()
        # The Harvard Dataverse serves the metadata under this name without a suffix, or as .tab.
        named = is_table(name) or name.endswith(".txt") or name.startswith("ham10000_metadata")
        if named and file.is_file() and not name.startswith("."):
            tables.append(file)
    return tables


def _read_folder(folder: Path, columns: Columns, warn: Callable[[str], None]) -> LabelledTable:
    candidates = _list_tables(folder)
    tables = [file for file in candidates if _kind(file, columns)]
    if len(tables) > 1:
        raise DatasetError(
            f"{folder} has more than one table: {name_few([file.name for file in tables])}; "
            "say which by giving the path of the CSV file"
        )
    if tables:
        return _read_csv(tables[0], columns)
    if not any(entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir()):
        raise DatasetError(f"{folder} is no labelled archive; {EXPECTED}")
    return read_folders(folder, candidates, warn)


def _read_csv(file: Path, columns: Columns) -> LabelledTable:
    kind = _kind(file, columns)
    if kind == "ham10000":
        return read_ham10000(file)
    if kind == "table":
        return read_csv_table(file, columns)
    header = name_few(read_column_names(file, columns), 10) or "none"
    raise DatasetError(f"{file} is no labelled archive (its columns are: {header}); {EXPECTED}")


def _kind(file: Path, columns: Columns) -> str | None:
    try:
        header = read_column_names(file, columns)
    except DatasetError:
        if is_table(file.name):
            raise
        return None  # any text may lie about
    if columns != NO_COLUMNS:
        return "table" if (columns.path or "path") in header else None
    if "image_id" in header:
        return "ham10000"
    return "table" if "path" in header else None
