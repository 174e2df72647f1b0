"""A folder a class: ``archive/melanoma/**/*.jpg``, ``archive/nevus/**/*.png`` and so on."""

import os
from collections.abc import Collection
from pathlib import Path

from trifuse.datasets.table import DatasetError, LabelledTable, count, name_few
from trifuse.features.images import IMAGE_SUFFIXES


def read_folders(folder: Path) -> LabelledTable:
    """Read an archive that has one folder a class.

    A class is a folder directly in `folder`; its images are all files in and below it whose
    suffix (of any case) is one of `IMAGE_SUFFIXES`. Files of other suffixes and hidden files and
    folders are passed over. Each image is a group of its own: where several pictures show one
    lesion, list them in a CSV table with groups instead.

    Parameters
    ----------
    folder : Path
        The folder of the class folders.

    Returns
    -------
    LabelledTable
        Sorted by class, then path; groups are paths relative to `folder`.

    Raises
    ------
    DatasetError
        If an image lies outside of the class folders, or a class folder has no image.
    """
    folders = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not _hidden(entry)]
    found = {entry.name: list_images(entry) for entry in folders}
    if empty := [name for name, images in found.items() if not images]:
        raise DatasetError(
            f"{folder} has {count(empty, 'folder')} without images: {name_few(empty)}; "
            "each folder is a class, so fill or remove them"
        )
    if loose := [path.name for path in sorted(folder.iterdir()) if _is_image(path)]:
        raise DatasetError(
            f"{folder} has {count(loose, 'image')} outside of the class folders: "
            f"{name_few(loose)}; move each into the folder of its class"
        )
    rows = [(path, name) for name, images in found.items() for path in images]
    return LabelledTable(
        paths=tuple(path for path, _ in rows),
        labels=tuple(name for _, name in rows),
        groups=tuple(path.relative_to(folder).as_posix() for path, _ in rows),
    )


def list_images(folder: Path, suffixes: Collection[str] = IMAGE_SUFFIXES) -> list[Path]:
    """Return the image files in and below `folder`, sorted, without hidden files and folders.

    Parameters
    ----------
    folder : Path
        Where to look; links to folders are followed.
    suffixes : collection of str
        Lower-case suffixes, with their dot, of the files to take; the case of a file's own suffix
        does not matter.

    Returns
    -------
    list of Path
        The files, sorted by path.

    Raises
    ------
    DatasetError
        If a folder cannot be listed.
    """
    images = []
    for directory, subfolders, names in os.walk(folder, onerror=_fail, followlinks=True):
        subfolders[:] = [name for name in subfolders if not _hidden(Path(name))]
        paths = (Path(directory, name) for name in names)
        images += [path for path in paths if _is_image(path, suffixes)]
    return sorted(images)


def _is_image(path: Path, suffixes: Collection[str] = IMAGE_SUFFIXES) -> bool:
    return path.suffix.lower() in suffixes and not _hidden(path)


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _fail(error: OSError) -> None:
    raise DatasetError(f"cannot list {error.filename}: {error.strerror}") from error
