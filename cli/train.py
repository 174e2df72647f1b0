"""``trifuse train``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.ending import goes_on
from trifuse.cli.say import say, show, tell_unread
from trifuse.cli.shared_options import (
    columns_options,
    inspection_options,
    parse_names,
    recipe_option,
)
from trifuse.recipes.recipe import Recipe

if TYPE_CHECKING:
    from trifuse.training.train import Judged


@click.command("train")
@click.argument("data", metavar="DATA", type=click.Path())
@columns_options
@click.option("-o", "--output", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@recipe_option("Every choice of the run")
@click.option("backbones", "--backbone", multiple=True, metavar="FILE",
              help="A network of trifuse finetune, as one more member; repeatable.")  # fmt: skip
@click.option("corrections", "--corrections", multiple=True, metavar="FILE",
              help="What a reader decided, to join the archive; repeatable.")  # fmt: skip
@click.option("--metadata", metavar="COLUMNS", callback=parse_names,
              help="Columns of DATA, as age,sex, that the model is to make use of.")  # fmt: skip
@inspection_options
@click.option("--out-of-fold", metavar="FILE",
              help="Write a CSV too: predictions of the images, out of fold.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option("--keep-work", is_flag=True,
              help="Keep NAME.trifuse.work, with the networks of the recipe.")  # fmt: skip
def command(**options: Any) -> int:
    """Train a model on a labelled archive.

    DATA is HAM10000 (its folder, or its metadata CSV), a folder with a folder for each class,
    or a CSV with the columns path, label and, where several images show one lesion, group.
    Images are read as `trifuse predict` reads them; those that cannot be are named, all of them
    after the first look at each. At the end the out-of-fold metrics are written; they are also in
    the model's card (`trifuse info`), and `trifuse evaluate` finds them from the table that
    --out-of-fold writes, which is as `trifuse predict --probabilities` would write it, without
    `alert`.

    A recipe with networks, such as `thorough`, fine-tunes them for hours: first it says how long,
    and what disk and memory it needs. What is done is kept in NAME.trifuse.work; given again after
    a kill, the same command goes on, and ends in the same model.

    With --metadata the model takes what columns of DATA say of an image beside its pixels, its
    patient's age for instance. In `trifuse predict` a table among the inputs, or a DICOM object,
    tells them; an image of which nothing is known is scored by its pixels.

    With --corrections the images that a reader decided on the page of `trifuse report` join the
    archive, by their paths; one that it has already takes the label decided, and keeps its group.

    \b
    trifuse train HAM10000/ -o ham.trifuse
    trifuse train table.csv -o mine.trifuse --recipe fast --jobs 8
    trifuse train HAM10000/ -o ham.trifuse --metadata age,sex,localization
    trifuse train HAM10000/ -o better.trifuse --corrections corrections.csv
    """
    from trifuse.training.train import TrainingOptions, run_training

    tunes = Recipe.load(options["recipe"]).networks.per_fold
    with goes_on("the same command goes on with what is done") if tunes else nullcontext():
        trained = run_training(TrainingOptions(**options), say, _write_out_of_fold)
    show(trained.metrics)
    return tell_unread(trained.unread, trained.images)


def _write_out_of_fold(path: Path, classes: tuple[str, ...], images: Sequence[Judged]) -> None:
    """Write what is said out of fold as `trifuse predict --probabilities` writes predictions."""
    from trifuse.batch.inputs.items import Item, Record
    from trifuse.batch.outputs.formats.csv_format import CsvFormat
    from trifuse.batch.outputs.rows import RowLayout
    from trifuse.batch.plan import choose_top
    from trifuse.classifiers.output import open_output

    form = CsvFormat(RowLayout(classes, choose_top(None, len(classes)), probabilities=True))
    with open_output(path) as file:
        file.write(form.header())
        for image in images:
            record = Record(
                image.probabilities or None,
                image.reason,
                unfamiliar=image.unfamiliar,
                flaws=image.flaws,
                prediction_set=image.prediction_set,
            )
            file.write(form.row(Item(str(image.path)), record))
