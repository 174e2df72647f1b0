"""Models that are installed as distributions of their own, and found by their names.

A distribution announces a model by an entry point of the group `trifuse.models`: its name is the
model's, its value a package that holds `model.trifuse`. The package is looked for and not
imported: nothing of its code runs.

What is not needed to know a path is imported where a name is looked up.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "trifuse.models"
MODEL_FILE = "model.trifuse"
PREFIX = "trifuse_"
"""Of the packages that `trifuse package` makes."""
LISTED_FIGURES = ("bma", "accuracy", "top_3_accuracy", "macro_auc", "ece")
"""Out of fold, of the ensemble."""
_PLAIN = re.compile(r"[\w-]+")
"""What has neither folders nor a suffix was meant for a name."""


class InstalledModelError(ValueError):
    """A name that no model can be found by."""


class InstalledModel(NamedTuple):
    """A model that a distribution holds.

    Attributes
    ----------
    name : str
    distribution, version : str
        What pip knows it by.
    data : str
        What it was trained on: the distribution's summary.
    license : str
        The distribution's, an expression of SPDX; empty where it states none.
    path : Path
        Of the model file.
    """

    name: str
    distribution: str
    version: str
    data: str
    license: str
    path: Path


def resolve_model(given: str) -> str:
    """Give the path of the model that somebody asked for: by a path, or by an installed one's name.

    A file that exists comes first. A path that leads to none is given back as it is, for its
    reader to tell.

    Raises
    ------
    InstalledModelError
        If it is a name that is not installed, or cannot be used.
    """
    if os.path.exists(given) and not os.path.isdir(given):  # noqa: PTH110, PTH112 - or no name
        return given
    if given in installed_names():
        return str(find_installed(given).path)
    if os.path.isdir(given) or not _PLAIN.fullmatch(given):  # noqa: PTH112
        return given
    msg = (
        f"There is no model {given!r}: neither a file of this name, nor an installed model; "
        "`trifuse models` lists those that are installed."
    )
    raise InstalledModelError(msg)


def call_model(path: Path) -> str:
    """Say what people call a model: a package's by its name, any other by its file.

    Examples
    --------
    >>> call_model(Path("site-packages/trifuse_ham10000/model.trifuse")), call_model(Path("a/b"))
    ('ham10000', 'b')
    """
    package = path.parent.name
    if path.name == MODEL_FILE and package.startswith(PREFIX):
        return package.removeprefix(PREFIX).replace("_", "-")
    return path.name


def installed_names() -> list[str]:
    """Give the names of all models that distributions announce, sorted."""
    return sorted({point.name for point in _announced()})


def find_installed(name: str) -> InstalledModel:
    """Find the model that is announced by a name.

    Raises
    ------
    InstalledModelError
        If none is, or two distributions do, or its distribution is not whole.
    """
    points = [point for point in _announced() if point.name == name]
    owners = sorted(str(_owner(point).name) for point in points)
    if not points:
        msg = f"No model {name!r} is installed; `trifuse models` lists those that are."
        raise InstalledModelError(msg)
    if len(points) > 1:
        msg = (
            f"The model {name!r} is announced by {' and '.join(owners)}; uninstall all but one, or "
            "give the path of its file."
        )
        raise InstalledModelError(msg)
    path, fault = _find_file(points[0].value)
    if fault:
        msg = f"The model {name!r} cannot be used: {fault}; install {owners[0]} anew."
        raise InstalledModelError(msg)
    distribution = _owner(points[0])
    about = distribution.metadata.json
    licence = str(about.get("license_expression") or about.get("license") or "")
    data = str(about.get("summary") or "")
    return InstalledModel(name, owners[0], distribution.version, data, licence, path)


def _announced() -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))


def _owner(point: EntryPoint) -> Distribution:
    assert point.dist is not None  # `entry_points` sets it
    return point.dist


def _find_file(package: str) -> tuple[Path, str]:
    """Give the model file of a package, and what is wrong with it, if anything is."""
    try:
        # Of a package within another, its parents would be imported.
        spec = find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return Path(), f"its package {package!r} cannot be imported"
    for folder in spec.submodule_search_locations or ():
        if (path := Path(folder) / MODEL_FILE).is_file():
            return path, ""
    return Path(), f"its package {package!r} does not hold {MODEL_FILE}"


def describe_installed(model: InstalledModel) -> dict[str, Any]:
    """Say what an installed model is, as plain JSON values.

    Raises
    ------
    InstalledModelError, trifuse.classifiers.archive.ModelFileError
        If its file is no sound model file.
    """
    from trifuse.classifiers.model_file import read_about
    from trifuse.features.files import file_sha256

    about = read_about(model.path)
    try:
        training = about["training"]
        found = training["metrics"]["ensemble"]
        figures = {
            name: {"value": found[name], "interval": found["intervals"][name]}
            for name in LISTED_FIGURES
        }
        counts = {"images": training["images"], "groups": training["groups"]}
    except (LookupError, TypeError) as error:
        msg = (
            f"The model {model.name!r} does not tell its figures; install {model.distribution} "
            "anew."
        )
        raise InstalledModelError(msg) from error
    return {
        **model._asdict(),
        "path": str(model.path),
        "sha256": file_sha256(model.path),
        "classes": about["classes"],
        **counts,
        "figures": figures,
    }
