"""One image becomes one row, whatever the format: what is said, in which columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trifuse.batch.inputs.item import Item
from trifuse.batch.workers.record import Record

OK = "ok"
ERROR = "error"

UNFAMILIAR = "unfamiliar"
UNCERTAIN = "uncertain"
LOW_QUALITY = "low-quality"
REASONS = (UNFAMILIAR, UNCERTAIN, LOW_QUALITY)
"""Why a person should look at an image, in the order of the `review` column."""

Cell = str | float | tuple[str, ...] | None
"""A text, a number, a list of texts, or a number that is missing."""


@dataclass(frozen=True)
class Layout:
    """Which columns there are.

    Attributes
    ----------
    classes : tuple of str
        The model's classes, in its order.
    top : int
        Classes a row, at most as many as there are.
    probabilities : bool
        Add a column for every class.
    extra : tuple of str
        The columns of a table of inputs that are carried through, in the order of `Item.columns`.
    """

    classes: tuple[str, ...]
    top: int
    probabilities: bool = False
    extra: tuple[str, ...] = ()


class Row(NamedTuple):
    """What is said of one image.

    Attributes
    ----------
    image : str
        Its id.
    status : {"ok", "error"}
    labels : tuple of str, shape (top,)
        The most probable classes, in decreasing order; of equally probable ones the model's
        earlier class comes first. Empty for an error, as all that follows but the last two.
    probabilities : tuple of float, shape (top,)
        Of the labels.
    class_probabilities : tuple of (float or None), shape (n_classes,)
        Of all classes in the model's order, where they are asked for; None for an error.
    review : tuple of str
        Which of `REASONS` hold: the image is unlike the training archive; more classes are in the
        prediction set than the row names; the picture has flaws.
    prediction_set : tuple of str
        Names of the classes.
    columns : tuple of str, shape (n_extra,)
        Cells of the table of inputs; empty texts for an input that came from no table.
    message : str
        The flaws, joined by ``", "``, or why there are no probabilities.
    """

    image: str
    status: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    class_probabilities: tuple[float | None, ...]
    review: tuple[str, ...]
    prediction_set: tuple[str, ...]
    columns: tuple[str, ...]
    message: str


def make_row(item: Item, record: Record, row_id: str, layout: Layout) -> Row:
    """Say what became of one image.

    Examples
    --------
    >>> record = Record((0.25, 0.75), flaws=("too dark",), prediction_set=(1, 0))
    >>> row = make_row(Item("x.jpg"), record, "x", Layout(("cat", "dog"), top=1))
    >>> row.labels, row.probabilities, row.review, row.prediction_set, row.message
    (('dog',), (0.75,), ('uncertain', 'low-quality'), ('dog', 'cat'), 'too dark')
    """
    columns = (*item.columns, *[""] * len(layout.extra))[: len(layout.extra)]
    if record.probabilities is None:
        unknown = (None,) * len(layout.classes) if layout.probabilities else ()
        return Row(row_id, ERROR, (), (), unknown, (), (), columns, record.message)
    values = tuple(map(float, record.probabilities))
    ranking = rank_classes(values)[: layout.top]
    return Row(
        image=row_id,
        status=OK,
        labels=tuple(layout.classes[index] for index in ranking),
        probabilities=tuple(values[index] for index in ranking),
        class_probabilities=values if layout.probabilities else (),
        review=_find_reasons(record, layout.top),
        prediction_set=tuple(layout.classes[index] for index in record.prediction_set),
        columns=columns,
        message=", ".join(record.flaws),
    )


def rank_classes(probabilities: Sequence[float]) -> list[int]:
    """Order the classes by decreasing probability, equal ones as they stand.

    >>> rank_classes((0.25, 0.5, 0.25))
    [1, 0, 2]
    """
    return sorted(range(len(probabilities)), key=lambda index: -probabilities[index])


def _find_reasons(record: Record, top: int) -> tuple[str, ...]:
    holds = (record.unfamiliar, len(record.prediction_set) > top, bool(record.flaws))
    return tuple(reason for reason, one in zip(REASONS, holds, strict=True) if one)


def list_columns(layout: Layout) -> list[str]:
    """Name the columns of a flat table.

    Examples
    --------
    >>> print(*list_columns(Layout(("cat", "dog"), 1, probabilities=True, extra=("site",))))
    image status label_1 probability_1 probability_cat probability_dog review prediction_set site message
    """  # noqa: E501 - one line of output
    ranks = [
        f"{kind}_{rank}" for rank in range(1, layout.top + 1) for kind in ("label", "probability")
    ]
    each = [f"probability_{name}" for name in layout.classes] if layout.probabilities else []
    return ["image", "status", *ranks, *each, "review", "prediction_set", *layout.extra, "message"]


def list_cells(row: Row, layout: Layout) -> list[Cell]:
    """Lay a row out flat, in the order of `list_columns`."""
    ranks: list[Cell] = []
    for label, probability in zip(row.labels, row.probabilities, strict=True):
        ranks += [label, probability]
    ranks += [None] * (2 * layout.top - len(ranks))
    start = [row.image, row.status, *ranks, *row.class_probabilities]
    return [*start, row.review, row.prediction_set, *row.columns, row.message]
