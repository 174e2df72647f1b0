"""``trifuse merge``."""

from __future__ import annotations

from pathlib import Path

import click

from trifuse.cli.say import say, tell_counts


@click.command("merge")
@click.argument("parts", nargs=-1, required=True, metavar="PART...",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="The output.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
def command(parts: tuple[Path, ...], output: Path, overwrite: bool) -> int:
    """Put the parts of a job together, to the bytes of a run without --part.

    PART is what `trifuse predict --part I/N` wrote, in any order and any format, with its manifest
    and receipts (.run.json, .run.inputs) beside it. All N parts are needed, made of the same inputs
    with the same model and options; one that is missing is named. The output gets a manifest and
    receipts too: --resume and --update know it.

    \b
    trifuse merge part-*.csv -o all.csv
    """
    from trifuse.batch.job_options import STDOUT, OptionsError
    from trifuse.batch.merge import merge_parts

    if str(output) == STDOUT:
        raise click.UsageError("parts are merged into a file; name one.")
    try:
        sums = merge_parts(parts, output, overwrite)
    except OptionsError as error:
        raise click.UsageError(str(error)) from error
    return tell_counts(sums["images"], sums["errors"], say)
