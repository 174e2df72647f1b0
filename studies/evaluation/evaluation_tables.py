"""The tables of an evaluation's page: figures, classes, the confusion, bins, and areas."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.metrics import BY_CLASS, Metrics
from trifuse.classifiers.text_tables import write_number
from trifuse.studies.evaluation.detection_curves import DetectionCurves
from trifuse.studies.evaluation.reliability_bins import ReliabilityBin
from trifuse.studies.measured import EVALUATED, Evaluated, confusion_rows
from trifuse.studies.result_tables import ResultCell, ResultTable, to_cell


def figures_table(measured: Evaluated) -> ResultTable:
    """Make the table of the figures of all classes together, those that are known."""
    figures = {name: getattr(measured.metrics, name) for name in EVALUATED}
    return ResultTable(
        "figures",
        f"Figures of {measured.metrics.n_images:,} images; 95 % intervals by bootstrap over "
        f"{measured.resampled}",
        ("figure", "value", f"always {measured.largest_class}"),
        [
            (
                title,
                [
                    to_cell(Estimate(figures[name], *measured.intervals[name])),
                    ResultCell(write_number(getattr(measured.baseline, name))),
                ],
            )
            for name, title in EVALUATED.items()
            if not math.isnan(figures[name])
        ],
    )


def classes_table(measured: Evaluated) -> ResultTable:
    """Make the table of the figures of each class."""
    metrics = measured.metrics
    rows = []
    for name in metrics.classes:
        each = [
            Estimate(getattr(metrics, key)[name], *measured.intervals[key][name])
            for key in BY_CLASS
        ]
        rows.append((name, [ResultCell(f"{metrics.support[name]:,}"), *map(to_cell, each)]))
    titles = ["AUC" if key == "auc" else key for key in BY_CLASS]
    caption = f"Figures of each class; 95 % intervals by bootstrap over {measured.resampled}"
    return ResultTable("classes", caption, ("class", "images", *titles), rows)


def confusion_table(metrics: Metrics) -> ResultTable:
    """Make the table of images by class and first answer."""
    return ResultTable(
        "confusion",
        "Images: a row a class, a column a first answer",
        ("truth", *metrics.classes),
        [(name, list(map(ResultCell, counts))) for name, *counts in confusion_rows(metrics)],
    )


def reliability_table(bins: Sequence[ReliabilityBin]) -> ResultTable:
    """Make the table of the bins of probabilities."""
    return ResultTable(
        "reliability",
        "Images by the probability of their first class; 95 % intervals of Jeffreys, with as many "
        "trials as lesions",
        ("probability", "images", "lesions", "mean probability", "share that is right"),
        [
            (
                f"{one.low:.3f} to {one.high:.3f}",
                [
                    ResultCell(f"{one.n_images:,}"),
                    ResultCell(f"{one.n_lesions:,}"),
                    ResultCell(write_number(one.confidence)),
                    to_cell(one.accuracy),
                ],
            )
            for one in bins
        ],
    )


def areas_table(curves: Sequence[DetectionCurves]) -> ResultTable:
    """Make the table of the areas under the curves."""
    return ResultTable(
        "areas",
        "Areas under the curves; 95 % intervals by bootstrap over lesions",
        ("class", "images", "ROC AUC", "PR AUC (average precision)"),
        [
            (
                one.name,
                [ResultCell(f"{one.n_positive:,}"), to_cell(one.roc_auc), to_cell(one.pr_auc)],
            )
            for one in curves
        ],
    )
