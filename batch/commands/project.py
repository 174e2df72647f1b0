"""``trifuse project``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.commands.options import jobs_option, parse_figure
from trifuse.batch.commands.unread import tell_unread
from trifuse.batch.text import without_controls
from trifuse.studies.figures import FORMATS

if TYPE_CHECKING:
    from trifuse.datasets.table import LabelledTable
    from trifuse.studies.projection.plane import ImageMap

COLUMNS = ("image", "group", "label", "predicted", "x", "y")


@click.command("project")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-m", "--model", required=True, metavar="FILE", help="The model, NAME.trifuse.")
@click.option("-o", "--output", required=True, metavar="FILE",
              type=click.Path(path_type=Path), callback=parse_figure,
              help=f"The figure; {', '.join(FORMATS)}.")  # fmt: skip
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
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(data: str, model: str, jobs: int, **options: Any) -> int:
    """Show how a model sees an archive: similar images as near points of a plane.

    DATA is a labelled archive as for `trifuse train`, best of images that the model was not
    trained on: it knows the others by heart. What is projected, by t-SNE or UMAP, is the fused
    vector, one of its blocks, or the scores that the model gives. Images that cannot be read are
    left out, and the exit code is then 3.

    \b
    trifuse project test.csv -m ham.trifuse -o map.pdf --page map.html
    trifuse project test.csv -m ham.trifuse -o scores.png --of scores
    """
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.classifiers.model_file import load_model
    from trifuse.classifiers.output import check_output
    from trifuse.datasets.load import load_dataset
    from trifuse.studies.projection.plane import map_images
    from trifuse.studies.projection.vectors import check_name, describe_images

    figure, page, csv = (options[name] for name in ("output", "page", "csv"))
    of, how = options["of"], (options["method"], options["perplexity"], options["seed"])
    outputs = list(filter(None, (figure, page, csv)))
    if len(set(outputs)) < len(outputs):
        msg = "the figure, the page and the points take a file each; two have the same name."
        raise click.UsageError(msg)
    for path in outputs:
        check_output(path, options["overwrite"])
    loaded = load_model(Path(model))
    check_name(of, loaded)
    table = load_dataset(data)
    _check_plane(table, *how)
    _tell_unknown(table, loaded.classes)

    images = describe_images(table, loaded, of, ProcessMapper(jobs))
    click.echo(f"projecting: {len(images.table)} images", err=True)
    image_map = map_images(images, *how)
    _write(image_map, figure, page, csv)
    click.echo(image_map.caption)
    return tell_unread(len(table) - len(images.table), len(table))


def _check_plane(table: LabelledTable, method: str, perplexity: int, seed: int) -> None:
    """Tell before the images are encoded what would stop the work after it."""
    from trifuse.studies.extra import require_modules
    from trifuse.studies.projection.look import choose_looks
    from trifuse.studies.projection.plane import METHODS, check_perplexity

    require_modules("studies", "bokeh", "jinja2", "matplotlib")
    METHODS[method].build(perplexity, seed)
    check_perplexity(perplexity, len(table))
    choose_looks(table.classes)


def _write(image_map: ImageMap, figure: Path, page: Path | None, csv: Path | None) -> None:
    from trifuse.classifiers.output import open_output
    from trifuse.studies.figures import save_figure
    from trifuse.studies.projection.figure import draw_map
    from trifuse.studies.projection.page import render_map

    save_figure(draw_map(image_map), figure)
    if page is not None:
        content = render_map(image_map).encode()
        with open_output(page) as file:
            file.write(content)
    if csv is not None:
        with open_output(csv) as file:
            file.writelines(_list_lines(image_map))


def _list_lines(image_map: ImageMap) -> Iterator[bytes]:
    from trifuse.batch.outputs.csv_format import write_cell, write_line

    images = image_map.images
    table = images.table
    yield write_line(COLUMNS)
    names = zip(table.paths, table.groups, table.labels, images.predicted, strict=True)
    for (path, *texts), (x, y) in zip(names, image_map.points.tolist(), strict=True):
        yield write_line(map(write_cell, (str(path), *texts, x, y)))


def _tell_unknown(table: LabelledTable, classes: Sequence[str]) -> None:
    from trifuse.datasets.table import name_few

    if unknown := [name for name in table.classes if name not in classes]:
        text = f"The model does not know {name_few(unknown)}: all such images count as wrong."
        click.echo(without_controls(text), err=True)
