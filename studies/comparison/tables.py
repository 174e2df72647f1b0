"""The tables of a comparison: for reading, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from trifuse.classifiers.tables import make_safe
from trifuse.studies.comparison.markup import Cell, Table
from trifuse.studies.comparison.measured import FIGURES, Estimate
from trifuse.studies.comparison.scores import ComparisonScores
from trifuse.studies.comparison.statistics import COMPARED, Statistics

LOWER_IS_BETTER = ("log_loss", "ece")
INTERVALS = "95 % intervals by bootstrap over lesions"


def make_tables(scores: ComparisonScores, statistics: Statistics) -> list[Table]:
    """Make the tables that a comparison is read from; those that would be empty are left out.

    Parameters
    ----------
    scores : ComparisonScores
    statistics : Statistics
        Of these scores.

    Returns
    -------
    list of Table
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


def _answers(scores: ComparisonScores, statistics: Statistics) -> Table:
    figures = ("balanced_bma", "bma", "accuracy", "top_3_accuracy")
    costs = [
        [Cell(f"{method.dimensions:,}"), Cell(_number(method.seconds))]
        for method in scores.methods.values()
    ]
    cells = _figure_cells(statistics, figures)
    return Table(
        "answers",
        f"The methods' answers; {INTERVALS}, the best value of each column in bold",
        ("method", *_titles(figures), "dimensions", "seconds an image"),
        [
            (name, [*row, *cost])
            for name, row, cost in zip(scores.methods, cells, costs, strict=True)
        ],
    )


def _probabilities(statistics: Statistics) -> Table:
    figures = ("macro_auc", "macro_f1", "log_loss", "ece")
    cells = _figure_cells(statistics, figures)
    return Table(
        "probabilities",
        f"The methods' probabilities, under the training shares; {INTERVALS}; log loss and ECE are "
        "the better, the lower",
        ("method", *_titles(figures)),
        list(zip(statistics.figures, cells, strict=True)),
    )


def _recall(scores: ComparisonScores, statistics: Statistics) -> Table:
    prior = "balanced_" if statistics.primary == "balanced_bma" else ""
    cells = _figure_cells(statistics, [f"{prior}recall_{name}" for name in scores.classes])
    counts = [int((scores.labels == c).sum()) for c in range(len(scores.classes))]
    return Table(
        "recall",
        f"Recall of each class {'under a balanced prior' if prior else 'under the training shares'}"
        f", with its number of images; {INTERVALS}",
        (
            "method",
            *(f"{name} ({n:,})" for name, n in zip(scores.classes, counts, strict=True)),
        ),
        list(zip(statistics.figures, cells, strict=True)),
    )


def _differences(statistics: Statistics) -> Table:
    return Table(
        "differences",
        f"Differences from {statistics.baseline}, paired; {INTERVALS}; p of the swap test on "
        f"{FIGURES[statistics.primary]}, alone and corrected for all methods by Holm",
        ("method", *_titles(COMPARED), "p", "corrected p"),
        [
            (
                name,
                [
                    *(_cell(difference.figures[figure], sign="+") for figure in COMPARED),
                    Cell(_p_value(difference.p)),
                    Cell(_p_value(difference.corrected_p)),
                ],
            )
            for name, difference in statistics.differences.items()
        ],
    )


def _learning(statistics: Statistics) -> Table:
    return Table(
        "learning",
        f"Learning curves: {FIGURES[statistics.primary]} by the number of training lesions; "
        f"{INTERVALS}",
        ("method", "lesions", FIGURES[statistics.primary]),
        [
            (name, [Cell(f"{lesions:,}"), _cell(estimate)])
            for name, curve in statistics.curves.items()
            for lesions, estimate in curve
        ],
    )


def _leakage(statistics: Statistics) -> Table:
    return Table(
        "leakage",
        f"Leakage: the same method with folds over lesions and with folds over images; {INTERVALS}",
        ("method", "figure", "folds over lesions", "folds over images", "seems better by"),
        [
            (
                name,
                [
                    Cell(FIGURES[figure]),
                    _cell(pair.by_lesion[figure]),
                    _cell(pair.by_image[figure]),
                    _cell(pair.difference[figure], sign="+"),
                ],
            )
            for name, pair in statistics.leakage.items()
            for figure in COMPARED
        ],
    )


def csv_files(scores: ComparisonScores, statistics: Statistics) -> dict[str, bytes]:
    """Write everything as CSV files, by name: figures to 6 digits, nothing where one is undefined.

    Returns
    -------
    dict of str to bytes
        ``comparison.csv``, a row a method; where there is something to hold ``differences.csv``,
        ``learning.csv``, a row a method and number of lesions, and ``leakage.csv``, a row a
        method. Each figure has three columns, as ``bma``, ``bma_low`` and ``bma_high``.
    """
    rows = {
        "comparison.csv": [
            {
                "method": make_safe(name),
                "dimensions": method.dimensions,
                "seconds": _digits(method.seconds),
            }
            | _columns(statistics.figures[name])
            for name, method in scores.methods.items()
        ],
        "differences.csv": [
            {"method": make_safe(name), "baseline": make_safe(statistics.baseline)}
            | _columns(difference.figures)
            | {
                "tested": statistics.primary,
                "p": f"{difference.p:.6f}",
                "corrected_p": f"{difference.corrected_p:.6f}",
            }
            for name, difference in statistics.differences.items()
        ],
        "learning.csv": [
            {"method": make_safe(name), "lesions": lesions}
            | _columns({statistics.primary: estimate})
            for name, curve in statistics.curves.items()
            for lesions, estimate in curve
        ],
        "leakage.csv": [
            {"method": make_safe(name)}
            | _columns(pair.by_lesion, "by_lesion_")
            | _columns(pair.by_image, "by_image_")
            | _columns(pair.difference, "difference_")
            for name, pair in statistics.leakage.items()
        ],
    }
    return {name: _csv(part) for name, part in rows.items() if part}


def _csv(rows: Sequence[dict[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _columns(figures: dict[str, Estimate], prefix: str = "") -> dict[str, object]:
    return {
        f"{prefix}{name}{end}": _digits(number)
        for name, estimate in figures.items()
        for end, number in zip(("", "_low", "_high"), estimate, strict=True)
    }


def _titles(figures: Iterable[str]) -> tuple[str, ...]:
    return tuple(FIGURES[figure] for figure in figures)


def _figure_cells(statistics: Statistics, figures: Sequence[str]) -> list[list[Cell]]:
    """Make a row of cells a method; values that print as the best one are all the best."""
    columns = []
    for figure in figures:
        estimates = [method[figure] for method in statistics.figures.values()]
        best = min if figure in LOWER_IS_BETTER else max
        known = [round(e.value, 3) for e in estimates if not math.isnan(e.value)]
        top = best(known) if len(estimates) > 1 and known else math.nan
        columns.append([_cell(e, best=round(e.value, 3) == top) for e in estimates])
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(estimate: Estimate, sign: str = "", best: bool = False) -> Cell:
    value, low, high = (_number(number, sign) for number in estimate)
    return Cell(value, "" if math.isnan(estimate.low) else f"[{low}, {high}]", best)


def _number(number: float, sign: str = "") -> str:
    return "-" if math.isnan(number) else f"{number:{sign}.3f}"


def _digits(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.6f}"


def _p_value(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
