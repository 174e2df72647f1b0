"""``trifuse predict``."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from trifuse.batch.ending import EXIT_NO_INPUT, EXIT_OK
from trifuse.batch.inputs.items import STDIN, InputOptions, SourceError, parse_part
from trifuse.batch.job_options import (
    BACKENDS,
    MAX_MEMORY,
    MAX_TIMEOUT,
    MOST_PIXELS,
    STDOUT,
    OptionsError,
    PredictionOptions,
)
from trifuse.batch.outputs.formats import find_formats
from trifuse.batch.outputs.ids import ID_KINDS
from trifuse.batch.workers.messages import MEMORY_MB, TIMEOUT_SECONDS
from trifuse.cli.report import ReportOptions, audit_option, check_report, write_report
from trifuse.cli.say import say, show, tell_counts
from trifuse.cli.shared_options import (
    Bounded,
    are_distinct,
    jobs_option,
    model_option,
    path_column_option,
)
from trifuse.features.files import MAX_PIXELS

NOTHING = "There is nothing to score: the inputs hold 0 images; say --allow-empty if that is right."
_FORMATS = find_formats()
_NOTES = " ".join(one.note for one in _FORMATS.values() if one.note)
_OTHER_IDS = "".join(
    f"; {one.default_id} for {one.name}" for one in _FORMATS.values() if one.default_id != "path"
)
_ALL_INPUTS = (
    "--dry-run lists all inputs and looks at no output; leave out --resume, --update and "
    "--retry-errors."
)


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
@model_option()
@click.option("-o", "--output", required=True, metavar="FILE", help="The output; - for stdout.")
# Which inputs.
@path_column_option
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
@click.option("--format", type=click.Choice(list(_FORMATS)),
              help=f"{_NOTES}  [default: the output's suffix, or csv]")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1),
              help="Classes a row.  [default: 3, or all where there are fewer]")  # fmt: skip
@click.option("--probabilities", is_flag=True, help="Add a column for every class.")
@click.option("--id", type=click.Choice(ID_KINDS),
              help=f"What rows call their images.  [default: path{_OTHER_IDS}]")  # fmt: skip
@click.option("--id-key", metavar="FILE", help="Holds the key of --id hmac.")
@click.option("--groups", metavar="FILE",
              help="Write a CSV too: what the images of each group say together.")  # fmt: skip
@click.option("--group-column", metavar="NAME",
              help="Names the group of an image: a table's column, or StudyInstanceUID of DICOM "
              "objects.  [default: StudyInstanceUID, with --groups]")  # fmt: skip
@click.option("--prior", default="training", show_default=True, metavar="NAME|FILE.toml",
              help="Class shares to assume: training, balanced, or a file.")  # fmt: skip
# How the job runs.
@click.option("--resume", is_flag=True,
              help="Go on with an interrupted run; check what is whole.")  # fmt: skip
@click.option("--update", is_flag=True,
              help="Score what is new or has changed; keep all other rows.")  # fmt: skip
@click.option("--retry-errors", is_flag=True,
              help="Update, and score anew what could not be read.")  # fmt: skip
@click.option("--verify", is_flag=True,
              help="Compare inputs by content, not by size and time.")  # fmt: skip
@click.option("--max-errors", metavar="N|P%", help="End early above so many error rows.")
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@click.option("--dry-run", is_flag=True, help="Say what would be scored, and stop.")
@click.option("--allow-empty", is_flag=True, help="That there is nothing to score is no error.")
@jobs_option
@click.option("--backend", type=click.Choice(BACKENDS), default="local", show_default=True,
              help="Processes of this machine, or the workers of a Dask cluster.")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask, such as tcp://10.0.0.1:8786.")
@click.option("--timeout", type=Bounded(0, MAX_TIMEOUT, min_open=True), default=TIMEOUT_SECONDS,
              show_default=True, help="Seconds that an image may take.")  # fmt: skip
@click.option("--memory", type=click.IntRange(1, MAX_MEMORY), default=MEMORY_MB, show_default=True,
              metavar="MB", help="Memory that a worker may hold.")  # fmt: skip
@click.option("--max-pixels", type=click.IntRange(1, MOST_PIXELS), default=MAX_PIXELS,
              show_default=True, help="Larger images are not decoded.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors.")
@click.option("--log", metavar="FILE", help="Add a line of JSON for each event to a file.")
@click.option("--report", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the page of `trifuse report` too.")  # fmt: skip
@audit_option
def command(dry_run: bool, report: Path | None, audit: int, **options: Any) -> int:
    """Score images and write the most probable classes of each, a row an image.

    INPUT is a file, a folder (searched with all its folders, in sorted order), a zip or tar
    archive (read in place), a CSV table with a column path and any others (carried through), or
    - for a list of paths, or a tar archive, on standard input. A DICOM file gives a row a frame.
    Rows stand in the order of the inputs; an image that cannot be read has its row too, with
    status `error` and the reason, and the exit code is then 3. It is 4, and nothing is written,
    where there is nothing to score.

    The output has its name when it is whole, and `.partial` behind it until then. A run that was
    killed goes on where it was by the same command with --resume, to the same bytes. What is whole
    is left alone if its inputs are what they were; --update brings it up to date.

    \b
    trifuse predict archive/ -m ham.trifuse -o predictions.csv
    find archive -name '*.jpg' -print0 | trifuse predict - -0 -m ham.trifuse -o predictions.csv
    trifuse predict lesion.jpg -m ham.trifuse -o -
    """
    from trifuse.batch.workers.supervisor import Child

    inputs = {field.name: options.pop(field.name) for field in fields(InputOptions)}
    try:
        chosen = InputOptions(**inputs)
        chosen.require_inputs()
        job = PredictionOptions(inputs=chosen, **options)
        if dry_run and job.goes_on:
            raise OptionsError(_ALL_INPUTS)
        if report is not None and (dry_run or job.output == STDOUT):
            raise OptionsError("--report needs an output that is a file.")
        if audit and report is None:
            raise OptionsError("--audit is for the page; name one by --report.")
    except (OptionsError, SourceError) as error:
        raise click.UsageError(str(error)) from error
    page = None if report is None else _plan_report(job, report, audit)
    child = Child()  # it starts while this process imports what it needs
    try:
        code = _run(job, child, dry_run)
    finally:
        child.kill()
    if page is not None and code != EXIT_NO_INPUT:
        write_report(page)
    return code


def _plan_report(job: PredictionOptions, page: Path, audit: int) -> ReportOptions:
    """Find out before the night whether its page can be written."""
    inputs = InputOptions(()) if STDIN in job.inputs.inputs else job.inputs
    options = ReportOptions(Path(job.output), page, inputs, job.jobs, job.id_key, audit=audit)
    if job.groups is not None and not are_distinct((Path(job.groups), page)):
        raise click.UsageError("the groups and the page are two files; name two.")
    check_report(options, job.overwrite or job.goes_on, (job.model, *job.inputs.inputs))
    return options


def _run(options: PredictionOptions, child: Any, dry_run: bool) -> int:
    from trifuse.batch.job import run_prediction
    from trifuse.batch.preview import preview

    warn = (lambda _: None) if options.quiet else say
    try:
        if dry_run:
            lines, listed = preview(options, sys.stdin.buffer, child)
            show("\n".join(lines))
            if listed or options.allow_empty:
                return EXIT_OK
            say(NOTHING)
            return EXIT_NO_INPUT
        outcome = run_prediction(options, sys.stdin.buffer, warn, child)
    except OptionsError as error:
        raise click.UsageError(str(error)) from error
    if outcome.was_whole:
        warn(f"{options.output} is whole already.")
    elif outcome.kept or outcome.dropped:
        warn(f"Kept the rows of {outcome.kept:,} inputs, dropped those of {outcome.dropped:,}.")
    if outcome.is_empty:
        say(NOTHING)
        return EXIT_NO_INPUT
    return tell_counts(outcome.images, outcome.errors, warn)
