"""The figure of the backbones: what a network costs against what it is good for on ImageNet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trifuse.features.backbones import DEFAULT_BACKBONE, Backbone
from trifuse.features.libraries import need_extra
from trifuse.studies.figures import COLORS, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

AREA = 14.0
"""Of a mark, in square points for a million parameters."""
SHOWN_SIZES = (2, 5, 10, 20)
"""Millions of parameters, in the legend."""
EXPAND = (1.05, 1.3)
"""How much room a name takes, of its own width and height."""
MOST_STEPS = 500
"""In which names are moved, at most: a limit of time would give other bytes."""


def draw_backbones(rows: Iterable[Backbone], default: str = DEFAULT_BACKBONE) -> Figure:
    """Draw accuracy on ImageNet by multiply-adds, the area of a mark being the parameters.

    Parameters
    ----------
    rows : iterable of Backbone
        As those of `trifuse.features.backbones.BACKBONES`.
    default : str
        The name of the row to stand out.

    Returns
    -------
    matplotlib.figure.Figure
        Each row's name stands beside its mark, where it covers no other name and no mark.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Matplotlib is not installed.
    """
    rows = list(rows)
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.5, 4.4))
        axes = figure.subplots()
        _set_axes(axes)
        for row in rows:
            area = AREA * row.parameters / 1e6
            color = COLORS[1] if row.name == default else COLORS[0]
            axes.scatter(
                row.macs, row.top1, s=area, color=color, edgecolors="white", linewidths=0.5
            )
        for millions in SHOWN_SIZES:
            axes.scatter([], [], s=AREA * millions, color="0.6", label=f"{millions} M")
        axes.legend(
            title="parameters", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(SHOWN_SIZES)
        )
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # names are placed by where the marks are, and stay
        _name(axes, rows, default)
    return figure


def _set_axes(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.margins(x=0.12, y=0.1)
    axes.grid(color="0.9")
    axes.set_xlabel("multiply-adds of an image of the network's own input size")
    axes.set_ylabel("top-1 accuracy on ImageNet, as published, %")


def _name(axes: Axes, rows: Sequence[Backbone], default: str) -> None:
    """Write each row's name beside its mark, where it covers no other name and no mark."""
    with need_extra("studies"):
        from adjustText import adjust_text

    names = [
        axes.annotate(
            row.name,
            (row.macs, row.top1),
            (row.macs, row.top1),
            fontsize="small",
            fontweight="bold" if row.name == default else "normal",
        )
        for row in rows
    ]
    marks = [_mark_box(axes, row) for row in rows]
    adjust_text(names, objects=marks, ax=axes, expand=EXPAND, iter_lim=MOST_STEPS)


def _mark_box(axes: Axes, row: Backbone) -> Bbox:
    """Give the square around a mark, in the axes' own units."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform((row.macs, row.top1))
    # In points; what Matplotlib calls the area of a mark is its width squared.
    half = (AREA * row.parameters / 1e6) ** 0.5 / 2 * axes.figure.dpi / 72
    ends = axes.transData.inverted().transform([(x - half, y - half), (x + half, y + half)])
    return Bbox(ends)
