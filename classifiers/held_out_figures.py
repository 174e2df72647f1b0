"""What a card tells of images that had no part in what is said of them: calibration, reasons."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.reasons import UNCERTAIN, UNFAMILIAR
from trifuse.classifiers.review import LARGE_SET, HeldOut

CONFIDENCES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the rows of a calibration curve; the upper one is of the row."""
NEITHER, ALL = "neither", "all images"


def describe_held_out(held: HeldOut, labels: NDArray[np.intp]) -> dict[str, Any]:
    """Measure how far the first class, and the reasons for a review, can be trusted.

    Parameters
    ----------
    held : HeldOut
    labels : ndarray of int, shape (n_rows,)

    Returns
    -------
    dict
        ``calibration``, a list with, of the images whose largest probability is in a range:
        ``above`` (its lower bound), ``images`` (their number), ``confidence`` (the mean of these
        probabilities) and ``accuracy``, without the ranges that hold none. ``reasons``, by reason
        and of `NEITHER` and `ALL`: ``images`` (their number) and of these ``wrong``, whose first
        class is another than theirs. What only pixels or a prior tell is not there.
    """
    confidence = held.probabilities.max(axis=1)
    wrong = held.probabilities.argmax(axis=1) != labels
    uncertain = held.sets.sum(axis=1) > LARGE_SET
    flagged = {
        UNFAMILIAR: held.unfamiliar,
        UNCERTAIN: uncertain,
        NEITHER: ~(held.unfamiliar | uncertain),
        ALL: np.ones_like(uncertain),
    }
    return {
        "calibration": list(_curve(confidence, ~wrong)),
        "reasons": {
            name: {"images": int(rows.sum()), "wrong": int(wrong[rows].sum())}
            for name, rows in flagged.items()
        },
    }


def _curve(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Iterator[dict[str, float]]:
    for low, high in pairwise(CONFIDENCES):
        inside = (confidence > low) & (confidence <= high)
        if high == CONFIDENCES[-1]:
            inside = confidence > low  # a sum may be a little above one
        if inside.any():
            yield {
                "above": low,
                "images": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(right[inside].mean()),
            }
