"""``trifuse train``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from trifuse.batch.commands.options import jobs_option, merge_duplicates_option, recipe_option


@click.command("train")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-o", "--output", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@recipe_option("Every choice of the run")
@click.option("backbones", "--backbone", multiple=True, metavar="FILE",
              help="A network of trifuse finetune, as one more member; repeatable.")  # fmt: skip
@merge_duplicates_option()
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace an existing model.")
def command(**options: Any) -> None:
    """Train a model on a labelled archive.

    DATA is HAM10000 (its folder, or its metadata CSV), a folder with a folder for each class,
    or a CSV with the columns path, label and, where several images show one lesion, group.
    At the end the out-of-fold metrics are written; they are also in the model's card
    (`trifuse info`).

    \b
    trifuse train HAM10000/ -o ham.trifuse
    trifuse train table.csv -o mine.trifuse --recipe fast --jobs 8
    """
    from trifuse.batch.training import TrainingOptions, run_training

    click.echo(run_training(TrainingOptions(**options), partial(click.echo, err=True)))
