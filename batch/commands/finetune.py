"""``trifuse finetune``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from trifuse.batch.commands.options import jobs_option, merge_duplicates_option
from trifuse.recipes.finetuning import FinetuningRecipe


@click.command("finetune")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-o", "--output", required=True, metavar="FOLDER",
              help="For checkpoints, the network, its learning curves and report.")  # fmt: skip
@click.option("--recipe", default="default", show_default=True, metavar="NAME|FILE.toml",
              help="Every choice of the run: "
                   f"{', '.join(FinetuningRecipe.presets())}, or a file.")  # fmt: skip
@merge_duplicates_option()
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Begin anew where FOLDER holds a training.")
def command(
    data: str, output: str, recipe: str, merge_duplicates: bool, jobs: int, overwrite: bool
) -> None:
    """Fine-tune a pretrained network on a labelled archive.

    DATA is as for `trifuse train`. A part of the lesions is set aside, for classifiers to learn
    how far the network can be trusted: give the same DATA, or DATA and more, to `trifuse train
    --backbone FOLDER/network.trifuse-cnn`.

    A training that was interrupted goes on from its last checkpoint when the same command is
    given again, and ends in the same network.

    \b
    trifuse finetune HAM10000/ -o tuned
    trifuse train HAM10000/ -o ham.trifuse --backbone tuned/network.trifuse-cnn
    """
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.datasets.load import load_dataset
    from trifuse.studies.duplicates.guard import guard_groups
    from trifuse.studies.finetuning.finetune import NETWORK_FILE, fine_tune, open_folder

    say = partial(click.echo, err=True)
    choices, table = FinetuningRecipe.load(recipe), load_dataset(data)
    folder = open_folder(Path(output), overwrite)
    table = guard_groups(table, merge_duplicates, ProcessMapper(jobs), say)
    network = fine_tune(table, choices, folder, say)
    figures = ", ".join(f"{name} {value:.3f}" for name, value in network.about.validation.items())
    say(f"{folder / NETWORK_FILE} written; on the images that chose it: {figures}")
