"""What a reader decided of the images of a night: corrections.csv, as the page of a night saves it.

Its columns are ``image,predicted,label,decision,by,at,remark``; the last three may be missing, and
there may be ``audit``, ``group`` and others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trifuse.datasets.csv_table import read_cells, read_column_names
from trifuse.datasets.prediction_files import restore_cell
from trifuse.datasets.table import DatasetError

ACCEPT, CHANGE, UNSURE = DECISIONS = ("accept", "change", "unsure")
COLUMNS = ("image", "predicted", "label", "decision")
"""Those that no file of corrections goes without."""


class Correction(NamedTuple):
    """What was decided of one image.

    Attributes
    ----------
    where : str
        File and line, for messages.
    image : str
        What the predictions call it.
    label : str
        The class that was decided; empty where the reader is unsure.
    decision : str
        One of `DECISIONS`.
    group : str
        The lesion; empty where the file does not tell.
    audit : (int, int), optional
        Of an image that was drawn at random: how many were, and of how many.
    """

    where: str
    image: str
    label: str
    decision: str
    group: str = ""
    audit: tuple[int, int] | None = None


@dataclass(frozen=True)
class Corrections:
    """Each decided image once, in the order of the files."""

    rows: tuple[Correction, ...]

    @property
    def decided(self) -> tuple[Correction, ...]:
        """Those that have a label."""
        return tuple(row for row in self.rows if row.label)

    @property
    def audit(self) -> tuple[int, int] | None:
        """How many images were drawn at random, and of how many.

        Raises
        ------
        DatasetError
            If rows tell of several audits.
        """
        drawn = [row for row in self.rows if row.audit]
        if others := [row for row in drawn if row.audit != drawn[0].audit]:
            raise DatasetError(
                f"{others[0].where}: its audit is another than that of {drawn[0].where}; keep "
                "the rows of one"
            )
        return drawn[0].audit if drawn else None

    def count(self) -> dict[str, int]:
        """Count the images of each decision."""
        found = Counter(row.decision for row in self.rows)
        return {decision: found[decision] for decision in DECISIONS}


def has_corrections(path: Path) -> bool:
    """Tell whether the columns of a CSV file are those of corrections.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    return {"image", "decision"} <= set(read_column_names(path))


def read_corrections(paths: Sequence[Path]) -> Corrections:
    """Read the decisions of one or several files.

    An image that is there again with the same label counts once.

    Raises
    ------
    DatasetError
        If a file cannot be read or lacks a column, a decision is none of `DECISIONS` or does not
        fit its label, or an image has two labels; with file and line.
    """
    first: dict[str, Correction] = {}
    for path in paths:
        for line, cells in read_cells(path, COLUMNS, verbatim=True):
            row = _check(f"{path}, line {line}", cells)
            known = first.setdefault(row.image, row)
            if known.label != row.label:
                raise DatasetError(
                    f"{row.where}: {row.image} is {_name(row)} here and {_name(known)} in "
                    f"{known.where}; keep one of both"
                )
            if known.group != row.group:
                raise DatasetError(
                    f"{row.where}: {row.image} is of the group {row.group or '(none)'} here and of "
                    f"{known.group or '(none)'} in {known.where}; keep one of both"
                )
            if row.audit and not known.audit:
                first[row.image] = known._replace(audit=row.audit)
    return Corrections(tuple(first.values()))


def _check(where: str, cells: dict[str, str]) -> Correction:
    cells = {name: restore_cell(cell) for name, cell in cells.items()}
    image, predicted, label, decision = (cells[name] for name in COLUMNS)
    problem = ""
    if not image:
        problem = "image is empty"
    elif decision not in DECISIONS:
        problem = f"the decision is {decision!r} instead of {', '.join(DECISIONS[:2])} or {UNSURE}"
    elif decision == UNSURE and label:
        problem = f"the decision is unsure, and yet there is the label {label!r}; keep one of both"
    elif decision != UNSURE and not label:
        problem = f"label is empty; give the class that was decided, or the decision {UNSURE}"
    elif decision == ACCEPT and label != predicted:
        problem = f"{predicted!r} is accepted, but the label is {label!r}; make it a {CHANGE}"
    drawn = cells.get("audit", "").strip()
    numbers = re.fullmatch(r"([0-9]{1,9}) of ([0-9]{1,9})", drawn, re.ASCII)
    audit = (int(numbers[1]), int(numbers[2])) if numbers else None
    if drawn and (audit is None or not 0 < audit[0] <= audit[1]):
        problem = problem or f"audit is {drawn!r} instead of, for example, '200 of 1930'"
    if problem:
        raise DatasetError(f"{where}: {problem}")
    return Correction(where, image, label, decision, cells.get("group", "").strip(), audit)


def _name(row: Correction) -> str:
    return row.label or UNSURE
