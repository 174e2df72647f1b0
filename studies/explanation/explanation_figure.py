"""The figure of an explanation: maps over the image, in one scale, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble import NETWORK
from trifuse.features.resize import resize
from trifuse.recipes.registry import blocks
from trifuse.studies.explanation.curves import ORDERS, STEPS, Curves
from trifuse.studies.explanation.evidence import Explanation
from trifuse.studies.figures import COLORS, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AGAINST, FOR = COLORS[0], COLORS[1]
"""Blue and vermilion, which the colour-blind tell apart."""
PANEL_COLUMNS = 4
LIMIT = 99.5
"""Percentile of the fused map's magnitudes where the colours end."""
_LINES = {"deletion": (COLORS[3], "-"), "insertion": (COLORS[2], "--"), "random": ("black", ":")}


def draw_explanation(
    image: NDArray[np.uint8],
    explanation: Explanation,
    curves: Curves,
    title: str,
    verdict: str,
    note: str,
) -> Figure:
    """Draw the image, the fused map and the curves in the first row, a map a block below.

    Maps are shown over the image in grey, all in one scale: the evidence from a hundredth of
    the image's area. Where a map is near zero it is transparent, and the scale of colours lies
    on the image's mean grey, so that nothing looks alike in both.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    explanation : Explanation
    curves : Curves
    title, verdict, note : str
        Above all, above the curves, and below all.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Matplotlib is not installed.
    """
    with figure_style():
        from matplotlib.figure import Figure

        n_rows = ceil(len(explanation.maps) / PANEL_COLUMNS)
        figure = Figure(figsize=(10, 2.2 * n_rows + 4.2))
        figure.suptitle(title, parse_math=False)
        figure.supxlabel(note, parse_math=False, fontsize=8)
        (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, n_rows))
        pictured, fused, curved = above.subplots(1, 3, width_ratios=(1, 1, 1.6))
        panels = below.subplots(n_rows, PANEL_COLUMNS, squeeze=False).ravel()
        for axes in (pictured, fused, *panels):
            axes.set_axis_off()
        small = resize(image, explanation.fused.shape)
        pictured.imshow(small)
        pictured.set_title("image")
        _draw_maps([fused, *panels], small, explanation)
        _draw_curves(curved, curves)
        curved.set_title(verdict, parse_math=False)
    return figure


def _draw_maps(panels: Sequence[Axes], image: NDArray[np.uint8], explanation: Explanation) -> None:
    """Draw the fused map, and that of each block, and their one scale below."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    hundredth = explanation.fused.size / 100
    limit = float(np.percentile(np.abs(explanation.fused), LIMIT)) * hundredth or 1.0
    titled = {"all blocks": explanation.fused}
    for name, values in explanation.maps.items():
        titled["fine-tuned networks" if name == NETWORK else blocks()[name].title] = values
    # Blue to vermilion, and nothing between.
    ends = [to_rgba(AGAINST, 0.9), to_rgba(AGAINST, 0.0), to_rgba(FOR, 0.0), to_rgba(FOR, 0.9)]
    colors = LinearSegmentedColormap.from_list(
        "evidence", list(zip((0, 0.5, 0.5, 1), ends, strict=True))
    )
    for axes, (title, values) in zip(panels, titled.items(), strict=False):
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
        shown = axes.imshow(values * hundredth, cmap=colors, vmin=-limit, vmax=limit)
        axes.set_title(f"{title}: {values.sum():+.2f}")
    bar = panels[-1].figure.colorbar(
        shown, ax=panels[1:], location="bottom", aspect=60, shrink=0.9, pad=0.03
    )
    bar.ax.set_facecolor(str(grey.mean() / 255))
    bar.set_label("against ←   evidence from a hundredth of the image's area   → for")


def _draw_curves(axes: Axes, curves: Curves) -> None:
    shares = np.arange(STEPS + 1) / STEPS
    for name, area in curves.areas().items():
        color, line = _LINES[name]
        labels = [f"{name}: area {area:.2f}", *[""] * ORDERS]  # of several curves the first
        for curve, label in zip(np.atleast_2d(getattr(curves, name)), labels, strict=False):
            axes.plot(shares, curve, label=label, color=color, linestyle=line, clip_on=False)
    axes.set(xlabel="share of the pixels", ylabel="probability", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=8)
