"""The tables of figures by group: for reading, as CSV, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from trifuse.classifiers.text_tables import TITLES, csv_text, json_safe
from trifuse.studies.evaluation.group_figures import DIFFERENCES, ENOUGH_LESIONS, GroupFigures
from trifuse.studies.result_files import Result
from trifuse.studies.result_tables import (
    ResultCell,
    ResultTable,
    csv_columns,
    to_cell,
    write_digits,
    write_p,
)

SHOWN = ("bma", "accuracy", "macro_auc", "log_loss", "ece", "coverage", "set_size")
"""Figures of the tables for reading; the CSV file and JSON have all of them."""
GROUP_TITLES = TITLES | {"coverage": "coverage", "set_size": "set size"}
INTERVALS = "95 % intervals by bootstrap over lesions"


def make_group_tables(measured: Sequence[GroupFigures]) -> list[ResultTable]:
    """Make the tables that groups are read from: their figures, and differences from the rest.

    The differences stand figure by figure, the largest first; groups of too few lesions last.
    """
    differences = [
        (key, found)
        for key in DIFFERENCES
        for found in sorted(
            (one for one in measured if not math.isnan(one.differences[key].value)),
            key=lambda one: _rank(one, key),
        )
    ]
    few = f"groups of fewer than {ENOUGH_LESIONS} lesions are marked (too few)"
    tables = [
        ResultTable(
            "groups",
            f"Figures by group; {INTERVALS}; {few}",
            ("group", "lesions", "images", *(GROUP_TITLES[name] for name in SHOWN)),
            [
                (
                    found.marked_name,
                    [
                        ResultCell(f"{found.n_lesions:,}"),
                        ResultCell(f"{found.n_images:,}"),
                        *(to_cell(found.figures[name]) for name in SHOWN),
                    ],
                )
                for found in measured
            ],
        ),
        ResultTable(
            "group_differences",
            "Differences from what the group would have if each class did as it does in the rest; "
            f"the largest first; {INTERVALS}; p of exchanged lesions, alone and corrected for all "
            f"tests by Holm; those of fewer than {ENOUGH_LESIONS} lesions on a side are not tested",
            ("group", "figure", "lesions", "the rest's", "difference", "p", "corrected p"),
            [
                (
                    found.marked_name,
                    [
                        ResultCell(GROUP_TITLES[key]),
                        ResultCell(f"{found.n_compared:,}"),
                        ResultCell(f"{found.n_rest:,}"),
                        to_cell(found.differences[key], sign="+"),
                        ResultCell(write_p(found.p[key])),
                        ResultCell(write_p(found.corrected_p[key])),
                    ],
                )
                for key, found in differences
            ],
        ),
    ]
    return [table for table in tables if table.rows]


def group_rows(measured: Iterable[GroupFigures]) -> list[dict[str, Any]]:
    """Give plain JSON values, a dict a group, with None for what is undefined or not known."""
    return [
        json_safe(
            {
                "column": found.column,
                "group": found.value,
                "lesions": found.n_lesions,
                "images": found.n_images,
                "compared_lesions": found.n_compared,
                "rest_lesions": found.n_rest,
                "too_few": found.too_few,
                "figures": {name: tuple(each) for name, each in found.figures.items()},
                "differences": {name: tuple(each) for name, each in found.differences.items()},
                "p": found.p,
                "corrected_p": found.corrected_p,
            }
        )
        for found in measured
    ]


def groups_csv(measured: Iterable[GroupFigures]) -> str:
    """Write a row a group; each figure has three columns, as ``bma``, ``bma_low``, ``bma_high``."""
    rows = [
        {
            "column": found.column,
            "group": found.value,
            "lesions": found.n_lesions,
            "images": found.n_images,
            "compared_lesions": found.n_compared,
            "rest_lesions": found.n_rest,
            "too_few": "yes" if found.too_few else "no",
            **csv_columns(found.figures),
            **csv_columns(found.differences, "difference_"),
            **{f"p_{name}": write_digits(p) for name, p in found.p.items()},
            **{f"corrected_p_{name}": write_digits(p) for name, p in found.corrected_p.items()},
        }
        for found in measured
    ]
    return csv_text(rows[0], (row.values() for row in rows))


def groups_result(measured: Sequence[GroupFigures]) -> Result:
    """Give the groups in every form that they are written in."""
    return Result("groups", groups_csv(measured), make_group_tables(measured), group_rows(measured))


def _rank(found: GroupFigures, key: str) -> tuple[bool, float]:
    return not found.tested, -abs(found.differences[key].value)
