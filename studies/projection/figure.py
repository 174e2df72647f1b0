"""The plane as a figure for print."""

from __future__ import annotations

from collections import Counter
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from trifuse.studies.figures import figure_style
from trifuse.studies.projection.look import choose_looks
from trifuse.studies.projection.plane import ImageMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RASTERIZED_FROM = 1000
"""Images from which on points are pixels in a PDF or SVG too: that many paths are slow to show."""
CAPTION_WIDTH = 105


def draw_map(image_map: ImageMap) -> Figure:
    """Draw a point an image, coloured by its class.

    Smaller classes lie over larger ones. There are no axes, for the coordinates mean nothing.

    Parameters
    ----------
    image_map : ImageMap

    Returns
    -------
    Figure

    Raises
    ------
    ProjectionError
        If there are too many classes, see `choose_looks`.
    trifuse.studies.extra.ExtraError
        If Matplotlib is not installed.
    """
    table = image_map.images.table
    counts = Counter(table.labels)
    size = np.clip(30_000 / len(table), 6, 20)
    looks = choose_looks([name for name in table.classes if name in counts])
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.8))
        axes = figure.subplots()
        for name, (color, marker) in looks.items():
            x, y = image_map.points[np.array(table.labels) == name].T
            axes.scatter(
                x,
                y,
                s=size,
                c=color,
                marker=marker,
                linewidths=0,
                alpha=0.75,
                zorder=2 + 1 / counts[name],
                label=_write_label(name, counts[name]),
                rasterized=len(table) >= RASTERIZED_FROM,
            )
        axes.set_axis_off()
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=np.sqrt(40 / size))
        figure.supxlabel(fill(image_map.caption, CAPTION_WIDTH), fontsize=7)
    return figure


def _write_label(name: str, n_images: int) -> str:
    # Matplotlib leaves labels that start with _ out of legends, and reads $...$ as mathematics.
    return f" {name} ({n_images:,})".replace("$", r"\$")
