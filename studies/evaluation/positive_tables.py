"""The tables of the price of finding some classes: for reading, as CSV, and as JSON."""

from __future__ import annotations

from typing import Any

from trifuse.classifiers.ranked_images import SENSITIVITIES, SPECIFICITIES
from trifuse.classifiers.text_tables import csv_text, json_safe
from trifuse.studies.evaluation.positives import FOUND, PositiveFigures
from trifuse.studies.result_files import Result
from trifuse.studies.result_tables import ResultCell, ResultTable, csv_columns, to_cell

INTERVALS = "95 % intervals by bootstrap over lesions"


def make_positive_tables(measured: PositiveFigures) -> list[ResultTable]:
    """Make the tables of the figures, and of the work."""
    told = (
        f"{' + '.join(measured.classes)} ({measured.n_positive:,} of {measured.n_images:,} images, "
        f"{measured.n_positive_lesions:,} of {measured.n_lesions:,} lesions)"
    )
    titles = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC (average precision)"}
    for name, other, shares in (
        ("sensitivity", "specificity", SPECIFICITIES),
        ("specificity", "sensitivity", SENSITIVITIES),
    ):
        titles |= {f"{name}_at_{other}_{share}": f"{name} at {other} {share} %" for share in shares}
    orders = {
        name: title
        for name, title in (("work", "by probability"), ("review_first", "review first"))
        if f"{name}_{FOUND[0]}" in measured.figures
    }
    return [
        ResultTable(
            "positives",
            f"{told} against all others, by summed probability; {INTERVALS}",
            ("figure", "value"),
            [(title, [to_cell(measured.figures[name])]) for name, title in titles.items()],
        ),
        ResultTable(
            "work",
            f"The work: images to look at until so many lesions of {told} are found, and "
            f"their share of all images; {INTERVALS}",
            ("lesions found", *(cell for title in orders.values() for cell in (title, "share"))),
            [
                (
                    f"{share} %",
                    [cell for name in orders for cell in _work(measured, f"{name}_{share}")],
                )
                for share in FOUND
            ],
        ),
    ]


def _work(measured: PositiveFigures, name: str) -> list[ResultCell]:
    estimate = measured.figures[name]
    return [ResultCell(f"{round(estimate.value * measured.n_images):,}"), to_cell(estimate)]


def positives_csv(measured: PositiveFigures) -> str:
    """Write a row a figure, with its interval."""
    rows = [
        [name, *csv_columns({"value": each}).values()] for name, each in measured.figures.items()
    ]
    return csv_text(("figure", "value", "value_low", "value_high"), rows)


def positives_json(measured: PositiveFigures) -> dict[str, Any]:
    """Give plain JSON values, with None for what is undefined."""
    plain: dict[str, Any] = json_safe(
        {
            "classes": measured.classes,
            "images": measured.n_images,
            "positive_images": measured.n_positive,
            "lesions": measured.n_lesions,
            "positive_lesions": measured.n_positive_lesions,
            "figures": {name: tuple(each) for name, each in measured.figures.items()},
        }
    )
    return plain


def positives_result(measured: PositiveFigures) -> Result:
    """Give the figures in every form that they are written in."""
    return Result(
        "positives",
        positives_csv(measured),
        make_positive_tables(measured),
        positives_json(measured),
    )
