"""``trifuse project``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.cli.labelled import LabelledArchive, archive_argument, write_rows
from trifuse.cli.say import say, show, warn_of_training_images
from trifuse.cli.shared_options import are_distinct, jobs_option, model_option, parse_figure
from trifuse.features.stages import stage
from trifuse.studies.figures import FIGURE_FORMATS

if TYPE_CHECKING:
    from trifuse.datasets.table import LabelledTable
    from trifuse.studies.projection.plane import ImageMap

COLUMNS = ("image", "group", "label", "predicted", "trained_on", "x", "y")


@click.command("project")
@archive_argument
@model_option()
@click.option("-o", "--output", required=True, metavar="FILE",
              type=click.Path(path_type=Path), callback=parse_figure,
              help=f"The figure; {', '.join(FIGURE_FORMATS)}.")  # fmt: skip
@click.option("--page", metavar="FILE", type=click.Path(path_type=Path),
              help="Write a page too, with the image of each point.")  # fmt: skip
@click.option("--csv", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the points too.")  # fmt: skip
@click.option("--of", default="fused", show_default=True, metavar="NAME",
              help="What to project: a block of the model, fused, or scores.")  # fmt: skip
@click.option("--method", type=click.Choice(("tsne", "umap")), default="tsne", show_default=True,
              help="How the plane is found.")  # fmt: skip
@click.option("--perplexity", type=click.IntRange(min=5), default=30, show_default=True,
              help="How many neighbours of an image count.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Of the projection.")  # fmt: skip
@jobs_option
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(archive: LabelledArchive, model: str, **options: Any) -> int:
    """Show how a model sees an archive: similar images as near points of a plane.

    DATA is a labelled archive as for `trifuse train`, best of images that the model was not
    trained on: it knows the others by heart, and how many these are is told. What is projected,
    by t-SNE or UMAP, is the fused vector, one of its blocks, or the scores that the model gives.
    Images that cannot be read are left out, and the exit code is then 3.

    \b
    trifuse project test.csv -m ham.trifuse -o map.pdf --page map.html
    trifuse project test.csv -m ham.trifuse -o scores.png --of scores
    """
    from trifuse.classifiers.model_file import load_model
    from trifuse.classifiers.output import check_output, protect_inputs
    from trifuse.datasets.table import name_few
    from trifuse.studies.projection.plane import place_images
    from trifuse.studies.projection.vectors import check_vectors_name, describe_images

    figure, page, csv = (options[name] for name in ("output", "page", "csv"))
    of, how = options["of"], (options["method"], options["perplexity"], options["seed"])
    outputs = list(filter(None, (figure, page, csv)))
    if not are_distinct(outputs):
        msg = "the figure, the page and the points take a file each; two have the same name."
        raise click.UsageError(msg)
    for path in outputs:
        check_output(path, options["overwrite"], (archive.data, model))
    loaded = load_model(Path(model))
    check_vectors_name(of, loaded)
    table = archive.table
    protect_inputs(outputs, archive.sources)
    _check_plane(table, *how)
    if unknown := [name for name in table.classes if name not in loaded.classes]:
        say(f"The model does not know {name_few(unknown)}: all such images count as wrong.")

    images = describe_images(table, loaded, of, archive.jobs)
    with stage(f"projecting: {len(images.table)} images"):
        image_map = place_images(images, *how)
    _write(image_map, figure, page, csv)
    show(image_map.caption)
    for path, reason in images.unread.items():
        say(f"{path}: {reason}")
    warn_of_training_images(int(images.trained_on.sum()), len(images.table))
    archive.n_unread = len(images.unread)
    return archive.tell_unread()


def _check_plane(table: LabelledTable, method: str, perplexity: int, seed: int) -> None:
    """Tell before the images are encoded what would stop the work after it."""
    from trifuse.features.libraries import require_modules
    from trifuse.studies.projection.plane import build_reducer, check_perplexity
    from trifuse.studies.projection.plane_figure import choose_looks

    require_modules("studies", "bokeh", "jinja2", "matplotlib")
    build_reducer(method, perplexity, seed)
    check_perplexity(perplexity, len(table))
    choose_looks(table.classes)


def _write(image_map: ImageMap, figure: Path, page: Path | None, csv: Path | None) -> None:
    from trifuse.classifiers.output import open_output
    from trifuse.studies.figures import save_figure
    from trifuse.studies.projection.plane_figure import draw_map
    from trifuse.studies.projection.plane_page import render_map

    save_figure(draw_map(image_map), figure)
    if page is not None:
        content = render_map(image_map).encode()
        with open_output(page) as file:
            file.write(content)
    if csv is not None:
        write_rows(csv, COLUMNS, _list_rows(image_map))


def _list_rows(image_map: ImageMap) -> Iterator[tuple[Any, ...]]:
    images = image_map.images
    table = images.table
    names = zip(table.paths, table.groups, table.labels, images.predicted, strict=True)
    places = zip(images.trained_on.astype(int).tolist(), image_map.points.tolist(), strict=True)
    for (path, *texts), (known, point) in zip(names, places, strict=True):
        yield (str(path), *texts, known, *point)
