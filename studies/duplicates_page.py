"""Pairs of duplicates as a page: both images side by side."""

from __future__ import annotations

from collections.abc import Sequence

from trifuse.datasets.duplicates import DuplicatePair, has_two_labels
from trifuse.datasets.table import LabelledTable, count
from trifuse.features.images import read_image
from trifuse.studies.page import render_page, thumbnail_uri

SIDE = 240
"""Pixels of a thumbnail's longest side."""


def render_duplicates(table: LabelledTable, pairs: Sequence[DuplicatePair]) -> str:
    """Render a page that shows each pair, in the order given.

    Parameters
    ----------
    table : LabelledTable
    pairs : sequence of DuplicatePair
        Rows of the table.

    Returns
    -------
    str
        HTML, the same for the same images. It names the files without their folders.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja is not installed.
    trifuse.features.images.ImageError
        If an image cannot be read any more.
    """
    return render_page(
        "duplicates.html",
        "Duplicates",
        n_pairs=count(pairs, "pair"),
        n_images=count(table.paths, "image"),
        contradictions=count([pair for pair in pairs if has_two_labels(table, pair)], "pair"),
        pairs=[
            {
                "kind": pair.kind,
                "score": f"{pair.score:.2f}",
                "contradicts": has_two_labels(table, pair),
                "images": [
                    {
                        "name": table.paths[row].name,
                        "label": table.labels[row],
                        "group": table.groups[row],
                        "thumbnail": thumbnail_uri(read_image(table.paths[row]), SIDE),
                    }
                    for row in (pair.first, pair.second)
                ],
            }
            for pair in pairs
        ],
    )
