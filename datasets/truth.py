"""True labels for scored images, from any of the tables that people have."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from trifuse.datasets.csv_file import Entry, Row, read_header, read_rows, reject_repeats
from trifuse.datasets.csv_table import read_csv_entries
from trifuse.datasets.ham10000 import HAM10000_CLASSES, read_ham10000_metadata
from trifuse.datasets.table import DatasetError, name_few
from trifuse.features.images import strip_path

_ISIC_COLUMNS = {name.upper(): name for name in HAM10000_CLASSES}


def read_truth(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the true label of each image.

    Parameters
    ----------
    path : str or path
        A HAM10000 metadata CSV (image_id, dx, lesion_id), an ISIC 2018 one-hot CSV (image, MEL,
        NV, BCC, AKIEC, BKL, DF, VASC), or a table (path, label, optionally group). The images
        need not be there.

    Returns
    -------
    dict
        Image id or path, as written in the file -> label; ISIC's labels in lower case.

    Raises
    ------
    DatasetError
        If the file is of none of these forms, or a row is wrong.
    """
    return {entry.name: entry.label for entry in _read_entries(Path(path))}


def read_truth_groups(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the group (lesion) of each image; itself where the file, as `read_truth`, has none."""
    return {entry.name: entry.group for entry in _read_entries(Path(path))}


def match_truth(images: Sequence[str], truth: Mapping[str, str]) -> list[str | None]:
    """Find each scored image in the truth: by its exact path, else by its file name alone.

    Parameters
    ----------
    images : sequence of str
        The ``image`` column of predictions.csv.
    truth : mapping of str to str
        What `read_truth` or `read_truth_groups` returned.

    Returns
    -------
    list of (str or None)
        The label or group of each image, in order; None where the truth does not have it.

    Raises
    ------
    DatasetError
        If an image can only be found by its file name, and the truth has that name twice.

    Examples
    --------
    >>> match_truth(["scans/ISIC_0027419.jpg", "b.png"], {"ISIC_0027419": "bkl"})
    ['bkl', None]
    """
    by_stem: dict[str, list[str]] = {}
    for name in truth:
        by_stem.setdefault(strip_path(name), []).append(name)
    return [_match(image, truth, by_stem) for image in images]


def _match(image: str, truth: Mapping[str, str], by_stem: dict[str, list[str]]) -> str | None:
    if image in truth:
        return truth[image]
    names = by_stem.get(strip_path(image), [])
    if len(names) > 1:
        raise DatasetError(
            f"{image} could be any of {name_few(names)} of the truth; "
            "write the paths in the truth as they are in the predictions"
        )
    return truth[names[0]] if names else None


def _read_entries(path: Path) -> list[Entry]:
    header = read_header(path)
    if "image_id" in header:
        return read_ham10000_metadata(path)
    if "path" in header:
        return read_csv_entries(path)
    if "image" in header:
        return _read_isic(path)
    raise DatasetError(
        f"{path} is no table of true labels (its columns are: {name_few(header, 10) or 'none'}); "
        "expected HAM10000 metadata (lesion_id, image_id, dx), ISIC one-hot (image, "
        f"{', '.join(_ISIC_COLUMNS)}), or path, label and optionally group"
    )


def _read_isic(path: Path) -> list[Entry]:
    entries = [
        Entry(row[0], row[1]["image"], _isic_label(path, row), row[1]["image"])
        for row in read_rows(path, ["image", *_ISIC_COLUMNS])
    ]
    reject_repeats(path, entries)
    return entries


def _isic_label(path: Path, row: Row) -> str:
    line, cells = row
    try:
        values = {label: float(cells[column]) for column, label in _ISIC_COLUMNS.items()}
    except ValueError:
        values = {}
    if sorted(values.values()) != [0.0] * 6 + [1.0]:
        raise DatasetError(
            f"{path}, line {line}: one of {', '.join(_ISIC_COLUMNS)} must be 1 and the others 0"
        )
    return next(label for label, value in values.items() if value == 1.0)
