"""The figures of an evaluation: reliability, ROC, precision and recall, groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.evaluation.detection_curves import GRID, DetectionCurves
from trifuse.studies.evaluation.group_figures import GroupFigures
from trifuse.studies.evaluation.group_tables import GROUP_TITLES
from trifuse.studies.evaluation.reliability_bins import ReliabilityBin
from trifuse.studies.figures import COLORS, figure_style
from trifuse.studies.forest import (
    WIDTH,
    draw_estimate,
    draw_reference,
    forest_height,
    name_rows,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOREST = ("bma", "accuracy", "coverage", "set_size")
COLUMNS = 4
"""Panels side by side."""
ALONE, TITLE = 3.4, 0.2
"""The side of a panel of curves that is alone, and the height of a line of titles, in inches."""


def draw_reliability(bins: Sequence[ReliabilityBin]) -> Figure:
    """Draw how often answers are right beside their probability; below, how many images each is."""
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4, 4.6))
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--")
        for one in bins:
            ends = [one.accuracy.low, one.accuracy.high]
            upper.plot([one.confidence] * 2, ends, color="black", linewidth=1.2)
        upper.plot(
            [one.confidence for one in bins],
            [one.accuracy.value for one in bins],
            "o",
            color=COLORS[0],
            markersize=5,
        )
        lower.bar(
            [one.low for one in bins],
            [one.n_images for one in bins],
            [one.high - one.low for one in bins],
            align="edge",
            color=COLORS[0],
            edgecolor="white",
            linewidth=0.5,
        )
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
        lower.set(xlabel="probability of the first class", ylabel="images")
        for axes in (upper, lower):
            axes.grid(color="0.9")
    return figure


def draw_roc(curves: Sequence[DetectionCurves]) -> Figure:
    """Draw a panel for each: the sensitivity at each share of the others that is taken for it."""

    def draw(axes: Axes, one: DetectionCurves) -> None:
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--")
        _draw_band(axes, one.sensitivity)
        _entitle(axes, one.name, one.roc_auc)

    return _draw_panels(curves, draw, "1 - specificity", "sensitivity")


def draw_precision_recall(curves: Sequence[DetectionCurves]) -> Figure:
    """Draw a panel for each: the precision at each sensitivity; dashed that of guessing."""

    def draw(axes: Axes, one: DetectionCurves) -> None:
        share = one.n_positive / one.n_images
        axes.axhline(share, color="0.6", linewidth=0.8, linestyle="--")
        _draw_band(axes, one.precision)
        _entitle(axes, one.name, one.pr_auc)

    return _draw_panels(curves, draw, "recall (sensitivity)", "precision")


def draw_groups(measured: Sequence[GroupFigures]) -> Figure:
    """Draw a row a group, all images first; those of too few lesions are hollow."""
    names = [f"{one.marked_name} ({one.n_lesions:,})" for one in measured]
    shown = [
        key for key in FOREST if any(not math.isnan(one.figures[key].value) for one in measured)
    ]
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, forest_height(names)))
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, key in zip(panels, shown, strict=True):
            draw_reference(axes, measured[0].figures[key].value, GROUP_TITLES[key])
            for row, one in enumerate(measured):
                draw_estimate(axes, one.figures[key], row, hollow=one.too_few)
        name_rows(panels[0], names)
    return figure


def _draw_panels(
    curves: Sequence[DetectionCurves],
    draw: Callable[[Axes, DetectionCurves], None],
    x_title: str,
    y_title: str,
) -> Figure:
    n_columns = min(COLUMNS, len(curves))
    n_rows = math.ceil(len(curves) / n_columns)
    side = ALONE if len(curves) == 1 else WIDTH / COLUMNS
    title = TITLE * (1 + max(plain_text(one.name).count("\n") for one in curves))
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(side * n_columns, (side + title) * n_rows))
        panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(curves) :]:
            axes.remove()
        for axes, one in zip(panels.flat, curves, strict=False):
            axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
            axes.grid(color="0.9")
            draw(axes, one)
        figure.supxlabel(x_title, fontsize=9)
        figure.supylabel(y_title, fontsize=9)
    return figure


def _draw_band(axes: Axes, curve: NDArray[np.float64]) -> None:
    value, low, high = curve
    axes.fill_between(GRID, low, high, color=COLORS[0], alpha=0.25, linewidth=0)
    axes.plot(GRID, value, color=COLORS[0], linewidth=1.2)


def _entitle(axes: Axes, name: str, area: Estimate) -> None:
    axes.set_title(f"{plain_text(name)}\nAUC {area.to_text()}", fontsize=7)
