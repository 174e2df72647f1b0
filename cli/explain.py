"""``trifuse explain``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.ending import EXIT_NO_INPUT
from trifuse.batch.inputs.items import InputOptions, Item, SourceError
from trifuse.cli.say import say, tell_unread, warn_of_training_images
from trifuse.cli.shared_options import jobs_option, model_option, path_column_option

if TYPE_CHECKING:
    from trifuse.studies.explanation.explainer import Explainer

TABLE = "explanations.csv"


@click.command("explain")
@click.argument("inputs", nargs=-1, required=True, metavar="IMAGE...")
@model_option()
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Made where missing.")
@path_column_option
@click.option("--class", "class_name", metavar="NAME",
              help="The class to explain.  [default: each image's most probable]")  # fmt: skip
@click.option("--format", type=click.Choice(("png", "pdf", "svg")), default="png",
              show_default=True, help="Of the figures.")  # fmt: skip
@jobs_option
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(inputs: tuple[str, ...], **options: Any) -> int:
    """Show where a model found what speaks for a class, and what against it.

    IMAGE is what `trifuse predict` takes; of DICOM, files of one frame. Each image gets a figure:
    what every block of the model found where, all of them together, and how the probability falls
    and rises when the places that matter most are blurred, or all but them. FOLDER/explanations.csv
    has the numbers, a row an image. Images that cannot be read are told, and the exit code is
    then 3.

    \b
    trifuse explain lesion.jpg -m ham.trifuse -o lesion/
    trifuse explain archive/ -m ham.trifuse -o melanoma/ --class mel --format pdf
    """
    from trifuse.batch.inputs.stream import iterate_items
    from trifuse.classifiers.model_file import load_model
    from trifuse.classifiers.output import check_output, make_folder, protect_inputs
    from trifuse.features.libraries import require_modules
    from trifuse.studies.explanation.evidence import explained_members
    from trifuse.studies.explanation.explainer import Explainer, find_class

    require_modules("studies", "matplotlib")
    try:
        chosen = InputOptions(inputs, options["path_column"])
        chosen.require_inputs()
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    model, suffix = load_model(Path(options["model"])), f".{options['format']}"
    explained_members(model.ensemble)
    name = options["class_name"]
    explainer = Explainer(model, suffix, None if name is None else find_class(model, name))
    items = [item for item in iterate_items(chosen, sys.stdin.buffer, say) if item]
    if not items:
        say("There is nothing to explain: the inputs hold no image.")
        return EXIT_NO_INPUT
    sound = [item for item in items if not item.fault]
    folder = make_folder(Path(options["output"]))
    paths = [folder / name for name in (TABLE, *_figure_names(sound, suffix))]
    for path in paths:
        check_output(path, options["overwrite"])
    protect_inputs(paths, (options["model"], *inputs, *(item.name for item in items)))

    for item in items:
        if item.fault:
            say(f"{item.name}: cannot read the image: {item.fault}")
    written = _write(explainer, sound, paths, options["jobs"])
    return tell_unread(len(items) - written, len(items))


def _write(explainer: Explainer, items: Sequence[Item], paths: Sequence[Path], jobs: int) -> int:
    """Write the table, the first path, and each image's figure; give the number of these.

    How many of them the model was trained on is told.
    """
    from trifuse.batch.outputs.formats.csv_format import write_line
    from trifuse.classifiers.output import open_output
    from trifuse.training.parallel import map_images

    written = known = 0
    with open_output(paths[0]) as table:
        named = [(item.name, item.content) for item in items]
        reports = map_images(explainer, named, "explaining", jobs)
        for item, path, report in zip(items, paths[1:], reports, strict=True):
            if isinstance(report, str):
                say(f"{item.name}: {report}")
                continue
            with open_output(path) as figure:
                figure.write(report.figure)
            if not written:
                names = ("image", "class", *report.numbers, "verdict", "trained_on")
                table.write(write_line(names))
            known_here = int(report.is_training_image)
            first, last = (item.name, report.class_name), (report.verdict, known_here)
            table.write(write_line([*first, *report.numbers.values(), *last]))
            written += 1
            known += known_here
    warn_of_training_images(known, written)
    return written


def _figure_names(items: Sequence[Item], suffix: str) -> Iterator[str]:
    """Name each figure like its image; where two images share a name, the second gets a number."""
    from trifuse.features.files import strip_path

    taken: set[str] = set()
    for item in items:
        stem = strip_path(item.name)
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        name = next(name for name in names if name.lower() not in taken)
        taken.add(name.lower())
        yield name + suffix
