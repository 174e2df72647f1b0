"""``trifuse predict``."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

import click

from trifuse.batch.commands.options import jobs_option
from trifuse.batch.exit_codes import EXIT_OK, EXIT_SOME_UNREAD
from trifuse.batch.inputs.item import SourceError
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.selection import parse_part
from trifuse.batch.options import BACKENDS, FORMATS, OptionsError, PredictionOptions
from trifuse.batch.outputs.ids import ID_KINDS
from trifuse.batch.text import without_controls
from trifuse.batch.workers.settings import MEMORY_MB, TIMEOUT_SECONDS
from trifuse.features.images import MAX_PIXELS


def _parse_part(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    text: str | None,
) -> tuple[int, int] | None:
    try:
        return None if text is None else parse_part(text)
    except SourceError as error:
        raise click.BadParameter(str(error)) from error


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-m", "--model", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@click.option("-o", "--output", required=True, metavar="FILE", help="The output; - for stdout.")
# Which inputs.
@click.option("-0", "--null", is_flag=True, help="The list on stdin is separated by NUL.")
@click.option("--include", multiple=True, metavar="GLOB",
              help="Take only inputs whose name matches; may be repeated.")  # fmt: skip
@click.option("--exclude", multiple=True, metavar="GLOB",
              help="Leave out inputs whose name matches; may be repeated.")  # fmt: skip
@click.option("--hidden", is_flag=True, help="Take hidden files and folders too.")
@click.option("--follow-links", is_flag=True, help="Follow links that lead out of a folder.")
@click.option("--part", metavar="I/N", callback=_parse_part,
              help="Take the I-th of N parts of the inputs, for job arrays.")  # fmt: skip
# What is written.
@click.option("--format", type=click.Choice(FORMATS),
              help="isic is the challenge's.  [default: the output's suffix, or csv]")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1),
              help="Classes a row.  [default: 3, or all where there are fewer]")  # fmt: skip
@click.option("--probabilities", is_flag=True, help="Add a column for every class.")
@click.option("--id", type=click.Choice(ID_KINDS),
              help="What rows call their images.  [default: path; name for isic]")  # fmt: skip
@click.option("--id-key", metavar="FILE", help="Holds the key of --id hmac.")
@click.option("--prior", default="training", show_default=True, metavar="NAME|FILE.toml",
              help="Class shares to assume: training, balanced, or a file.")  # fmt: skip
# How the job runs.
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@jobs_option()
@click.option("--backend", type=click.Choice(BACKENDS), default="loky", show_default=True,
              help="Processes of this machine, or the workers of a Dask cluster.")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask, such as tcp://10.0.0.1:8786.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=TIMEOUT_SECONDS,
              show_default=True, help="Seconds that an image may take.")  # fmt: skip
@click.option("--memory", type=click.IntRange(min=1), default=MEMORY_MB, show_default=True,
              metavar="MB", help="Memory that a worker may hold.")  # fmt: skip
@click.option("--max-pixels", type=click.IntRange(min=1), default=MAX_PIXELS, show_default=True,
              help="Larger images are not decoded.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors.")
@click.option("--log", metavar="FILE", help="Add a line of JSON for each event to a file.")
def command(**options: Any) -> int:
    """Score images and write the most probable classes of each, a row an image.

    INPUT is a file, a folder (searched with all its folders, in sorted order), a zip or tar
    archive (read in place), a CSV with a column path and any others (carried through), or - for
    a list of paths on standard input. A DICOM file gives a row a frame. Rows stand in the order
    of the inputs; an image that cannot be read has its row too, with status `error` and the
    reason, and the exit code is then 3.

    The output has its name when it is whole, and `.partial` behind it until then. A run that was
    killed goes on where it was by the same command with --resume, to the same bytes.

    \b
    trifuse predict archive/ -m ham.trifuse -o predictions.csv
    find archive -name '*.jpg' -print0 | trifuse predict - -0 -m ham.trifuse -o predictions.csv
    trifuse predict lesion.jpg -m ham.trifuse -o -
    """
    from trifuse.batch.workers.child import Child

    chosen = {field.name: options.pop(field.name) for field in fields(InputOptions)}
    try:
        job = PredictionOptions(inputs=InputOptions(**chosen), **options)
    except (OptionsError, SourceError) as error:
        raise click.UsageError(str(error)) from error
    child = Child()  # it starts while this process imports what it needs
    try:
        return _run(job, child)
    finally:
        child.kill()


def _run(options: PredictionOptions, child: Any) -> int:
    from trifuse.batch.prediction import run_prediction

    warn = _be_quiet if options.quiet else _warn
    try:
        outcome = run_prediction(options, sys.stdin.buffer, warn, child)
    except OptionsError as error:
        raise click.UsageError(str(error)) from error
    if outcome.was_whole:
        warn(f"{options.output} is whole already.")
    if outcome.errors:
        warn(f"{outcome.errors} of {outcome.images} images could not be read; see their rows.")
        return EXIT_SOME_UNREAD
    return EXIT_OK


def _warn(text: str) -> None:
    click.echo(without_controls(text), err=True)


def _be_quiet(text: str) -> None:
    pass
