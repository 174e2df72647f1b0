"""Hold a predictions.csv against the truth."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.metrics import Metrics
from trifuse.studies.evaluation.matched import MatchedImages, match_predictions
from trifuse.studies.measured import Evaluated

RUN_WITH_PROBABILITIES = "run predict with --probabilities for AUC, log loss and Brier score"


@dataclass(frozen=True)
class Evaluation:
    """What a predictions.csv is worth; every figure is over the scored images that have a truth.

    Attributes
    ----------
    images : MatchedImages
        These images.
    whole : Evaluated
        Of all of them.
    unknown, training : Evaluated, optional
        Of those that the model was not trained on, and of those that it was; both None where the
        file marks none.
    n_unread : int
        Rows with the status "error"; they are in no figure.
    n_without_truth : int
        Scored images that the truth does not name.
    n_without_prediction : int
        Rows of the truth that no row of the predictions names.
    n_elsewhere : int
        Scored images that were matched by their file name alone, though their folder and the
        truth's are called otherwise.
    complete : bool
        Whether the file holds the probability of every class.
    marks_training : bool
        Whether the file can mark images that the model was trained on.
    """

    images: MatchedImages
    whole: Evaluated
    unknown: Evaluated | None
    training: Evaluated | None
    n_unread: int
    n_without_truth: int
    n_without_prediction: int
    n_elsewhere: int
    complete: bool
    marks_training: bool

    @property
    def metrics(self) -> Metrics:
        """Those of all images."""
        return self.whole.metrics

    @property
    def warning(self) -> str | None:
        """What is wrong with figures over all images, if anything is."""
        if self.training is None:
            return None
        return (
            f"the model was trained on {self.training.metrics.n_images} of the "
            f"{_images(self.metrics.n_images)}, and knows them by heart: their figures tell "
            "nothing of new images"
        )

    @property
    def counted(self) -> Evaluated:
        """Of the images that the model was not trained on, or all if it was on all."""
        return self.unknown or self.whole

    @property
    def counts(self) -> list[str]:
        """What was compared, and what is in no figure: a sentence each."""
        lines = [f"{_images(self.metrics.n_images)} scored and compared with the truth."]
        if self.n_elsewhere:
            lines.append(
                f"{_images(self.n_elsewhere)} matched by file name alone: the truth has another "
                "folder."
            )
        if self.n_unread:
            lines.append(f"{_images(self.n_unread)} could not be read: in no figure below.")
        if self.n_without_truth:
            lines.append(f"{_images(self.n_without_truth)} scored without a truth: left out.")
        if self.n_without_prediction:
            lines.append(f"{_images(self.n_without_prediction)} of the truth without a prediction.")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined or not known."""
        return {
            "images": {
                "scored": self.metrics.n_images,
                "unread": self.n_unread,
                "without_truth": self.n_without_truth,
                "without_prediction": self.n_without_prediction,
                "matched_in_other_folders": self.n_elsewhere,
            },
            **self.whole.to_dict(),
            "not_trained_on": self.unknown and self.unknown.to_dict(),
            "trained_on": self.training and self.training.to_dict(),
            "warning": self.warning,
            "note": None if self.complete else RUN_WITH_PROBABILITIES,
        }

    def to_text(self) -> str:
        """Render plain aligned tables for a terminal."""
        note = f"Only the top classes are known: {RUN_WITH_PROBABILITIES}."
        tables = self.whole.tables() if self.training is None else self._parts(self.training)
        return "\n\n".join(["\n".join(self.counts), *([] if self.complete else [note]), *tables])

    def _parts(self, training: Evaluated) -> Iterator[str]:
        if self.unknown is not None:
            yield f"{_images(self.unknown.metrics.n_images)} that the model was not trained on:"
            yield from self.unknown.tables()
        yield (
            f"{_images(training.metrics.n_images)} that the model was trained on, and knows by "
            "heart: these figures tell nothing of new images."
        )
        yield from [training.figures()] if self.unknown else training.tables()


def evaluate_predictions(
    predictions: str | os.PathLike[str],
    truth: Mapping[str, str],
    groups: Mapping[str, str] | None = None,
) -> Evaluation:
    """Compare a predictions.csv with the truth.

    Images are matched by their whole name, else by the file's stem. Classes are matched whatever
    their letter case, because HAM10000 writes nv and ISIC writes NV; where two differ by nothing
    else, they have to be spelled alike.

    Parameters
    ----------
    predictions : str or path
        What ``trifuse predict`` wrote, with or without ``--probabilities``.
    truth : mapping of image to class
    groups : mapping of image to lesion, optional
        With the keys of `truth`, as `read_truth` gives them. Intervals resample lesions; an
        image without one is its own.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError
        If the file is no predictions.csv, no image has a truth, two rows are of one image, or a
        class of the truth is none of the model's, or may be one of several.
    """
    images = match_predictions(predictions, truth, groups)
    known = images.known

    def measure(rows: NDArray[np.bool_]) -> Evaluated | None:
        return images.measure(rows) if known.any() and rows.any() else None

    return Evaluation(
        images=images,
        whole=images.measure(np.ones(len(known), dtype=bool)),
        unknown=measure(~known),
        training=measure(known),
        n_unread=len(images.table.unread),
        n_without_truth=len(images.table.images) - len(images.rows),
        n_without_prediction=images.n_without_prediction,
        n_elsewhere=images.n_elsewhere,
        complete=images.table.complete,
        marks_training=images.table.reviews is not None,
    )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
