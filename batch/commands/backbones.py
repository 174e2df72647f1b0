"""``trifuse backbones``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from trifuse.batch.commands.options import json_option


@click.command("backbones")
@json_option()
def command(as_json: bool) -> None:
    """List the pretrained networks that a recipe can name.

    \b
    trifuse backbones
    """
    from trifuse.classifiers.tables import plain_table
    from trifuse.features.backbones import BACKBONES

    if as_json:
        click.echo(json.dumps([asdict(row) for row in BACKBONES.values()]))
        return
    rows = [
        (
            row.name,
            f"{row.input_size[0]} x {row.input_size[1]}",
            str(row.embedding_dim),
            f"{row.parameters / 1e6:.1f} M",
            row.weights_source,
        )
        for row in BACKBONES.values()
    ]
    click.echo(plain_table(("name", "input", "embedding", "parameters", "weights"), rows))
