"""The tables of a comparison: for reading, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trifuse.classifiers.text_tables import csv_text, write_number
from trifuse.studies.comparison.scores import ComparisonScores
from trifuse.studies.comparison.statistics import COMPARED, ComparisonStatistics
from trifuse.studies.measured import FIGURES
from trifuse.studies.result_tables import (
    ResultCell,
    ResultTable,
    csv_columns,
    to_cell,
    write_digits,
    write_p,
)

NEVER_BOLD = ("ece",)
"""What answers with the class shares whatever it sees has an ECE of 0, and is worth nothing."""
INTERVALS = "95 % intervals by bootstrap over lesions"


def make_tables(scores: ComparisonScores, statistics: ComparisonStatistics) -> list[ResultTable]:
    """Make the tables that a comparison is read from; those that would be empty are left out.

    Parameters
    ----------
    scores : ComparisonScores
    statistics : ComparisonStatistics
        Of these scores.

    Returns
    -------
    list of ResultTable
        ``answers``, ``probabilities``, ``recall``, ``differences``, ``learning`` and ``leakage``.
    """
    tables = [
        _answers(scores, statistics),
        _probabilities(statistics),
        _recall(scores, statistics),
        _differences(statistics),
        _learning(statistics),
        _leakage(statistics),
    ]
    return [table for table in tables if table.rows]


def _answers(scores: ComparisonScores, statistics: ComparisonStatistics) -> ResultTable:
    figures = ("balanced_bma", "bma", "accuracy", "top_3_accuracy")
    rows = []
    for (name, method), cells in zip(
        scores.methods.items(), _figure_cells(statistics, figures), strict=True
    ):
        costs = [ResultCell(f"{method.dimensions:,}"), ResultCell(write_number(method.seconds))]
        rows.append((name, cells + costs))
    return ResultTable(
        "answers",
        f"The methods' answers; {INTERVALS}, the best value of each column in bold",
        ("method", *(FIGURES[name] for name in figures), "dimensions", "seconds an image"),
        rows,
    )


def _probabilities(statistics: ComparisonStatistics) -> ResultTable:
    figures = ("macro_auc", "macro_f1", "log_loss", "ece")
    cells = _figure_cells(statistics, figures)
    return ResultTable(
        "probabilities",
        f"The methods' probabilities, under the training shares; {INTERVALS}; log loss and ECE are "
        "the better, the lower; the ECE is debiased, and ranks no methods",
        ("method", *(FIGURES[name] for name in figures)),
        list(zip(statistics.figures, cells, strict=True)),
    )


def _recall(scores: ComparisonScores, statistics: ComparisonStatistics) -> ResultTable:
    prior = "balanced_" if statistics.primary == "balanced_bma" else ""
    cells = _figure_cells(statistics, [f"{prior}recall_{name}" for name in scores.classes])
    counts = [int((scores.labels == c).sum()) for c in range(len(scores.classes))]
    return ResultTable(
        "recall",
        f"Recall of each class {'under a balanced prior' if prior else 'under the training shares'}"
        f", with its number of images; {INTERVALS}",
        ("method", *(f"{name} ({n:,})" for name, n in zip(scores.classes, counts, strict=True))),
        list(zip(statistics.figures, cells, strict=True)),
    )


def _differences(statistics: ComparisonStatistics) -> ResultTable:
    return ResultTable(
        "differences",
        f"Differences from {statistics.baseline}, paired; {INTERVALS}; p of the swap test on "
        f"{FIGURES[statistics.primary]}, alone and corrected for all methods by Holm",
        ("method", *(FIGURES[name] for name in COMPARED), "p", "corrected p"),
        [
            (
                name,
                [
                    *(to_cell(difference.figures[figure], sign="+") for figure in COMPARED),
                    *(ResultCell(write_p(p)) for p in (difference.p, difference.corrected_p)),
                ],
            )
            for name, difference in statistics.differences.items()
        ],
    )


def _learning(statistics: ComparisonStatistics) -> ResultTable:
    return ResultTable(
        "learning",
        f"Learning curves: {FIGURES[statistics.primary]} by the number of training lesions; "
        f"{INTERVALS}",
        ("method", "lesions", FIGURES[statistics.primary]),
        [
            (name, [ResultCell(f"{lesions:,}"), to_cell(estimate)])
            for name, curve in statistics.curves.items()
            for lesions, estimate in curve
        ],
    )


def _leakage(statistics: ComparisonStatistics) -> ResultTable:
    return ResultTable(
        "leakage",
        f"Leakage: the same method with folds over lesions and with folds over images; {INTERVALS}",
        ("method", "figure", "folds over lesions", "folds over images", "seems better by"),
        [
            (
                name,
                [
                    ResultCell(FIGURES[figure]),
                    to_cell(pair.by_lesion[figure]),
                    to_cell(pair.by_image[figure]),
                    to_cell(pair.difference[figure], sign="+"),
                ],
            )
            for name, pair in statistics.leakage.items()
            for figure in COMPARED
        ],
    )


def csv_files(scores: ComparisonScores, statistics: ComparisonStatistics) -> dict[str, bytes]:
    """Write everything as CSV files, by name: figures to 6 digits, nothing where one is undefined.

    Returns
    -------
    dict of str to bytes
        ``comparison.csv``, a row a method; where there is something to hold ``differences.csv``,
        ``learning.csv``, a row a method and number of lesions, and ``leakage.csv``, a row a
        method. Each figure has three columns, as ``bma``, ``bma_low`` and ``bma_high``.
    """
    rows: dict[str, Sequence[Mapping[str, str | int]]] = {
        "comparison.csv": [
            {
                "method": name,
                "dimensions": method.dimensions,
                "seconds": write_digits(method.seconds),
                **csv_columns(statistics.figures[name]),
            }
            for name, method in scores.methods.items()
        ],
        "differences.csv": [
            {"method": name, "baseline": statistics.baseline}
            | csv_columns(difference.figures)
            | {
                "tested": statistics.primary,
                "p": f"{difference.p:.6f}",
                "corrected_p": f"{difference.corrected_p:.6f}",
            }
            for name, difference in statistics.differences.items()
        ],
        "learning.csv": [
            {"method": name, "lesions": lesions, **csv_columns({statistics.primary: estimate})}
            for name, curve in statistics.curves.items()
            for lesions, estimate in curve
        ],
        "leakage.csv": [
            {"method": name}
            | csv_columns(pair.by_lesion, "by_lesion_")
            | csv_columns(pair.by_image, "by_image_")
            | csv_columns(pair.difference, "difference_")
            for name, pair in statistics.leakage.items()
        ],
    }
    return {
        name: csv_text(part[0], (row.values() for row in part)).encode()
        for name, part in rows.items()
        if part
    }


def _figure_cells(
    statistics: ComparisonStatistics, figures: Sequence[str]
) -> list[list[ResultCell]]:
    """Make a row of cells a method; values that print as the best one are all the best."""
    columns = []
    for figure in figures:
        estimates = [method[figure] for method in statistics.figures.values()]
        best = min if figure == "log_loss" else max
        known = [round(e.value, 3) for e in estimates if not math.isnan(e.value)]
        judged = len(estimates) > 1 and known and figure not in NEVER_BOLD
        top = best(known) if judged else math.nan
        columns.append([to_cell(e, best=round(e.value, 3) == top) for e in estimates])
    return [list(row) for row in zip(*columns, strict=True)]
