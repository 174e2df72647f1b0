"""How the figures look: their width, colours and type, and how they show a picture."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

WIDTH = 7.0
"""Inches: the text of a page of two columns."""
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = OKABE_ITO = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
)  # fmt: skip
GREY = "#999999"
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "image.interpolation": "nearest",
    "figure.constrained_layout.h_pad": 0.06,
}


def show(axes: Axes, picture: NDArray[Any], title: str, **options: Any) -> AxesImage:
    """Show pixels without ticks; planes are grey unless a colour map is named."""
    axes.set(xticks=[], yticks=[], title=title)
    return axes.imshow(picture, **{"cmap": "gray", **options})


def zoom(axes: Axes, frame: tuple[float, float, float]) -> None:
    """Show the square (left, top, side) of a picture alone."""
    left, top, side = frame
    axes.set(xlim=(left, left + side), ylim=(top + side, top))
