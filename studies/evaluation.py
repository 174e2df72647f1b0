"""Hold a predictions.csv against the truth."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.metrics import (
    Metrics,
    baseline_metrics,
    bootstrap_intervals,
    compute_metrics,
    json_safe,
)
from trifuse.classifiers.tables import plain_table
from trifuse.datasets.table import DatasetError
from trifuse.datasets.truth import match_truth
from trifuse.studies.predictions import Predictions, read_predictions

FIGURES = {
    "bma": "BMA (balanced accuracy)",
    "accuracy": "accuracy",
    "top_2_accuracy": "top-2 accuracy",
    "top_3_accuracy": "top-3 accuracy",
    "macro_auc": "macro AUC",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE (15 bins)",
}
RUN_WITH_PROBABILITIES = "run predict with --probabilities for AUC, log loss and Brier score"


@dataclass(frozen=True)
class Evaluation:
    """What a predictions.csv is worth; every figure is over the scored images that have a truth.

    Attributes
    ----------
    metrics : Metrics
        NaN where the file does not hold what a figure needs.
    intervals : dict of (low, high)
        95 % bootstrap intervals, resampling `resampled`.
    baseline : Metrics
        Of always answering with the class frequencies of these images.
    resampled : str
        "lesions" or "images".
    n_unread : int
        Rows with the status "error"; they are in no figure.
    n_without_truth : int
        Scored images that the truth does not name.
    n_without_prediction : int
        Rows of the truth that no row of the predictions names.
    complete : bool
        Whether the file holds the probability of every class.
    """

    metrics: Metrics
    intervals: dict[str, tuple[float, float]]
    baseline: Metrics
    resampled: str
    n_unread: int
    n_without_truth: int
    n_without_prediction: int
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined or not known."""
        plain: dict[str, Any] = json_safe(
            {
                "images": {
                    "scored": self.metrics.n_images,
                    "unread": self.n_unread,
                    "without_truth": self.n_without_truth,
                    "without_prediction": self.n_without_prediction,
                },
                "metrics": self.metrics.to_dict(),
                "intervals": {"level": 0.95, "resampled": self.resampled, **self.intervals},
                "largest_class": {
                    "class": _largest_class(self.metrics),
                    **{name: getattr(self.baseline, name) for name in FIGURES},
                },
                "note": None if self.complete else RUN_WITH_PROBABILITIES,
            }
        )
        return plain

    def to_text(self) -> str:
        """Render plain aligned tables for a terminal."""
        parts = [
            self._counts(),
            self._figures(),
            "" if self.complete else f"Only the top classes are known: {RUN_WITH_PROBABILITIES}.",
            _per_class(self.metrics),
            _confusion(self.metrics),
        ]
        return "\n\n".join(filter(None, parts))

    def _counts(self) -> str:
        lines = [f"{_images(self.metrics.n_images)} scored and compared with the truth."]
        if self.n_unread:
            lines.append(f"{_images(self.n_unread)} could not be read: in no figure below.")
        if self.n_without_truth:
            lines.append(f"{_images(self.n_without_truth)} scored without a truth: left out.")
        if self.n_without_prediction:
            lines.append(f"{_images(self.n_without_prediction)} of the truth without a prediction.")
        return "\n".join(lines)

    def _figures(self) -> str:
        header = ["", "value", "95 % interval", f"always {_largest_class(self.metrics)}"]
        rows = []
        for name, title in FIGURES.items():
            value, baseline = getattr(self.metrics, name), getattr(self.baseline, name)
            interval = self.intervals.get(name, (math.nan, math.nan))
            if not math.isnan(value):
                rows.append([title, _number(value), _interval(*interval), _number(baseline)])
        note = f"Intervals: bootstrap over {self.resampled}."
        return f"{plain_table(header, rows)}\n{note}"


def evaluate_predictions(
    predictions: str | os.PathLike[str],
    truth: Mapping[str, str],
    groups: Mapping[str, str] | None = None,
) -> Evaluation:
    """Compare a predictions.csv with the truth.

    Images are matched by their whole name, else by the file's stem. Classes are matched whatever
    their letter case, because HAM10000 writes nv and ISIC writes NV.

    Parameters
    ----------
    predictions : str or path
        What ``trifuse predict`` wrote, with or without ``--probabilities``.
    truth : mapping of image to class
    groups : mapping of image to lesion, optional
        With the keys of `truth`, as `read_truth_groups` gives it. Intervals resample lesions; an
        image without one is its own.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError
        If the file is no predictions.csv, no image has a truth, two rows are of one image, or a
        class of the truth is none of the model's.
    """
    path, table = Path(predictions), read_predictions(predictions)
    keys = _match_keys(path, table, truth)
    matched = [(row, key) for row, key in enumerate(keys[: len(table.images)]) if key is not None]
    if not matched:
        raise DatasetError(_nothing_to_compare(path, table, truth))
    labels = _index_labels(path, table, [truth[key] for _, key in matched])
    probabilities = table.probabilities[[row for row, _ in matched]]
    lesions = [key if groups is None else groups.get(key, key) for _, key in matched]
    return Evaluation(
        metrics=compute_metrics(probabilities, labels, table.classes),
        intervals=bootstrap_intervals(probabilities, labels, lesions, table.classes),
        baseline=baseline_metrics(labels, table.classes),
        resampled="lesions" if len(set(lesions)) < len(lesions) else "images",
        n_unread=len(table.unread),
        n_without_truth=len(table.images) - len(matched),
        n_without_prediction=len(truth) - len(set(keys) - {None}),
        complete=table.complete,
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


def _nothing_to_compare(path: Path, table: Predictions, truth: Mapping[str, str]) -> str:
    if not table.images:
        return f"{path} holds no scored image ({_images(len(table.unread))} could not be read)"
    example = next(iter(truth), None)
    named = f"names images like {example!r}" if example is not None else "is empty"
    return f"no image of {path} has a truth: it names {table.images[0]!r}, but the truth {named}"


def _index_labels(path: Path, table: Predictions, labels: Sequence[str]) -> NDArray[np.intp]:
    """Turn the classes of the truth into columns of the predictions."""
    columns = {name: column for column, name in enumerate(table.classes)}
    folded = {name.casefold(): column for name, column in columns.items()}
    if len(folded) == len(columns):
        columns = folded | columns
    indices = [columns.get(label, columns.get(label.casefold(), -1)) for label in labels]
    if -1 in indices:
        remedy = "" if table.complete else "; predict --probabilities names every class"
        raise DatasetError(
            f"the class {labels[indices.index(-1)]!r} of the truth is none of those that {path} "
            f"names: {', '.join(table.classes)}{remedy}"
        )
    return np.array(indices)


def _per_class(metrics: Metrics) -> str:
    columns = {"recall": metrics.recall, "precision": metrics.precision, "AUC": metrics.auc}
    if all(map(math.isnan, metrics.auc.values())):
        del columns["AUC"]
    rows = [
        [name, str(metrics.support[name]), *(_number(values[name]) for values in columns.values())]
        for name in metrics.classes
    ]
    return plain_table(["class", "images", *columns], rows)


def _confusion(metrics: Metrics) -> str:
    rows = [
        [name, *map(str, counts)]
        for name, counts in zip(metrics.classes, metrics.confusion, strict=True)
    ]
    return plain_table(["truth \\ predicted", *metrics.classes], rows)


def _largest_class(metrics: Metrics) -> str:
    return max(metrics.classes, key=lambda name: metrics.support[name])


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
