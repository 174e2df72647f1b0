"""``trifuse backbones``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from trifuse.cli.shared_options import json_option, parse_figure
from trifuse.studies.figures import FIGURE_FORMATS

HEADER = ("name", "input", "embedding", "parameters", "MACs", "top-1", "weights")


@click.command("backbones")
@click.option("--plot", metavar="FILE", type=click.Path(path_type=Path), callback=parse_figure,
              help=f"Draw accuracy by multiply-adds too; {', '.join(FIGURE_FORMATS)}.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing figure.")
@json_option
def command(plot: Path | None, overwrite: bool, as_json: bool) -> None:
    """List the pretrained networks that a recipe can name.

    MACs are the multiply-adds of an image of the input size; top-1 is the accuracy on ImageNet that
    was published of the weights, in percent.

    \b
    trifuse backbones
    trifuse backbones --plot backbones.pdf
    """
    from trifuse.classifiers.output import check_output
    from trifuse.classifiers.text_tables import plain_table
    from trifuse.features.backbones import BACKBONES
    from trifuse.studies.backbone_plot import draw_backbones
    from trifuse.studies.figures import save_figure

    if plot is not None:
        check_output(plot, overwrite)
        save_figure(draw_backbones(BACKBONES.values()), plot)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in BACKBONES.values()]))
        return
    rows = [
        (
            row.name,
            f"{row.input_size[0]} x {row.input_size[1]}",
            str(row.embedding_dim),
            f"{row.parameters / 1e6:.1f} M",
            f"{row.macs / 1e9:.2f} G",
            f"{row.top1:.1f}",
            row.weights_source,
        )
        for row in BACKBONES.values()
    ]
    click.echo(plain_table(HEADER, rows))
