"""``trifuse duplicates``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trifuse.batch.commands.options import jobs_option
from trifuse.batch.commands.unread import tell_unread

if TYPE_CHECKING:
    from trifuse.datasets.duplicates import DuplicatePair
    from trifuse.datasets.table import LabelledTable

COLUMNS = ("image_1", "image_2", "group_1", "group_2", "label_1", "label_2", "kind", "score")


@click.command("duplicates")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="The pairs, a CSV.")  # fmt: skip
@click.option("--page", metavar="FILE", type=click.Path(path_type=Path),
              help="Write a page too, with both images of each pair.")  # fmt: skip
@click.option("--within-groups", is_flag=True, help="List pairs of one group too.")
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(
    data: str, output: Path, page: Path | None, within_groups: bool, jobs: int, overwrite: bool
) -> int:
    """Find images of different groups that show the same thing.

    DATA is what `trifuse train` takes. A pair is exact if the pixels are the same, and near if
    one image can be turned, magnified, shifted and perhaps mirrored onto the other; its score is
    the correlation of their fine detail where they then overlap. Figures of a split that separates
    such a pair are too good: `trifuse train --merge-duplicates` keeps them together. Images that
    cannot be read are left out, and the exit code is then 3.

    \b
    trifuse duplicates HAM10000/ -o pairs.csv --page pairs.html
    """
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.classifiers.output import check_output
    from trifuse.datasets.load import load_dataset
    from trifuse.studies.duplicates.find import detect_all, pair_images
    from trifuse.studies.extra import require_modules

    if output == page:
        msg = "the pairs and the page take a file each; both have the same name."
        raise click.UsageError(msg)
    for path in filter(None, (output, page)):
        check_output(path, overwrite)
    if page is not None:
        require_modules("studies", "jinja2")
    table = load_dataset(data)
    images = detect_all(table, ProcessMapper(jobs))
    pairs = pair_images(table, images, within_groups)
    _write(table, pairs, output, page)
    return _tell(table, pairs, images.count(None))


def _write(
    table: LabelledTable, pairs: Sequence[DuplicatePair], output: Path, page: Path | None
) -> None:
    from trifuse.classifiers.output import open_output
    from trifuse.studies.duplicates.page import render_duplicates

    with open_output(output) as file:
        file.writelines(_list_lines(table, pairs))
    if page is not None:
        content = render_duplicates(table, pairs).encode("utf-8", "replace")
        with open_output(page) as file:
            file.write(content)


def _list_lines(table: LabelledTable, pairs: Sequence[DuplicatePair]) -> Iterator[bytes]:
    from trifuse.batch.outputs.csv_format import write_cell, write_line

    yield write_line(COLUMNS)
    columns = ([str(path) for path in table.paths], table.groups, table.labels)
    for first, second, kind, score in pairs:
        names = [column[row] for column in columns for row in (first, second)]
        yield write_line([*map(write_cell, names), kind, write_cell(score)])


def _tell(table: LabelledTable, pairs: Sequence[DuplicatePair], n_unread: int) -> int:
    from trifuse.datasets.duplicates import has_two_labels
    from trifuse.datasets.table import count

    n_exact = sum(pair.kind == "exact" for pair in pairs)
    n_two = sum(has_two_labels(table, pair) for pair in pairs)
    click.echo(f"{count(pairs, 'pair')}: {n_exact} exact, {n_two} with two labels.", err=True)
    return tell_unread(n_unread, len(table))
