"""``trifuse finetune``."""

from __future__ import annotations

from pathlib import Path

import click

from trifuse.batch.ending import goes_on
from trifuse.cli.labelled import LabelledArchive, archive_argument
from trifuse.cli.say import say
from trifuse.cli.shared_options import inspection_options
from trifuse.recipes.finetuning import FinetuningRecipe


@click.command("finetune")
@archive_argument
@click.option("-o", "--output", required=True, metavar="FOLDER",
              help="For checkpoints, the network, its learning curves and report.")  # fmt: skip
@click.option("--recipe", default="default", show_default=True, metavar="NAME|FILE.toml",
              help="Every choice of the run: "
                   f"{', '.join(FinetuningRecipe.presets())}, or a file.")  # fmt: skip
@inspection_options
@click.option("--overwrite", is_flag=True, help="Begin anew where FOLDER holds a training.")
def command(archive: LabelledArchive, output: str, recipe: str, overwrite: bool) -> int:
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
    from trifuse.studies.finetuning.finetune import (
        NETWORK_FILE,
        fine_tune,
        open_folder,
        rehearse_fine_tuning,
    )

    choices = FinetuningRecipe.load(recipe)
    sources = archive.sources
    without = " without --overwrite" if overwrite else ""
    with goes_on(f"the same command{without} goes on from the last checkpoint"):
        rehearse_fine_tuning(archive.table, choices)
        folder = open_folder(Path(output), overwrite, (recipe, *sources))
        network = fine_tune(archive.inspect(), choices, folder, say)
    figures = ", ".join(f"{name} {value:.3f}" for name, value in network.about.validation.items())
    say(f"{folder / NETWORK_FILE} written; on the images that chose it: {figures}")
    return archive.tell_unread()
