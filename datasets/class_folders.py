"""A folder a class: ``archive/melanoma/**/*.jpg``, ``archive/nevus/**/*.png`` and so on."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

from trifuse.datasets.csv_rows import CsvError, open_csv, read_csv_rows
from trifuse.datasets.table import DatasetError, LabelledTable, count, name_few
from trifuse.datasets.walk import FolderWalk
from trifuse.features.files import strip_path

_PARTS = re.compile(
    r"(.+[ _-])?((train(ing)?|val(id(ation)?)?|dev|test(ing)?|(hold|held)[ _-]?out)"
    r"([ _-]?(images?|imgs?|inputs?|data|set))*([ _-]?\d+)?"
    r"|(images?|imgs?|part|fold|batch|split)[ _-]?\d+)",
    re.IGNORECASE,
)
"""Names of parts of an archive, such as Test_Images, ISIC_2019_Training_Input, images_001."""


def read_folders(
    folder: Path, tables: Sequence[Path] = (), warn: Callable[[str], None] = lambda _: None
) -> LabelledTable:
    """Read an archive that has one folder a class.

    A class is a folder directly in `folder`; its images are all that `trifuse predict` would find
    in and below it, links to folders elsewhere followed. Each image is a group of its own: where
    several pictures show one lesion, list them in a CSV table with groups instead.

    Parameters
    ----------
    folder : Path
        The folder of the class folders.
    tables : sequence of Path
        Tables beside the class folders, which must not name their images.
    warn : callable
        Told of what was passed over.

    Returns
    -------
    LabelledTable
        Sorted by class, then path; groups are paths relative to `folder`.

    Raises
    ------
    DatasetError
        If an image lies outside of the class folders, a class folder has no image, or the folders
        are not known to be classes.
    """
    names = [entry.name for entry in sorted(folder.iterdir()) if entry.is_dir()]
    walk = FolderWalk(str(folder), follow_links=True)
    images = list_images(walk)
    walk.tally.tell(warn, advise=False)
    inner = {path: path.relative_to(folder).parts for path in images}
    if loose := [path.name for path, parts in inner.items() if len(parts) == 1]:
        raise DatasetError(
            f"{folder} has {count(loose, 'image')} outside of the class folders: "
            f"{name_few(loose)}; move each into the folder of its class"
        )
    found = {parts[0] for parts in inner.values()}
    if empty := [name for name in names if name not in found and not name.startswith(".")]:
        raise DatasetError(
            f"{folder} has {count(empty, 'folder')} without images: {name_few(empty)}; "
            "each folder is a class, so fill or remove them"
        )
    check_layout(folder, list(inner.values()), tables)
    rows = sorted((parts[0], path) for path, parts in inner.items())
    return LabelledTable(
        paths=tuple(path for _, path in rows),
        labels=tuple(name for name, _ in rows),
        groups=tuple(path.relative_to(folder).as_posix() for _, path in rows),
    )


def list_images(walk: FolderWalk) -> list[Path]:
    """Return the images that a walk finds; raise DatasetError if a folder cannot be listed."""
    images = [Path(path) for path in walk.find_images()]
    if walk.unreadable:
        path, error = walk.unreadable[0]
        raise DatasetError(f"cannot list {path}: {error.strerror or error}") from error
    return images


def check_layout(
    folder: Path, images: Sequence[tuple[str, ...]], tables: Sequence[Path] = ()
) -> None:
    """Refuse folders that are not known to be classes.

    They are not where a table beside them names their images; where all are called as parts of an
    archive are; or where all hold their images in folders, and one has half of its folders' names
    at least in common with another: these may be the classes.

    Parameters
    ----------
    folder : Path
    images : sequence of tuple of str
        The parts of each image's path in `folder`: the first is to be its class.
    tables : sequence of Path
        Tables beside the folders.

    Raises
    ------
    DatasetError
        It says what was found, and what to name.
    """
    names = name_few(sorted({name for name, *_ in images}))
    stems = {strip_path(parts[-1]) for parts in images} if tables else set()
    if table := next((table for table in tables if _names_any(table, stems)), None):
        raise DatasetError(
            f"{folder} has the folders {names}, and beside them {table.name}, which names their "
            "images; to take the labels from the table, give its path, and the names of its "
            "columns by --path-column and --label-column; if each folder is a class, move the "
            "table elsewhere"
        )
    if (inner := _find_common(images)) is not None:
        inside = f", {inner}," if inner else ","
        raise DatasetError(
            f"{folder} has the folders {names}{inside} which seem to be parts of an archive and "
            "not its classes; name one of them whose own folders are the classes, or a CSV table "
            "of the images with the columns path and label"
        )


def _find_common(images: Sequence[tuple[str, ...]]) -> str | None:
    """Tell which folders parts of an archive share; None where there are no such parts."""
    below: defaultdict[str, set[str]] = defaultdict(set)
    for name, inner, *rest in images:
        below[name].add(inner if rest else "")
    if len(below) < 2:
        return None
    common = set.intersection(*below.values()) - {""}
    shared = _find_shared(list(below.values()))
    if not shared and not all(map(_PARTS.fullmatch, below)):
        return None
    if common:
        return f"each with the folders {name_few(sorted(common))} in it"
    return f"several with the folders {name_few(sorted(shared))} in them" if shared else ""


def _find_shared(below: Sequence[set[str]]) -> set[str]:
    """Name the folders that two share, if that is half of those in one of them."""
    # One name alone, such as "images", cannot be that of the classes: there are two at least.
    if any("" in found for found in below) or len(set[str]().union(*below)) < 2:
        return set()
    pairs = ((one & other, min(len(one), len(other))) for one, other in combinations(below, 2))
    return set[str]().union(*(both for both, fewer in pairs if 2 * len(both) >= fewer))


def _names_any(table: Path, stems: set[str]) -> bool:
    try:
        with open_csv(table) as file:
            cells = (cell.strip() for row in read_csv_rows(file) for cell in row.cells)
            return any(strip_path(cell) in stems for cell in cells)
    except CsvError:
        return False
