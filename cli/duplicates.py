"""``trifuse duplicates``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.cli.labelled import LabelledArchive, archive_argument, write_rows
from trifuse.cli.say import say, tell_unread
from trifuse.cli.shared_options import are_distinct, jobs_option

if TYPE_CHECKING:
    from trifuse.datasets.duplicates import DuplicatePair
    from trifuse.datasets.table import LabelledTable

COLUMNS = ("image_1", "image_2", "group_1", "group_2", "label_1", "label_2", "kind", "score")


@click.command("duplicates")
@archive_argument
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="The pairs, a CSV.")  # fmt: skip
@click.option("--page", metavar="FILE", type=click.Path(path_type=Path),
              help="Write a page too, with both images of each pair.")  # fmt: skip
@click.option("--within-groups", is_flag=True, help="List pairs of one group too.")
@jobs_option
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def command(archive: LabelledArchive, output: Path, page: Path | None, **options: bool) -> int:
    """Find images of different groups that show the same thing.

    DATA is what `trifuse train` takes. A pair is exact if the pixels are the same, and near if
    one image can be turned, magnified, shifted and perhaps mirrored onto the other; its score is
    the correlation of their fine detail where they then overlap. Figures of a split that separates
    such a pair are too good: `trifuse train --merge-duplicates` keeps them together. Images that
    cannot be read are left out, and the exit code is then 3.

    \b
    trifuse duplicates HAM10000/ -o pairs.csv --page pairs.html
    """
    from trifuse.classifiers.output import check_output, open_output, protect_inputs
    from trifuse.datasets.duplicates import has_two_labels
    from trifuse.datasets.table import count
    from trifuse.features.libraries import require_modules
    from trifuse.studies.duplicates_page import render_duplicates
    from trifuse.training.duplicates.find import look_at_all, pair_images
    from trifuse.training.duplicates.guard import tell_unread_images
    from trifuse.training.duplicates.keypoints import Unread

    outputs = list(filter(None, (output, page)))
    if not are_distinct(outputs):
        raise click.UsageError("the pairs and the page take a file each; both have the same name.")
    for path in outputs:
        check_output(path, options["overwrite"], (archive.data,))
    if page is not None:
        require_modules("studies", "jinja2")
    table = archive.table
    protect_inputs(outputs, archive.sources)
    images = look_at_all(table, archive.jobs)
    pairs = pair_images(table, images, archive.jobs, within_groups=options["within_groups"])
    write_rows(output, COLUMNS, _list_rows(table, pairs))
    if page is not None:
        content = render_duplicates(table, pairs).encode("utf-8", "replace")
        with open_output(page) as file:
            file.write(content)
    n_exact = sum(pair.kind == "exact" for pair in pairs)
    n_two = sum(has_two_labels(table, pair) for pair in pairs)
    say(f"{count(pairs, 'pair')}: {n_exact} exact, {n_two} with two labels.")
    unread = [image for image in images if isinstance(image, Unread)]
    tell_unread_images(unread, say)
    return tell_unread(len(unread), len(table))


def _list_rows(table: LabelledTable, pairs: Sequence[DuplicatePair]) -> Iterator[list[Any]]:
    columns = ([str(path) for path in table.paths], table.groups, table.labels)
    for first, second, kind, score in pairs:
        yield [*(column[row] for column in columns for row in (first, second)), kind, score]
