"""A CSV table of images: ``path,label`` and, where several images show one lesion, ``group``."""

from pathlib import Path

from trifuse.datasets.csv_file import Entry, read_rows, reject_lines, reject_repeats
from trifuse.datasets.table import LabelledTable


def read_csv_table(path: Path) -> LabelledTable:
    """Read a CSV table of images.

    Parameters
    ----------
    path : Path
        A CSV file with the columns path and label, optionally group, and any others. Paths are
        relative to the CSV's own folder, or absolute. Without a group column each image is a
        group of its own.

    Returns
    -------
    LabelledTable
        In the order of the CSV.

    Raises
    ------
    DatasetError
        If a column is missing, a cell is empty, an image is listed twice or is no file, or a
        group has two labels; with line numbers.
    """
    entries = read_csv_entries(path)
    files = [path.parent / entry.name for entry in entries]
    lost = [entry.line for entry, file in zip(entries, files, strict=True) if not file.is_file()]
    reject_lines(path, lost, f"there is no such image file below {path.parent}")
    return LabelledTable(
        paths=tuple(files),
        labels=tuple(entry.label for entry in entries),
        groups=tuple(entry.group for entry in entries),
    )


def read_csv_entries(path: Path) -> list[Entry]:
    """Read the table alone: name is path, and so is group where there is no such column.

    Raises
    ------
    DatasetError
        If a column is missing, a cell is empty, or an image is listed twice.
    """
    entries = [
        Entry(line, row["path"], row["label"], row.get("group", row["path"]))
        for line, row in read_rows(path, ["path", "label"])
    ]
    reject_lines(path, [e.line for e in entries if not e.name], "path is empty")
    reject_lines(path, [e.line for e in entries if not e.label], "label is empty")
    reject_lines(
        path,
        [e.line for e in entries if not e.group],
        "group is empty; give an image that belongs to no other a group of its own",
    )
    reject_repeats(path, entries)
    return entries
