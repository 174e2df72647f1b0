"""``trifuse explain``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.commands.options import jobs_option
from trifuse.batch.commands.unread import tell_unread
from trifuse.batch.inputs.item import Item, SourceError
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.text import without_controls

if TYPE_CHECKING:
    from trifuse.classifiers.training import Mapper
    from trifuse.studies.explanation.report import Reporter

TABLE = "explanations.csv"


@click.command("explain")
@click.argument("inputs", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-m", "--model", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Made where missing.")
@click.option("--class", "class_name", metavar="NAME",
              help="The class to explain.  [default: each image's most probable]")  # fmt: skip
@click.option("--format", type=click.Choice(("png", "pdf", "svg")), default="png",
              show_default=True, help="Of the figures.")  # fmt: skip
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(inputs: tuple[str, ...], **options: Any) -> int:
    """Show where a model found what speaks for a class, and what against it.

    IMAGE is what `trifuse predict` takes, but for DICOM. Each image gets a figure: what every
    block of the model found where, all of them together, and how the probability falls and rises
    when the places that matter most are blurred, or all but them. FOLDER/explanations.csv has the
    numbers, a row an image. Images that cannot be read are told, and the exit code is then 3.

    \b
    trifuse explain lesion.jpg -m ham.trifuse -o lesion/
    trifuse explain archive/ -m ham.trifuse -o melanoma/ --class mel --format pdf
    """
    from trifuse.batch.inputs.stream import iterate_items
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.classifiers.model_file import load_model
    from trifuse.classifiers.output import check_output, make_folder
    from trifuse.studies.explanation.report import Reporter, find_class

    try:
        chosen = InputOptions(inputs)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    model, suffix = load_model(Path(options["model"])), f".{options['format']}"
    name = options["class_name"]
    reporter = Reporter(model, suffix, None if name is None else find_class(model, name))
    items = [item for item in iterate_items(chosen, sys.stdin.buffer, _warn) if item]
    sound = [item for item in items if not item.fault]
    folder = make_folder(Path(options["output"]))
    paths = [folder / name for name in (TABLE, *_figure_names(sound, suffix))]
    for path in paths:
        check_output(path, options["overwrite"])

    for item in items:
        if item.fault:
            _warn(f"{item.name}: cannot read the image: {item.fault}")
    written = _write(reporter, sound, paths, ProcessMapper(options["jobs"]))
    return tell_unread(len(items) - written, len(items))


def _write(reporter: Reporter, items: Sequence[Item], paths: Sequence[Path], map_: Mapper) -> int:
    """Write the table, the first path, and each image's figure; give the number of these."""
    from trifuse.batch.outputs.csv_format import write_cell, write_line
    from trifuse.classifiers.output import open_output
    from trifuse.classifiers.tables import make_safe

    written = 0
    sources = [item.name if item.content is None else item.content for item in items]
    with open_output(paths[0]) as table:
        reports = map_(reporter, sources, "explaining")
        for item, path, report in zip(items, paths[1:], reports, strict=True):
            if isinstance(report, str):
                _warn(f"{item.name}: {report}")
                continue
            with open_output(path) as figure:
                figure.write(report.figure)
            if not written:
                table.write(write_line(["image", "class", *report.numbers]))
            cells = [item.name, report.class_name, *map(write_cell, report.numbers.values())]
            table.write(write_line(map(make_safe, cells)))
            written += 1
    return written


def _figure_names(items: Sequence[Item], suffix: str) -> Iterator[str]:
    """Name each figure like its image; where two images share a name, the second gets a number."""
    from trifuse.features.images import strip_path

    taken: set[str] = set()
    for item in items:
        stem = strip_path(item.name)
        numbered = (f"{stem}-{number}" for number in count(2))
        name = stem
        while name.lower() in taken:
            name = next(numbered)
        taken.add(name.lower())
        yield name + suffix


def _warn(text: str) -> None:
    click.echo(without_controls(text), err=True)
