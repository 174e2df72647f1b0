"""The figure of a comparison: methods with their intervals, learning curves, leakage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from trifuse.studies.comparison.statistics import ComparisonStatistics
from trifuse.studies.figures import COLORS, MARKERS, figure_style
from trifuse.studies.forest import (
    WIDTH,
    draw_estimate,
    draw_reference,
    forest_height,
    name_rows,
    plain_text,
)
from trifuse.studies.measured import FIGURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOREST = ("balanced_bma", "bma", "macro_auc")
LOWER = 2.8
"""The height of curves and leakage, in inches."""
APART = 0.13
"""Half the distance of the two marks of a method, in rows."""


def draw_comparison(statistics: ComparisonStatistics) -> Figure:
    """Draw methods with intervals; below them learning curves and leakage, where there are any.

    Parameters
    ----------
    statistics : ComparisonStatistics

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Matplotlib is not installed.
    """
    parts = ((_draw_curves, statistics.curves), (_draw_leakage, statistics.leakage))
    lower = [draw for draw, content in parts if content]
    forest = forest_height(list(statistics.figures))
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, forest + (LOWER if lower else 0)))
        heights = [forest, LOWER] if lower else [forest]
        halves = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        _draw_forest(halves[0].subplots(1, len(FOREST), sharey=True), statistics)
        if lower:
            panels = halves[1].subplots(1, len(lower), squeeze=False)[0]
            for draw, axes in zip(lower, panels, strict=True):
                draw(axes, statistics)
    return figure


def _draw_forest(panels: Sequence[Axes], statistics: ComparisonStatistics) -> None:
    """Draw a row a method, the first on top, and a line down from the baseline."""
    names = list(statistics.figures)
    for axes, figure in zip(panels, FOREST, strict=True):
        baseline = statistics.figures[statistics.baseline][figure].value
        draw_reference(axes, baseline, FIGURES[figure])
        for row, name in enumerate(names):
            draw_estimate(
                axes, statistics.figures[name][figure], row, hollow=name == statistics.baseline
            )
    name_rows(panels[0], names)


def _draw_leakage(axes: Axes, statistics: ComparisonStatistics) -> None:
    """Draw two estimates a method: by folds over lesions, and by folds over images."""
    for row, pair in enumerate(statistics.leakage.values()):
        by_lesion, by_image = pair.by_lesion[statistics.primary], pair.by_image[statistics.primary]
        first = draw_estimate(axes, by_lesion, row - APART, hollow=False)
        second = draw_estimate(axes, by_image, row + APART, hollow=True)
    name_rows(axes, list(statistics.leakage))
    axes.set_xlabel(FIGURES[statistics.primary])
    axes.grid(axis="x", color="0.9")
    axes.legend(
        [first, second],
        ["folds over lesions", "folds over images"],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2,
        fontsize="small",
    )


def _draw_curves(axes: Axes, statistics: ComparisonStatistics) -> None:
    looks = cycle(zip(COLORS, MARKERS, strict=True))
    for (name, curve), (color, marker) in zip(statistics.curves.items(), looks, strict=False):
        lesions = [number for number, _ in curve]
        value, low, high = zip(*(estimate for _, estimate in curve), strict=True)
        axes.fill_between(lesions, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(lesions, value, color=color, marker=marker, markersize=4, label=plain_text(name))
    axes.set_xlabel("training lesions")
    axes.set_ylabel(FIGURES[statistics.primary])
    axes.grid(color="0.9")
    axes.legend(loc="lower right", fontsize="small")
