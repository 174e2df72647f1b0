"""``trifuse package``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from trifuse.cli.say import say
from trifuse.cli.shared_options import model_argument


@click.command("package")
@model_argument
@click.option("--name", required=True, metavar="NAME",
              help="What -m will take: small letters, digits, hyphens.")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Of the package.")
@click.option("--version", default="1.0", show_default=True, metavar="V", help="Of the package.")
@click.option("--data", default="", metavar="TEXT",
              help="What the model was trained on.  [default: its numbers]")  # fmt: skip
@click.option("--license", default="", metavar="ID|FILE",
              help="Of the model: SPDX's name, such as CC-BY-NC-4.0, or a text.")  # fmt: skip
@click.option("--append", multiple=True, metavar="FILE.md",
              help="A text to follow the card, as a table of evaluate; repeatable.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing package.")
def command(model: str, output: str, overwrite: bool, **options: Any) -> None:
    """Make a package of a model, which pip can install and -m then takes by name.

    FOLDER gets pyproject.toml, README.md with the model's card, the text of the licence where it is
    CC-BY-NC-4.0 or a file, and the package trifuse_NAME with the model. The same model and options
    give the same bytes.

    \b
    trifuse package ham.trifuse --name ham10000 --license CC-BY-NC-4.0 -o ham10000/
    pip install ham10000/
    trifuse predict photos/ -m ham10000 -o predictions.csv
    """
    from trifuse.classifiers.packages.model_package import PackageOptions, write_package

    write_package(Path(model), Path(output), PackageOptions(**options), overwrite)
    name = options["name"]
    # An absolute path: of a bare name pip would look for a project of the index.
    folder = shlex.quote(str(Path(output).absolute()))
    say(f"{output} written; after `pip install {folder}` trifuse takes the model as -m {name}.")
