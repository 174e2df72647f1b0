"""``trifuse info``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trifuse.batch.text import without_controls
from trifuse.cli.shared_options import json_option, model_argument


@click.command("info")
@model_argument
@json_option
def command(model: str, as_json: bool) -> None:
    """Show a model's card: classes, training images, metrics, recipe, versions.

    \b
    trifuse info ham.trifuse
    """
    from trifuse.classifiers.model_file import read_about

    about = read_about(Path(model))
    card = about.pop("card")
    click.echo(json.dumps(about) if as_json else without_controls(card), nl=as_json)
