"""The figure of the backbones: what a network costs against what it is good for on ImageNet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trifuse.features.backbones import DEFAULT_BACKBONE, Backbone
from trifuse.studies.figures import COLORS, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

AREA = 14.0
"""Of a mark, in square points for a million parameters."""
SHOWN_SIZES = (2, 5, 10, 20)
"""Millions of parameters, in the legend."""
GAP = 2.0
"""Between a mark and its name, in points."""
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Where a name may stand, seen from its mark, the best first."""
ALIGNMENTS = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


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
        Each row's name stands beside its mark, where it covers least of the others.

    Raises
    ------
    trifuse.studies.extra.ExtraError
        If Matplotlib is not installed.
    """
    rows = list(rows)
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.5, 4.4))
        axes = figure.subplots()
        _set_axes(axes)
        for row in rows:
            _mark(axes, row, COLORS[1] if row.name == default else COLORS[0])
        _explain_sizes(axes)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # names are placed by where the marks are, and stay
        taken = [_mark_box(axes, row) for row in rows]
        for row in rows:
            weight = "bold" if row.name == default else "normal"
            taken.append(_name(axes, row, weight, taken).get_window_extent())
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


def _mark(axes: Axes, row: Backbone, color: str) -> None:
    area = AREA * row.parameters / 1e6
    axes.scatter(row.macs, row.top1, s=area, color=color, edgecolors="white", linewidths=0.5)


def _explain_sizes(axes: Axes) -> None:
    for millions in SHOWN_SIZES:
        axes.scatter([], [], s=AREA * millions, color="0.6", label=f"{millions} M")
    axes.legend(
        title="parameters", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(SHOWN_SIZES)
    )


def _mark_box(axes: Axes, row: Backbone) -> Bbox:
    """Give the square around a mark, in pixels."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform((row.macs, row.top1))
    half = _radius(row) * axes.figure.dpi / 72
    return Bbox([[x - half, y - half], [x + half, y + half]])


def _radius(row: Backbone) -> float:
    """Give the radius of a mark in points; what Matplotlib calls its area is its width squared."""
    radius: float = (AREA * row.parameters / 1e6) ** 0.5 / 2
    return radius


def _name(axes: Axes, row: Backbone, weight: str, taken: list[Bbox]) -> Annotation:
    """Write a row's name on the side of its mark where it covers least of what is there."""
    names = [_write(axes, row, side, weight) for side in SIDES]
    best = min(names, key=lambda name: _covered(name.get_window_extent(), axes.bbox, taken))
    for name in names:
        if name is not best:
            name.remove()
    return best


def _write(axes: Axes, row: Backbone, side: tuple[int, int], weight: str) -> Annotation:
    reach = _radius(row) / (2**0.5 if all(side) else 1) + GAP
    return axes.annotate(
        row.name,
        (row.macs, row.top1),
        (side[0] * reach, side[1] * reach),
        textcoords="offset points",
        horizontalalignment=ALIGNMENTS[side[0]][0],
        verticalalignment=ALIGNMENTS[side[1]][1],
        fontsize="small",
        fontweight=weight,
    )


def _covered(box: Bbox, inside: Bbox, taken: list[Bbox]) -> float:
    """Measure how much of a box lies on others, or out of the axes, in square pixels."""
    return _area(box) - _shared(box, inside) + sum(_shared(box, other) for other in taken)


def _shared(one: Bbox, other: Bbox) -> float:
    part = one.intersection(one, other)
    return _area(part) if part else 0.0


def _area(box: Bbox) -> float:
    return float(box.width * box.height)
