"""A distribution that pip installs, made of a model file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.packages.installed_models import GROUP, MODEL_FILE
from trifuse.classifiers.packages.package_folder import check_package, place_package

LICENSES = (
    "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
    "CC-BY-NC-ND-4.0", "MIT", "BSD-3-Clause", "Apache-2.0",
)  # fmt: skip
"""What SPDX calls the licences that models are under; any other is given as a text."""
LONGEST_NAME = 60
LARGEST_TEXT = 1_000_000
"""Bytes, of a licence or of what follows the card."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{distribution}"
version = "{version}"
description = {data}
readme = "README.md"
{license}requires-python = ">=3.11"

[project.entry-points."{group}"]
{name} = "{package}"

[tool.setuptools]
packages = ["{package}"]
include-package-data = false

[tool.setuptools.package-data]
{package} = ["{file}"]
"""

README = """\
# {distribution}

The model `{name}` of trifuse, version {version}.

- Data: {data}
- Licence: {license}
- SHA-256 of the model file: `{sha256}`

In the Python environment of trifuse, `pip install` this folder or its wheel; then

    trifuse predict photos/ -m {name} -o predictions.csv

{card}{appendix}"""


class PackageError(ValueError):
    """What a distribution of a model cannot be called, or cannot say."""


@dataclass(frozen=True)
class PackageOptions:
    """What a distribution of a model says of itself.

    Attributes
    ----------
    name : str
        What `-m` will take: words of lower-case letters and digits, joined by hyphens.
    version : str
    data : str
        What the model was trained on, in one line; what the model knows of it unless told.
    license : str
        One of `LICENSES`, or the path of a text; none is stated unless told.
    append : sequence of str
        Paths of texts that follow the card, as tables that `trifuse evaluate` wrote in Markdown.

    Raises
    ------
    PackageError
        If one is not of this form.
    """

    name: str
    version: str = "1.0"
    data: str = ""
    license: str = ""
    append: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            msg = (
                f"{self.name!r} cannot be the name of a model; take lower-case letters, digits and "
                f"single hyphens between them, {LONGEST_NAME} at most."
            )
            raise PackageError(msg)
        if not _VERSION.fullmatch(self.version):
            msg = f"{self.version!r} is no version; say one such as 1.0 or 2.1.3."
            raise PackageError(msg)
        if not self.data.isprintable():
            msg = f"What the data are must be one line of text, and {self.data!a} is none."
            raise PackageError(msg)

    @property
    def package(self) -> str:
        """The package that holds the model."""
        return self.distribution.replace("-", "_")

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return f"trifuse-{self.name}"


def write_package(model: Path, folder: Path, options: PackageOptions, overwrite: bool) -> None:
    """Write the distribution of a model; the folder appears when it is whole.

    The same model and options give the same bytes.

    Parameters
    ----------
    model : Path
        Of the model file.
    folder : Path
    options : PackageOptions
    overwrite : bool
        Replace a folder that holds such a distribution, and what building has left there.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If the folder cannot be written, or must not be replaced.
    trifuse.classifiers.archive.ModelFileError
        If there is no sound model file.
    PackageError
        If the licence is neither known nor a text, or what is to follow the card is none.
    """
    check_package(folder, overwrite, (model, Path(options.license), *map(Path, options.append)))
    about = read_about(model)
    place_package(folder, _make_files(model.read_bytes(), about, options))


def _make_files(
    model: bytes, about: Mapping[str, Any], options: PackageOptions
) -> dict[str, bytes]:
    """Give the content of each file by its path in the folder."""
    expression, text = _find_license(options)
    data = options.data or _describe_data(about)
    of_license = f'license = "{expression}"\n' if expression else ""
    named = {
        "distribution": options.distribution,
        "name": options.name,
        "package": options.package,
        "version": options.version,
    }
    pyproject = PYPROJECT.format(
        **named,
        data=json.dumps(data, ensure_ascii=False),  # a text of TOML as well
        license=f"{of_license}license-files = {json.dumps(['LICENSE'] if text else [])}\n",
        group=GROUP,
        file=MODEL_FILE,
    )
    _, _, card = about["card"].partition("\n")  # without its title
    readme = README.format(
        **named,
        data=data,
        license=expression or "not stated",
        sha256=hashlib.sha256(model).hexdigest(),
        card=card.lstrip(),
        appendix="".join(
            f"\n{_read_text(Path(path), 'what follows the card').decode().strip()}\n"
            for path in options.append
        ),
    )
    return {
        "pyproject.toml": pyproject.encode(),
        "README.md": readme.encode(),
        **({"LICENSE": text} if text else {}),
        f"{options.package}/__init__.py": b"",
        f"{options.package}/{MODEL_FILE}": model,
    }


def _describe_data(about: Mapping[str, Any]) -> str:
    try:
        training = about["training"]
        return f"{training['images']:,} images of {training['groups']:,} groups"
    except (LookupError, TypeError, ValueError) as error:
        msg = "The model does not tell what it was trained on; say it by --data."
        raise PackageError(msg) from error


def _find_license(options: PackageOptions) -> tuple[str, bytes]:
    """Give the SPDX expression of the licence, and its text; both empty where it is not stated."""
    if not options.license:
        return "", b""
    if options.license in LICENSES:
        text = (
            resources.files("trifuse.classifiers.packages") / "licences" / f"{options.license}.txt"
        )
        return options.license, text.read_bytes() if text.is_file() else b""
    path = Path(options.license)
    if not path.is_file():
        msg = (
            f"The licence {options.license!r} is not known, and no file; give the path of its "
            f"text, or one of {', '.join(LICENSES)}."
        )
        raise PackageError(msg)
    return f"LicenseRef-{options.distribution}", _read_text(path, "the licence")


def _read_text(path: Path, role: str) -> bytes:
    """Read a text of UTF-8 that somebody named for a role."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_TEXT + 1)
    except OSError as error:
        msg = f"{role.capitalize()} cannot be read from {path}: {error.strerror}."
        raise PackageError(msg) from error
    try:
        is_text = bool(content.decode().strip()) and b"\0" not in content
    except UnicodeDecodeError:
        is_text = False
    if not is_text or len(content) > LARGEST_TEXT:
        msg = f"{role.capitalize()}, {path}, is no text in UTF-8 of at most {LARGEST_TEXT:,} bytes."
        raise PackageError(msg)
    return content
