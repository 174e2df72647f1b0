"""Hold a predictions.csv against what a reader decided of its images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from trifuse.datasets.corrections import Corrections
from trifuse.studies.evaluation import Evaluation, evaluate_predictions
from trifuse.studies.matched import MatchedImages

BY_DOUBT = (
    "these images were chosen by doubt: their figures tell how the decided images went, and "
    "estimate nothing of the whole"
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
    """

    evaluation: Evaluation
    decisions: dict[str, int]

    @property
    def images(self) -> MatchedImages:
        """The decided images."""
        return self.evaluation.images

    @property
    def marks_training(self) -> bool:
        """Whether the file can mark images that the model was trained on."""
        return self.evaluation.marks_training

    @property
    def warning(self) -> str:
        """What the figures are not."""
        return "; ".join(filter(None, (BY_DOUBT, self.evaluation.warning)))

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined or not known."""
        return {**self.evaluation.to_dict(), "decisions": self.decisions, "warning": self.warning}

    def to_text(self) -> str:
        """Render plain aligned tables for a terminal."""
        told = (
            "Decisions: {accept:,} accepted, {change:,} changed; {unsure:,} unsure: in no figure."
        ).format(**self.decisions)
        return f"{told}\n{self.evaluation.to_text()}"


def evaluate_decided(
    predictions: str | os.PathLike[str], corrections: Corrections
) -> DecidedEvaluation:
    """Compare a predictions.csv with decisions, which are taken as the truth.

    Raises
    ------
    DatasetError
        As `trifuse.studies.evaluation.evaluate_predictions` does.
    """
    decided = corrections.decided
    labels = {row.image: row.label for row in decided}
    groups = {row.image: row.group or row.image for row in decided}
    return DecidedEvaluation(evaluate_predictions(predictions, labels, groups), corrections.count())
