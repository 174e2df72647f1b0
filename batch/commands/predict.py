"""``trifuse predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from trifuse.batch.cli import EXIT_OK, EXIT_SOME_UNREAD
from trifuse.batch.commands.options import jobs_option
from trifuse.features.images import MAX_PIXELS


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-m", "--model", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@click.option("-o", "--output", required=True, metavar="FILE", help="The CSV; - for stdout.")
@click.option("-0", "--null", is_flag=True, help="The list on stdin is separated by NUL.")
@jobs_option()
@click.option("--top", type=click.IntRange(min=1),
              help="Classes a row.  [default: 3, or all where there are fewer]")  # fmt: skip
@click.option("--prior", default="training", show_default=True, metavar="NAME|FILE.toml",
              help="Class shares to assume: training, balanced, or a file.")  # fmt: skip
@click.option("--probabilities", is_flag=True, help="Add a column for every class.")
@click.option("--max-pixels", type=click.IntRange(min=1), default=MAX_PIXELS, show_default=True,
              help="Larger images are not decoded.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
def command(inputs: tuple[str, ...], null: bool, **options: Any) -> int:
    """Score images and write the most probable classes of each, a row an image.

    INPUT is a file, a folder (searched with all its folders, in sorted order), or - for a list
    of paths on standard input. Rows stand in the order of the inputs; an image that cannot be
    read has its row too, with status `error` and the reason, and the exit code is then 3.

    \b
    trifuse predict archive/ -m ham.trifuse -o predictions.csv
    find archive -name '*.jpg' -print0 | trifuse predict - -0 -m ham.trifuse -o predictions.csv
    trifuse predict lesion.jpg -m ham.trifuse -o -
    """
    from trifuse.batch.prediction import OptionsError, PredictionOptions, run_prediction
    from trifuse.batch.sources import iterate_inputs

    separator = b"\0" if null else b"\n"
    paths = iterate_inputs(inputs, sys.stdin.buffer, separator, _warn)
    try:
        outcome = run_prediction(paths, PredictionOptions(**options), _show_progress)
    except OptionsError as error:
        raise click.UsageError(str(error)) from error
    if outcome.errors:
        _warn(f"{outcome.errors} of {outcome.images} images could not be read; see their rows.")
        return EXIT_SOME_UNREAD
    return EXIT_OK


def _warn(text: str) -> None:
    click.echo(text, err=True)


def _show_progress(records: Iterator[Any]) -> Iterable[Any]:
    """Show a count on stderr where it is a terminal."""
    if not sys.stderr.isatty():
        return records
    from tqdm import tqdm

    return tqdm(records, desc="scoring", unit=" images")
