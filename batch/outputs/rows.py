"""One image becomes one row, whatever the format: what is said, in which columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from trifuse.batch.inputs.items import Item, Record
from trifuse.classifiers.reasons import find_reasons, rank_classes

STUDY = "StudyInstanceUID"
"""The column of the studies of DICOM objects, called by its attribute's keyword (PS3.6)."""
OK = "ok"
ERROR = "error"

Cell = str | float | tuple[str, ...] | None
"""A text, a number, a list of texts, or a number that is missing."""


@dataclass(frozen=True)
class RowLayout:
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
        The columns of a table of inputs that are carried through, in the order of `Item.columns`,
        and perhaps `STUDY` behind them.
    study : bool
        What is empty in the column `STUDY` is a DICOM object's own.
    alerts : bool
        Add a column for the operating points that the model has.
    """

    classes: tuple[str, ...]
    top: int
    probabilities: bool = False
    extra: tuple[str, ...] = ()
    study: bool = False
    alerts: bool = False


class ImageRow(NamedTuple):
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
        Which of `trifuse.classifiers.review.REASONS` hold: the image is unlike the training
        archive; more classes are in the prediction set than the row names; the most probable
        class under the prior that was asked for is not in the set, which knows no prior; the
        picture has flaws; the model was trained on it.
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
    alert: float | None = None


def make_row(
    item: Item, record: Record, row_id: str, layout: RowLayout, study: str = ""
) -> ImageRow:
    """Say what became of one image; `study` is what the output calls the study of a DICOM object.

    Examples
    --------
    >>> record = Record((0.25, 0.75), flaws=("too dark",), prediction_set=(1, 0))
    >>> row = make_row(Item("x.jpg"), record, "x", RowLayout(("cat", "dog"), top=1))
    >>> row.labels, row.probabilities, row.review, row.prediction_set, row.message
    (('dog',), (0.75,), ('uncertain', 'low-quality'), ('dog', 'cat'), 'too dark')
    """
    cells = (*item.columns, *[""] * len(layout.extra))
    columns = tuple(
        cell or study if layout.study and name == STUDY else cell
        for name, cell in zip(layout.extra, cells, strict=False)
    )
    if record.probabilities is None:
        unknown = (None,) * len(layout.classes) if layout.probabilities else ()
        return ImageRow(row_id, ERROR, (), (), unknown, (), (), columns, record.message)
    values = tuple(map(float, record.probabilities))
    ranking = rank_classes(values)[: layout.top]
    return ImageRow(
        image=row_id,
        status=OK,
        labels=tuple(layout.classes[index] for index in ranking),
        probabilities=tuple(values[index] for index in ranking),
        class_probabilities=values if layout.probabilities else (),
        alert=record.alert,
        review=find_reasons(
            ranking,
            record.prediction_set,
            unfamiliar=record.unfamiliar,
            flawed=bool(record.flaws),
            is_training_image=record.is_training_image,
        ),
        prediction_set=tuple(layout.classes[index] for index in record.prediction_set),
        columns=columns,
        message=", ".join(record.flaws),
    )


def list_columns(layout: RowLayout) -> list[str]:
    """Name the columns of a flat table; no two have one name, whatever the classes are called.

    Examples
    --------
    >>> print(*list_columns(RowLayout(("cat", "dog"), 1, probabilities=True, extra=("site",))))
    image status label_1 probability_1 probability_of_cat probability_of_dog review prediction_set site message
    """  # noqa: E501 - one line of output
    ranks = [
        f"{kind}_{rank}" for rank in range(1, layout.top + 1) for kind in ("label", "probability")
    ]
    # A class may be named "1": it must not be taken for a rank.
    each = [f"probability_of_{name}" for name in layout.classes] if layout.probabilities else []
    alert = ["alert"] if layout.alerts else []
    start = ["image", "status", *ranks, *each, *alert]
    return [*start, "review", "prediction_set", *layout.extra, "message"]


def list_cells(row: ImageRow, layout: RowLayout) -> list[Cell]:
    """Lay a row out flat, in the order of `list_columns`."""
    ranks: list[Cell] = []
    for label, probability in zip(row.labels, row.probabilities, strict=True):
        ranks += [label, probability]
    ranks += [None] * (2 * layout.top - len(ranks))
    start: list[Cell] = [row.image, row.status, *ranks, *row.class_probabilities]
    if layout.alerts:
        start.append(row.alert)
    return [*start, row.review, row.prediction_set, *row.columns, row.message]
