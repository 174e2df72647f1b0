"""What the reasons for a review are worth: on images with a truth, and as tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trifuse.classifiers.reason_figures import ReasonFigures, measure_reasons
from trifuse.classifiers.reasons import TRAINING_IMAGE
from trifuse.classifiers.text_tables import csv_text, json_safe, write_number
from trifuse.studies.evaluation.matched import MatchedImages
from trifuse.studies.result_files import Result
from trifuse.studies.result_tables import (
    ResultCell,
    ResultTable,
    csv_columns,
    to_cell,
    write_digits,
)

TITLES = {
    "share": "flagged",
    "flagged": "flagged wrong",
    "unflagged": "others wrong",
    "lift": "lift",
    "found": "errors found",
}


def measure_review(images: MatchedImages) -> dict[str, ReasonFigures]:
    """Measure each reason that an image of a file of predictions has.

    Images that the model was trained on are in no figure, unless there are no others.

    Returns
    -------
    dict of str to ReasonFigures
        Empty where no image has a reason.
    """
    reviews, used = images.table.reviews, np.flatnonzero(images.counted)
    if reviews is None:
        return {}
    chosen = [reviews[images.rows[row]] for row in used]
    names = dict.fromkeys(name for one in chosen for name in one if name != TRAINING_IMAGE)
    flags = {name: np.array([name in one for one in chosen]) for name in sorted(names)}
    wrong = np.nanargmax(images.probabilities[used], axis=1) != images.labels[used]
    return measure_reasons(flags, wrong, [images.lesions[row] for row in used])


def review_table(measured: Mapping[str, ReasonFigures]) -> ResultTable:
    """Make the table of reasons."""
    return ResultTable(
        "review",
        "Reasons for a review: the share of images flagged, how often the first class is wrong, "
        "how many times as often as of all images (lift), the share of all errors that are "
        "flagged, and the images to look at for each; 95 % intervals by bootstrap over lesions",
        ("reason", "images", *TITLES.values(), "cost", "what it tells"),
        [
            (
                name,
                [
                    ResultCell(f"{one.images:,}"),
                    *(to_cell(getattr(one, key)) for key in TITLES),
                    ResultCell(write_number(one.cost)),
                    ResultCell(one.judge()),
                ],
            )
            for name, one in measured.items()
        ],
    )


def review_csv(measured: Mapping[str, ReasonFigures]) -> str:
    """Write a row a reason; each figure has three columns, as ``lift`` and ``lift_low``."""
    rows: list[dict[str, str | float | None]] = [
        {
            "reason": name,
            "images": one.images,
            "lesions": one.lesions,
            "wrong": one.wrong,
            **csv_columns({key: getattr(one, key) for key in TITLES}),
            "cost": write_digits(one.cost),
            "told": one.judge(),
        }
        for name, one in measured.items()
    ]
    return csv_text(rows[0], (row.values() for row in rows))


def review_result(measured: Mapping[str, ReasonFigures]) -> Result:
    """Give the reasons in every form that they are written in."""
    plain = {name: json_safe(one.to_plain()) for name, one in measured.items()}
    return Result("review", review_csv(measured), [review_table(measured)], plain)
