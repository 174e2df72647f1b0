"""Hold a predictions.csv against the truth."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.metrics import Metrics
from trifuse.classifiers.reasons import TRAINING_IMAGE
from trifuse.datasets.predictions import Predictions, index_labels, read_predictions
from trifuse.datasets.table import DatasetError
from trifuse.datasets.truth import lie_elsewhere, match_truth
from trifuse.studies.measured import Evaluated

RUN_WITH_PROBABILITIES = "run predict with --probabilities for AUC, log loss and Brier score"


@dataclass(frozen=True)
class Evaluation:
    """What a predictions.csv is worth; every figure is over the scored images that have a truth.

    Attributes
    ----------
    whole : Evaluated
        Of all these images.
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
        return "\n\n".join([self._counts(), *([] if self.complete else [note]), *tables])

    def _parts(self, training: Evaluated) -> Iterator[str]:
        if self.unknown is not None:
            yield f"{_images(self.unknown.metrics.n_images)} that the model was not trained on:"
            yield from self.unknown.tables()
        yield (
            f"{_images(training.metrics.n_images)} that the model was trained on, and knows by "
            "heart: these figures tell nothing of new images."
        )
        yield from [training.figures()] if self.unknown else training.tables()

    def _counts(self) -> str:
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
        return "\n".join(lines)


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
    path, table = Path(predictions), read_predictions(predictions)
    keys = _match_keys(path, table, truth)
    matched = [(row, key) for row, key in enumerate(keys[: len(table.images)]) if key is not None]
    if not matched and not table.images:
        unread = _images(len(table.unread))
        raise DatasetError(f"{path} holds no scored image ({unread} could not be read)")
    if not matched:
        named = f"names images like {next(iter(truth))!r}" if truth else "is empty"
        raise DatasetError(
            f"no image of {path} has a truth: it names {table.images[0]!r}, but the truth {named}"
        )
    labels = index_labels(path, table, [truth[key] for _, key in matched])
    probabilities = table.probabilities[[row for row, _ in matched]]
    lesions = [key if groups is None else groups.get(key, key) for _, key in matched]
    reviews = table.reviews
    known = np.array([reviews is not None and TRAINING_IMAGE in reviews[row] for row, _ in matched])

    def measure(rows: NDArray[np.bool_]) -> Evaluated | None:
        if not known.any() or not rows.any():
            return None
        own = [lesion for lesion, one in zip(lesions, rows, strict=True) if one]
        return Evaluated.of(probabilities[rows], labels[rows], own, table.classes)

    return Evaluation(
        whole=Evaluated.of(probabilities, labels, lesions, table.classes),
        unknown=measure(~known),
        training=measure(known),
        n_unread=len(table.unread),
        n_without_truth=len(table.images) - len(matched),
        n_without_prediction=len(truth) - len(set(keys) - {None}),
        n_elsewhere=sum(lie_elsewhere(table.images[row], key) for row, key in matched),
        complete=table.complete,
        marks_training=reviews is not None,
    )


def _match_keys(path: Path, table: Predictions, truth: Mapping[str, str]) -> list[str | None]:
    """Find the key in `truth` of every scored and every unread image."""
    images = [*table.images, *table.unread]
    keys = match_truth(images, {key: key for key in truth})
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key is not None and first.setdefault(key, row) != row:
            raise DatasetError(
                f"{path} has two rows, {images[first[key]]!r} and {images[row]!r}, for one image "
                f"of the truth, {key!r}: keep one"
            )
    return keys


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
