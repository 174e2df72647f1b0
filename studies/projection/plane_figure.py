"""The plane as a figure for print, and the look of each class, which the page shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from trifuse.studies.figures import COLORS, MARKERS, figure_style
from trifuse.studies.projection.plane import ImageMap
from trifuse.studies.projection.vectors import ProjectionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RASTERIZED_FROM = 1000
"""Images from which on points are pixels in a PDF or SVG too: that many paths are slow to show."""
CAPTION_WIDTH = 105
Look = tuple[str, str]
"""One of `trifuse.studies.figures.COLORS` and one of its `MARKERS`."""


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
    trifuse.features.libraries.ExtraError
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
                # Labels that start with _ are left out of legends; $...$ is read as mathematics.
                label=f" {name} ({counts[name]:,})".replace("$", r"\$"),
                rasterized=len(table) >= RASTERIZED_FROM,
            )
        axes.set_axis_off()
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=np.sqrt(40 / size))
        figure.supxlabel(fill(image_map.caption, CAPTION_WIDTH), fontsize=7)
    return figure


def choose_looks(classes: Sequence[str]) -> dict[str, Look]:
    """Give each class a colour and a marker that no other class has together.

    Seven classes differ in both. Of more, some share a colour or a marker.

    Raises
    ------
    ProjectionError
        If there are more classes than pairs.

    Examples
    --------
    >>> choose_looks(["mel", "nv"])
    {'mel': ('#0072b2', 'o'), 'nv': ('#d55e00', 's')}
    """
    n_colors, n_markers = len(COLORS), len(MARKERS)
    if len(classes) > n_colors * n_markers:
        raise ProjectionError(
            f"{len(classes)} classes cannot be told apart in one figure, which has "
            f"{n_colors * n_markers} pairs of colour and marker; project an archive of fewer"
        )
    return {
        name: (COLORS[place % n_colors], MARKERS[(place + place // n_colors) % n_markers])
        for place, name in enumerate(classes)
    }
