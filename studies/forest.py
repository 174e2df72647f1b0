"""Forest plots: a row a thing that was measured, a mark its figure and a line its interval."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.figures import MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

WIDTH = 7.5
"""In inches: the text of an A4 page, or both columns of a journal's."""
ROW, MARGIN = 0.26, 0.8
LINE, NAME, LINES = 0.14, 30, 3
"""What a line more of the names adds to a row; characters of such a line, and the most lines."""
TICKS = 3
"""On the axis of a panel, at most; more would run into one another."""


def forest_height(names: Sequence[str]) -> float:
    """Give the height, in inches, of a plot with a row for each name."""
    lines = max(plain_text(name).count("\n") for name in names)
    return MARGIN + (ROW + LINE * lines) * len(names)


def draw_estimate(axes: Axes, estimate: Estimate, place: float, hollow: bool) -> Line2D:
    """Draw in black: colours are for curves."""
    axes.plot([estimate.low, estimate.high], [place, place], color="black", linewidth=1.2)
    marker, inside = (MARKERS[1], "white") if hollow else (MARKERS[0], "black")
    (mark,) = axes.plot(
        estimate.value, place, marker, color="black", markerfacecolor=inside, markersize=5
    )
    return mark


def draw_reference(axes: Axes, value: float, title: str) -> None:
    """Draw the line that rows are read against, and name the axis."""
    axes.axvline(value, color="0.6", linewidth=0.8, linestyle="--")
    axes.set_xlabel(title)
    axes.grid(axis="x", color="0.9")
    axes.locator_params(axis="x", nbins=TICKS)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows, the first on top."""
    axes.set_yticks(range(len(names)), [plain_text(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def plain_text(text: str) -> str:
    r"""Wrap and cut a name, of which Matplotlib reads nothing as mathematics and all can be drawn.

    Examples
    --------
    >>> print(plain_text("a $b$"))
    a \$b\$
    """
    printable = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return fill(printable, NAME, max_lines=LINES, placeholder="…").replace("$", r"\$")
