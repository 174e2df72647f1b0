"""The figure of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from trifuse.studies.figures import SEQUENTIAL, figure_style
from trifuse.studies.forest import plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, LETTER = 0.55, 0.08
"""The side of a cell, and the room for a letter beside the cells, in inches."""
DARK = 85
"""From so many percent on what is written in a cell is white."""


def draw_confusion(
    counts: ArrayLike, classes: Sequence[str], titles: tuple[str, str] = ("first class", "truth")
) -> Figure:
    """Draw the answers to the images of each class: how many, and in percent of its images.

    Parameters
    ----------
    counts : int (n_classes, n_classes)
        Rows are labels, columns answers.
    classes : sequence of str
    titles : (str, str)
        Of the columns, and of the rows.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Matplotlib is not installed.
    """
    counts = np.asarray(counts, dtype=float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [plain_text(name) for name in classes]
    longest = max(len(line) for name in names for line in name.splitlines())
    side = 1 + LETTER * longest + CELL * len(names)
    with figure_style():
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.figure import Figure

        figure = Figure(figsize=(side, side))
        axes = figure.subplots()
        ink = LinearSegmentedColormap.from_list("ink", SEQUENTIAL)
        axes.pcolormesh(percent, cmap=ink, vmin=0, vmax=100, edgecolors="0.9", linewidth=0.5)
        for (row, column), share in np.ndenumerate(percent):
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{counts[row, column]:,.0f}\n{share:.0f} %",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if share > DARK else "black",
            )
        places = np.arange(len(names)) + 0.5
        axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlabel=titles[0], ylabel=titles[1], aspect="equal")
        axes.invert_yaxis()
    return figure
