"""The table of groups: what a model says of the images of one lesion, or of one study, together.

It is made of the rows of a whole output, in one pass: the same rows give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.batch.job_options import PredictionOptions
from trifuse.batch.outputs.formats.csv_format import CsvFormat
from trifuse.batch.outputs.rows import ERROR, OK, ImageRow, RowLayout
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.group_pooling import Pooling, pool, weigh_evidence
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.output import (
    UNFINISHED,
    OutputError,
    check_output,
    open_output,
    writing,
)
from trifuse.classifiers.reasons import REASONS, find_reasons, rank_classes
from trifuse.datasets.prediction_files import PredictionRow, read_prediction_rows
from trifuse.datasets.predictions import read_scores

START = b"group,status,"
"""What every table of groups begins with."""
COUNTS = ("images", "unread")
"""Columns of how many images a group has, and how many of these could not be scored."""
UNREAD = "unread"
"""The reason to look at a group of which some images could not be scored."""


@dataclass(frozen=True)
class GroupJudge:
    """Says of groups what their images say together.

    Attributes
    ----------
    column : str
        The column of the output that names each image's group.
    layout : RowLayout
        Of the rows of groups.
    pooling : Pooling
    training : ndarray of float64, shape (n_classes,)
        Class shares of the training images, under which prediction sets are made.
    assumed : ndarray of float64, shape (n_classes,)
        Class shares under which the images' probabilities are given, and the groups' are.
    """

    column: str
    layout: RowLayout
    pooling: Pooling
    training: NDArray[np.float64]
    assumed: NDArray[np.float64]

    def judge(self, group: ImageGroup) -> ImageRow:
        """Give the row of a group."""
        counts = (str(group.images), str(group.unread))
        if group.scores is None:
            unknown = (None,) * len(self.layout.classes) if self.layout.probabilities else ()
            message = group.message
            if group.images > 1:
                message = f"none of its {group.images:,} images could be scored: {message}"
            return ImageRow(group.name, ERROR, (), (), unknown, (), (), counts, message)
        values, prediction_set = self._pool(group, group.scores)
        ranking = rank_classes(values)[: self.layout.top]
        own = find_reasons(
            ranking, prediction_set, unfamiliar=False, flawed=False, is_training_image=False
        )
        notes = group.flaws
        if group.unread:
            verb = f"of its {group.images:,} images could not be scored"
            notes = (f"{group.unread:,} {verb}", *notes)
        classes = self.layout.classes
        return ImageRow(
            image=group.name,
            status=OK,
            labels=tuple(classes[index] for index in ranking),
            probabilities=tuple(values[index] for index in ranking),
            class_probabilities=tuple(values) if self.layout.probabilities else (),
            review=(*_unite(group.reasons, own), *[UNREAD] * (group.unread > 0)),
            prediction_set=tuple(classes[index] for index in prediction_set),
            columns=counts,
            message=", ".join(notes),
            alert=group.alert,
        )

    def _pool(
        self, group: ImageGroup, scores: NDArray[np.float64]
    ) -> tuple[list[float], tuple[int, ...]]:
        """Give the probabilities and the prediction set; a single image's are as they are."""
        number = group.images - group.unread
        if number == 1:
            return scores.tolist(), tuple(map(self.layout.classes.index, group.prediction_set))
        evidence, counts, power = scores[None], np.array([number]), self.pooling.power
        known = pool(evidence, counts, self.training, power)[0]
        given = pool(evidence, counts, self.assumed, power)[0]
        return given.tolist(), self.pooling.sets.members(known)


@dataclass(slots=True)
class ImageGroup:
    """What is known of a group's images so far.

    Attributes
    ----------
    name : str
    images, unread : int
        How many it has, and how many of these could not be scored.
    scores : ndarray of float64, shape (n_classes,), optional
        Of one image that could be scored its probabilities, of several the sum of their evidence.
    prediction_set : tuple of str
        Of the first that could be scored.
    reasons, flaws : tuple of str
        Of all of them.
    message : str
        Why the first that could not be scored could not be.
    alert : float, optional
        The most urgent of all of them.
    """

    name: str
    images: int = 0
    unread: int = 0
    scores: NDArray[np.float64] | None = None
    prediction_set: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    message: str = ""
    alert: float | None = None

    def add(self, row: PredictionRow, classes: Sequence[str], assumed: NDArray[np.float64]) -> None:
        """Take in the row of one of its images."""
        self.images += 1
        if row.status != OK:
            self.unread += 1
            self.message = self.message or row.message
            return
        found = read_scores(row, whole=True)
        scores = np.array([found[name] for name in classes])
        if self.scores is None:
            self.scores, self.prediction_set = scores, row.prediction_set or ()
        else:
            if self.images - self.unread == 2:
                self.scores = weigh_evidence(self.scores, assumed)
            self.scores = self.scores + weigh_evidence(scores, assumed)
        self.alert = min(filter(None, (self.alert, row.alert)), default=None)
        self.reasons = _unite(self.reasons, row.review or ())
        self.flaws = _join(self.flaws, row.message)


@cache
def _unite(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(reason for reason in REASONS if reason in first or reason in second)


@cache
def _join(flaws: tuple[str, ...], message: str) -> tuple[str, ...]:
    return (*dict.fromkeys((*flaws, *filter(None, message.split(", ")))),)


def collect_groups(
    classes: Sequence[str], rows: Iterable[PredictionRow], column: str, assumed: NDArray[np.float64]
) -> Iterator[ImageGroup]:
    """Give the groups of rows, in the order in which they first appear.

    An image that is in no group is one by itself, and has its own name.
    """
    groups: dict[tuple[str, int], ImageGroup] = {}
    for place, row in enumerate(rows):
        name = row.columns.get(column, "")
        key = (name, 0) if name else ("", place)
        group = groups.get(key)
        if group is None:
            group = groups[key] = ImageGroup(name or row.image)
        group.add(row, classes, assumed)
    yield from groups.values()


def write_groups(predictions: Path, output: Path, judge: GroupJudge) -> str:
    """Write the table of the groups of a whole output, and say how many there are.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    trifuse.datasets.table.DatasetError
        If the predictions are not what they were written as.
    """
    form, groups, errors, largest = CsvFormat(judge.layout, "path"), 0, 0, 0
    with writing(predictions):
        classes, rows = read_prediction_rows(predictions)
        with open_output(output) as file:
            file.write(form.header().replace(b"image,", b"group,", 1))
            for group in collect_groups(classes, rows, judge.column, judge.assumed):
                file.write(form.encode(judge.judge(group)))
                groups += 1
                errors += group.scores is None
                largest = max(largest, group.images)
    failed = f"; without any image that could be scored: {errors:,}" if errors else ""
    alone = " of one image each: --group-column names what joins them" if largest == 1 else ""
    return f"{groups:,} {'group' if groups == 1 else 'groups'}{alone} in {output}{failed}."


def plan_groups(
    options: PredictionOptions, layout: RowLayout, prior: NDArray[np.float64] | None
) -> GroupJudge:
    """Take from the model how images are pooled.

    Parameters
    ----------
    options : PredictionOptions
        That name a column of groups.
    layout : RowLayout
        Of the images' rows.
    prior : ndarray of float64, shape (n_classes,), optional
        Class shares to assume; the training archive's unless told.

    Raises
    ------
    trifuse.classifiers.archive.ModelFileError
        If the model does not know.
    """
    model = load_model(Path(options.model))
    if model.review.pooling is None:
        msg = (
            f"The model {options.model} is of a trifuse that knew nothing of groups; train it "
            "anew, or leave out --groups."
        )
        raise ModelFileError(msg)
    training = model.ensemble.prior
    assumed = training if prior is None else prior
    classes, top = layout.classes, layout.top
    rows = RowLayout(classes, top, options.probabilities, COUNTS, alerts=layout.alerts)
    column = options.names_groups_by or ""
    return GroupJudge(column, rows, model.review.pooling, training, assumed)


def check_group_table(
    path: Path, overwrite: bool, goes_on: bool, read: Iterable[str], writes: Iterable[Path]
) -> None:
    """Find out before anything is scored whether a table of groups may be written.

    Parameters
    ----------
    path : Path
    overwrite : bool
        Whether it may replace any table or text.
    goes_on : bool
        Whether it may replace a table of groups.
    read : iterable of str
        What is read.
    writes : iterable of Path
        What else is written.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it may not.
    """
    check_output(path, overwrite or goes_on, read)
    own = {os.path.realpath(one) for one in (path, path.with_name(path.name + UNFINISHED))}
    if own & set(map(os.path.realpath, writes)):
        msg = f"{path} cannot be the table of groups, as the run writes it otherwise; name another."
        raise OutputError(msg)
    with writing(path):
        if overwrite or not path.exists() or not path.stat().st_size:
            return
        with path.open("rb") as file:
            if file.read(len(START)) != START:
                msg = f"{path} is there and is no table of groups; name another, or --overwrite."
                raise OutputError(msg)
