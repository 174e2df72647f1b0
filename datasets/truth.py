"""True labels for scored images, from any of the tables that people have."""

import math
import os
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePath

from trifuse.datasets.csv_table import (
    NAME_COLUMNS,
    NO_COLUMNS,
    Columns,
    LabelledRow,
    read_cells,
    read_column_names,
    read_csv_entries,
    reject_repeats,
)
from trifuse.datasets.ham10000 import HAM10000_CLASSES, read_ham10000_metadata
from trifuse.datasets.table import DatasetError, name_few
from trifuse.features.files import strip_path

_ISIC_COLUMNS = {name.upper(): name for name in HAM10000_CLASSES}


def read_truth(
    path: str | os.PathLike[str], columns: Columns = NO_COLUMNS
) -> tuple[dict[str, str], dict[str, str]]:
    """Read the true label of each image, and its group (lesion).

    Parameters
    ----------
    path : str or path
        A HAM10000 metadata CSV (image_id, dx, lesion_id), an ISIC 2018 one-hot CSV (image, MEL,
        NV, BCC, AKIEC, BKL, DF, VASC), or a table (path, label, optionally group). The images
        need not be there.
    columns : Columns
        What the columns of a table are called instead.

    Returns
    -------
    labels, groups : dict of str to str
        By image id or path, as written in the file; ISIC's labels in lower case. Where the file
        has no groups, each image is its own.

    Raises
    ------
    DatasetError
        If the file is of none of these forms, or a row is wrong.
    """
    entries = _read_entries(Path(path), columns)
    return (
        {entry.name: entry.label for entry in entries},
        {entry.name: entry.group for entry in entries},
    )


def match_truth(images: Sequence[str], truth: Mapping[str, str]) -> list[str | None]:
    """Find each scored image in the truth, by its path, or by the longest common end of paths.

    Suffixes do not count, unless they alone tell apart two images of one place. Of two images for
    one of the truth, one whose path contradicts it leaves it to the other, whose common end is
    longer.

    Parameters
    ----------
    images : sequence of str
        The ``image`` column of predictions.csv.
    truth : mapping of str to str
        Labels or groups, as `read_truth` gives them.

    Returns
    -------
    list of (str or None)
        The label or group of each image, in order; None where the truth does not have it.

    Raises
    ------
    DatasetError
        If the truth has several images whose common ends with one are equally long.

    Examples
    --------
    >>> match_truth(["scans/ISIC_0027419.jpg", "b.png"], {"ISIC_0027419": "bkl"})
    ['bkl', None]
    >>> match_truth(["test/nv/1.jpg"], {"/data/test/nv/1.jpg": "nv", "/data/test/mel/1.jpg": "mel"})
    ['nv']
    """
    by_stem: dict[str, list[str]] = {}
    for name in truth:
        by_stem.setdefault(_stem(name), []).append(name)
    found = [_find(image, truth, by_stem) for image in images]
    longest: dict[str, _End] = {}
    for name, end in filter(None, found):
        longest[name] = max(end, longest.get(name, end))
    matched: list[str | None] = []
    for image, match in zip(images, found, strict=True):
        if match is None:
            matched.append(None)
            continue
        name, end = match
        contradicts = end[0] < min(len(_parts(image)), len(_parts(name))) - 1
        matched.append(None if contradicts and end < longest[name] else truth[name])
    return matched


def lie_elsewhere(image: str, name: str) -> bool:
    """Tell whether the folders of an image and of its name in the truth are called otherwise.

    Examples
    --------
    >>> lie_elsewhere("test/a/0.jpg", "/val/b/0.jpg"), lie_elsewhere("test/a/0.jpg", "0.jpg")
    (True, False)
    """
    folders = [PurePath(*_parts(path)).parent.name for path in (image, name)]
    return all(folders) and ".." not in folders and folders[0] != folders[1]


_End = tuple[float, bool]
"""How many folders two paths have in common at their ends, and whether one is the other's end."""


def _find(
    image: str, truth: Mapping[str, str], by_stem: Mapping[str, list[str]]
) -> tuple[str, _End] | None:
    """Find an image's name in the truth, and how much both have in common."""
    if image in truth:
        return image, (math.inf, True)
    ends = {name: _compare(image, name) for name in by_stem.get(_stem(image), [])}
    if not ends:
        return None
    best = [name for name in ends if ends[name] == max(ends.values())]
    if len(best) > 1:
        raise DatasetError(
            f"{image} could be any of {name_few(best)} of the truth; "
            "write the paths in the truth as they are in the predictions"
        )
    return best[0], ends[best[0]]


def _compare(first: str, second: str) -> _End:
    names, *folders = zip(reversed(_parts(first)), reversed(_parts(second)), strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], folders))
    return common, common == len(folders) and names[0] == names[1]


def _parts(name: str) -> tuple[str, ...]:
    """Split a path, which may have been written on Windows."""
    return PurePath(name if "/" in name else name.replace("\\", "/")).parts or ("",)


def _stem(name: str) -> str:
    return strip_path(_parts(name)[-1])


def _read_entries(path: Path, columns: Columns) -> list[LabelledRow]:
    if columns != NO_COLUMNS:
        return read_csv_entries(path, columns)
    header = read_column_names(path)
    if "image_id" in header:
        return read_ham10000_metadata(path)
    if "path" in header:
        return read_csv_entries(path)
    if "image" in header:
        return _read_isic(path)
    raise DatasetError(
        f"{path} is no table of true labels (its columns are: {name_few(header, 10) or 'none'}); "
        "expected HAM10000 metadata (lesion_id, image_id, dx), ISIC one-hot (image, "
        f"{', '.join(_ISIC_COLUMNS)}), or path, label and optionally group; {NAME_COLUMNS}"
    )


def _read_isic(path: Path) -> list[LabelledRow]:
    entries = []
    for line, cells in read_cells(path, ["image", *_ISIC_COLUMNS]):
        try:
            values = {label: float(cells[column]) for column, label in _ISIC_COLUMNS.items()}
        except ValueError:
            values = {}
        if sorted(values.values()) != [0.0] * 6 + [1.0]:
            raise DatasetError(
                f"{path}, line {line}: one of {', '.join(_ISIC_COLUMNS)} must be 1 and the others 0"
            )
        label = next(label for label, value in values.items() if value == 1.0)
        entries.append(LabelledRow(line, cells["image"], label, cells["image"]))
    reject_repeats(path, entries)
    return entries
