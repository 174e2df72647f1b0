"""Which kind of archive a path is, and its table."""

import os
from pathlib import Path

from trifuse.datasets.csv_file import read_header
from trifuse.datasets.csv_table import read_csv_table
from trifuse.datasets.folders import read_folders
from trifuse.datasets.ham10000 import read_ham10000
from trifuse.datasets.table import DatasetError, LabelledTable, name_few

EXPECTED = (
    "expected a folder with HAM10000's metadata CSV (lesion_id, image_id, dx) and its images, "
    "a CSV table (path, label and optionally group), or a folder with one folder of images a class"
)


def load_dataset(path: str | os.PathLike[str]) -> LabelledTable:
    """Read a labelled archive of any of the three kinds.

    Parameters
    ----------
    path : str or path
        A folder with a HAM10000 metadata CSV; a folder with a CSV table; a folder with one folder
        a class; or such a CSV itself. A CSV is known by its column ``image_id`` (HAM10000) or
        ``path`` (table); in a folder it goes before class folders.

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
    table = _read_folder(source) if source.is_dir() else _read_csv(source)
    if len(table.classes) < 2:
        raise DatasetError(
            f"{source} has only the class {table.classes[0]}; a classifier needs two at least"
        )
    return table


def _read_folder(folder: Path) -> LabelledTable:
    # The Harvard Dataverse serves the metadata under this name without a suffix.
    candidates = [*sorted(folder.glob("*.csv")), *folder.glob("HAM10000_metadata")]
    tables = [file for file in candidates if file.is_file() and _kind(file)]
    if len(tables) > 1:
        raise DatasetError(
            f"{folder} has more than one table: {name_few([file.name for file in tables])}; "
            "say which by giving the path of the CSV file"
        )
    if tables:
        return _read_csv(tables[0])
    if not any(entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir()):
        raise DatasetError(f"{folder} is no labelled archive; {EXPECTED}")
    return read_folders(folder)


def _read_csv(file: Path) -> LabelledTable:
    kind = _kind(file)
    if kind == "ham10000":
        return read_ham10000(file)
    if kind == "table":
        return read_csv_table(file)
    columns = name_few(read_header(file), 10) or "none"
    raise DatasetError(f"{file} is no labelled archive (its columns are: {columns}); {EXPECTED}")


def _kind(file: Path) -> str | None:
    header = read_header(file)
    if "image_id" in header:
        return "ham10000"
    return "table" if "path" in header else None
