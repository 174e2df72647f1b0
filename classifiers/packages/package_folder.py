"""The folder of a model's distribution: it appears whole, and replaces nothing of anybody's."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from trifuse.classifiers.output import (
    UNFINISHED,
    OutputError,
    check_name,
    make_folder,
    open_output,
    writing,
)
from trifuse.classifiers.packages.installed_models import GROUP, MODEL_FILE

NEW, OLD = "new", "old"
"""What is made on the way, in a folder beside: the one that comes, and the one that goes."""


def check_package(folder: Path, overwrite: bool, read: Iterable[Path]) -> None:
    """Raise before anything is written if the folder must not be, or cannot be.

    Parameters
    ----------
    folder : Path
    overwrite : bool
        Whether it may replace one that holds a model's distribution, and what building it has
        left there, and nothing else.
    read : iterable of Path
        What is read; it must not lie in the folder.

    Raises
    ------
    trifuse.classifiers.output.OutputError
    """
    if folder.name in {"", ".."}:
        msg = f"{folder} cannot be replaced; name a folder of its own."
        raise OutputError(msg)
    make_folder(folder.parent)
    check_name(folder, UNFINISHED)
    _clear(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        msg = f"{folder} is there and is no folder; name another output."
        raise OutputError(msg)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if any(path.resolve().is_relative_to(folder.resolve()) for path in read if path.is_file()):
        msg = f"{folder} holds what is read and must not be replaced; name another output."
        raise OutputError(msg)
    if not overwrite:
        msg = f"{folder} exists already; name another output, or say --overwrite to replace it."
        raise OutputError(msg)
    if foreign := _find_foreign(folder):
        msg = f"{folder} is no folder of a model's package alone: {foreign}; name another output."
        raise OutputError(msg)


def place_package(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a checked folder, whose paths in it are their keys.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If they cannot be written; the folder is then as it was.
    """
    work = _work_folder(folder)
    with writing(folder):
        work.mkdir()
        try:
            for name, content in files.items():
                path = work / NEW / name
                make_folder(path.parent)
                with open_output(path) as file:
                    file.write(content)
            if folder.exists():
                folder.rename(work / OLD)
            (work / NEW).rename(folder)
        finally:
            _put_back(folder)
            shutil.rmtree(work, ignore_errors=True)


def _work_folder(folder: Path) -> Path:
    return folder.with_name(folder.name + UNFINISHED)


def _put_back(folder: Path) -> None:
    """Give the folder back what it held, where nothing took its place."""
    old = _work_folder(folder) / OLD
    if old.exists() and not folder.exists():
        old.rename(folder)


def _clear(folder: Path) -> None:
    """Remove what a run that was killed has left."""
    work = _work_folder(folder)
    with writing(work):
        own = work.is_dir() and not work.is_symlink()
        if own and {path.name for path in work.iterdir()} <= {NEW, OLD}:
            _put_back(folder)
            shutil.rmtree(work)
    if work.exists() or work.is_symlink():
        msg = f"{work} is there and is in the way; name another output."
        raise OutputError(msg)


def _find_foreign(folder: Path) -> str:
    """Say what a folder holds, or lacks, that none of a model's package does; empty if nothing."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        (package,) = project["entry-points"][GROUP].values()
        own = {
            folder: {"pyproject.toml", "README.md", "LICENSE", "build", f"{package}.egg-info"},
            folder / package: {"__init__.py", "__pycache__", MODEL_FILE},
        }
        own[folder].add(package)
        paths = [(path, path.name in own[place]) for place in own for path in place.iterdir()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "it has no pyproject.toml of one"
    return next((f"it holds {path.name!r}" for path, known in sorted(paths) if not known), "")
