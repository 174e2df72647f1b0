"""What a card tells of images that had no part in what is said of them: calibration, reasons."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.reason_figures import measure_reasons
from trifuse.classifiers.reasons import LOW_QUALITY, UNCERTAIN, UNFAMILIAR
from trifuse.classifiers.review import LARGE_SET, HeldOut
from trifuse.classifiers.text_tables import json_safe

CONFIDENCES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the rows of a calibration curve; the upper one is of the row."""
ALL = "all images"


def describe_held_out(
    held: HeldOut,
    labels: NDArray[np.intp],
    groups: Sequence[Hashable],
    flawed: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Measure how far the first class, and the reasons for a review, can be trusted.

    Parameters
    ----------
    held : HeldOut
    labels : ndarray of int, shape (n_rows,)
    groups : sequence (n_rows,)
        The lesion of each image.
    flawed : ndarray of bool, shape (n_rows,), optional
        The images whose pictures have flaws, where that is known.

    Returns
    -------
    dict
        ``calibration``, a list with, of the images whose largest probability is in a range:
        ``above`` (its lower bound), ``images`` (their number), ``confidence`` (the mean of these
        probabilities) and ``accuracy``, without the ranges that hold none. ``reasons``, by reason
        and of those that have `trifuse.classifiers.reason_figures.ANY`, what is measured of them
        as `to_plain` gives it, and of `ALL` how many ``images`` there are and are ``wrong``. What a
        prior tells is not there.
    """
    confidence = held.probabilities.max(axis=1)
    wrong = held.probabilities.argmax(axis=1) != labels
    uncertain = held.sets.sum(axis=1) > LARGE_SET
    flags = {UNFAMILIAR: held.unfamiliar, UNCERTAIN: uncertain}
    if flawed is not None:
        flags[LOW_QUALITY] = flawed
    measured = measure_reasons(flags, wrong, groups)
    whole = {"images": len(wrong), "wrong": int(wrong.sum())}
    return {
        "calibration": list(_curve(confidence, ~wrong)),
        "reasons": {
            **{name: json_safe(one.to_plain()) for name, one in measured.items()},
            ALL: whole,
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
