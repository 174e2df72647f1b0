"""Hold a predictions.csv against what a reader decided of its images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.datasets.corrections import Corrections
from trifuse.datasets.predictions import find_classes
from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.audit_estimate import UNDECIDED, AuditedNight, audit_night
from trifuse.studies.evaluation.evaluate import Evaluation, evaluate_predictions
from trifuse.studies.evaluation.matched import MatchedImages
from trifuse.studies.measured import Evaluated
from trifuse.studies.night import Night, read_night

BY_DOUBT = (
    "these images were chosen by doubt: their figures tell how the decided images went, and "
    "estimate nothing of the whole"
)
MIXED = (
    "some decided images were chosen by doubt: of the whole the figures of the audit alone tell, "
    "not the tables of the decided images"
)


@dataclass(frozen=True)
class DecidedEvaluation:
    """What predictions are worth on the images that a reader decided.

    Attributes
    ----------
    evaluation : Evaluation
        Of the decided images.
    decisions : dict of str to int
        Images by decision; those that are unsure are in no figure.
    by_doubt : bool
        Whether some were not drawn at random.
    night : AuditedNight, optional
        What they say of the whole, where some were drawn at random.
    """

    evaluation: Evaluation
    decisions: dict[str, int]
    by_doubt: bool
    night: AuditedNight | None = None

    @property
    def images(self) -> MatchedImages:
        """The decided images."""
        return self.evaluation.images

    @property
    def counted(self) -> Evaluated:
        """Of the decided images, without those that the model was trained on."""
        return self.evaluation.counted

    @property
    def counts(self) -> list[str]:
        """What was decided and compared, and what is in no figure: a sentence each."""
        return [self._told, *self.evaluation.counts]

    @property
    def marks_training(self) -> bool:
        """Whether the file can mark images that the model was trained on."""
        return self.evaluation.marks_training

    @property
    def warning(self) -> str:
        """What the figures are not."""
        told = [BY_DOUBT if self.night is None else MIXED] if self.by_doubt else []
        told += [self.night.warning] if self.night and self.night.warning else []
        return "; ".join(filter(None, [*told, self.evaluation.warning]))

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined or not known."""
        return {
            **self.evaluation.to_dict(),
            "decisions": self.decisions,
            "night": self.night and self.night.to_dict(),
            "warning": self.warning,
        }

    def to_text(self) -> str:
        """Render plain aligned tables for a terminal."""
        night = [] if self.night is None else [self.night.to_text()]
        return "\n\n".join([*night, f"{self._told}\n{self.evaluation.to_text()}"])

    @property
    def _told(self) -> str:
        return (
            "Decisions: {accept:,} accepted, {change:,} changed; {unsure:,} unsure: in no figure."
        ).format(**self.decisions)


def evaluate_decided(
    predictions: str | os.PathLike[str], corrections: Corrections
) -> DecidedEvaluation:
    """Compare a predictions.csv with decisions, which are taken as the truth.

    Raises
    ------
    DatasetError
        As `trifuse.studies.evaluation.evaluate.evaluate_predictions` does; or if the audit is
        another's.
    """
    decided = corrections.decided
    if not decided:
        raise DatasetError("the reader is unsure of every image: there is no label to measure by")
    labels = {row.image: row.label for row in decided}
    groups = {row.image: row.group or row.image for row in decided}
    evaluation = evaluate_predictions(predictions, labels, groups)
    night = None
    if corrections.audit is not None:
        night = _audit(Path(predictions), read_night(predictions), corrections)
    by_doubt = any(row.audit is None for row in decided)
    return DecidedEvaluation(evaluation, corrections.count(), by_doubt, night)


def _audit(path: Path, night: Night, corrections: Corrections) -> AuditedNight:
    """Lay the decisions out in the order of doubts."""
    n_drawn, n_read = corrections.audit or (0, 0)
    order = night.rank_doubts()
    order = order[night.is_read[order]]
    rows = {row.image: row for row in corrections.rows}
    found = [rows.get(night.images[row]) for row in order]
    is_drawn = np.array([row is not None and row.audit is not None for row in found])
    n_marked = sum(row.audit is not None for row in corrections.rows)
    if n_read != len(order) or is_drawn.sum() != n_marked or n_marked > n_drawn:
        raise DatasetError(
            f"the audit is not of {path}: it tells of {n_drawn:,} images drawn of {n_read:,}, and "
            f"{is_drawn.sum():,} of its {n_marked:,} are among the {len(order):,} there; give the "
            "predictions that the page was made of"
        )
    # A class may have been typed in; evaluate_predictions has let pass no other, and no label is
    # UNSURE, which is what is found for none.
    decided = find_classes(night.classes, ["" if row is None else row.label for row in found])
    labels = np.where([row is None for row in found], UNDECIDED, decided)
    first = night.labels[order, 0]
    return audit_night(first, labels, is_drawn, night.classes, n_drawn)
