"""Two readers of the same images: how far they agree beyond chance, and where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate, Figures, estimate_figures
from trifuse.classifiers.text_tables import json_safe, plain_table
from trifuse.datasets.corrections import UNSURE, Corrections
from trifuse.datasets.predictions import find_classes
from trifuse.datasets.table import DatasetError

COLUMNS = ("image", "first", "second")


class TwoReadings(NamedTuple):
    """An image and what both readers say of it; an unsure one says ``unsure``."""

    image: str
    first: str
    second: str


@dataclass(frozen=True)
class Agreement:
    """How two readers compare.

    Attributes
    ----------
    classes : tuple of str
        That either names, sorted.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Images with two labels: the first reader's in rows, the second's in columns.
    kappa, share : Estimate
        Cohen's kappa, and the share of these images with the same label twice.
    differences : tuple of TwoReadings
        In the order of the first file; where one alone is unsure, too.
    n_unsure : int
        Images of both that either is unsure of, in no figure.
    n_single : int
        Images of one file alone.
    """

    classes: tuple[str, ...]
    confusion: NDArray[np.intp]
    kappa: Estimate
    share: Estimate
    differences: tuple[TwoReadings, ...]
    n_unsure: int
    n_single: int

    @property
    def counts(self) -> str:
        """How many images are compared, and how many are not."""
        return (
            f"Images with a label of both readers: {self.confusion.sum():,}; of both, but "
            f"unsure: {self.n_unsure:,}; of one reader alone: {self.n_single:,}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined."""
        plain: dict[str, Any] = json_safe(
            {
                "images": {
                    "both": int(self.confusion.sum()),
                    "unsure": self.n_unsure,
                    "single": self.n_single,
                },
                "kappa": self.kappa._asdict(),
                "agreement": self.share._asdict(),
                "classes": self.classes,
                "confusion": self.confusion.tolist(),
                "differences": [one._asdict() for one in self.differences],
            }
        )
        return plain

    def to_text(self) -> str:
        """Render plain aligned tables for a terminal."""
        figures = [["kappa", self.kappa.to_text()], ["agreement", self.share.to_text()]]
        rows = [
            [name, *map(str, counts)]
            for name, counts in zip(self.classes, self.confusion, strict=True)
        ]
        return "\n\n".join(
            [
                self.counts,
                plain_table(["", "value and 95 % interval"], figures),
                plain_table(["first \\ second", *self.classes], rows),
            ]
        )


def compare_readers(first: Corrections, second: Corrections) -> Agreement:
    """Compare the decisions of two readers on the images that both decided.

    Intervals are percentiles of a bootstrap over images, or over lesions where the first file has
    groups. Readers who have seen a model's label agree more than those who have not.

    Labels of both that differ by letter case alone are one class.

    Raises
    ------
    DatasetError
        If there is no image with a label of both.
    """
    spelled = sorted({row.label for row in first.rows if row.label})
    found = find_classes(spelled, [row.label for row in second.rows])
    others = {
        row.image: row._replace(label=spelled[place]) if place >= 0 else row
        for row, place in zip(second.rows, found, strict=True)
    }
    both = [(row, others[row.image]) for row in first.rows if row.image in others]
    labelled = [(one, other) for one, other in both if one.label and other.label]
    if not labelled:
        raise DatasetError(
            "no image has a label in both files; give two readers' corrections of the same night"
        )
    pairs = [(one.label, other.label) for one, other in labelled]
    classes = tuple(sorted({label for pair in pairs for label in pair}))
    rows, columns = (
        np.array([classes.index(label) for label in side]) for side in zip(*pairs, strict=True)
    )
    cells = np.zeros((len(pairs), len(classes), len(classes)))
    cells[np.arange(len(pairs)), rows, columns] = 1
    differences = [
        TwoReadings(one.image, one.label or UNSURE, other.label or UNSURE)
        for one, other in both
        if one.label != other.label
    ]
    groups = [one.group or one.image for one, _ in labelled]
    return Agreement(
        classes=classes,
        confusion=cells.sum(axis=0).astype(int),
        **_estimate(cells, groups),
        differences=tuple(differences),
        n_unsure=len(both) - len(labelled),
        n_single=len(first.rows) + len(second.rows) - 2 * len(both),
    )


def cohen_kappa(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute Cohen's kappa [1]_: the agreement beyond that by chance, as a share of the possible.

    Parameters
    ----------
    confusion : ndarray of float64, shape (..., n_classes, n_classes)
        Weights of images, those of one reader's label in rows, of the other's in columns.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where both name one and the same class only: then chance alone agrees wholly.

    References
    ----------
    .. [1] J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
       Measurement 20 (1), 1960, equation 1.

    Examples
    --------
    >>> float(cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])).round(3))
    0.4
    """
    total = confusion.sum(axis=(-2, -1))
    observed = np.trace(confusion, axis1=-2, axis2=-1) / total
    chance = (confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1) / total**2
    possible = np.where(chance < 1, 1 - chance, np.nan)
    return np.asarray((observed - chance) / possible)


def _estimate(cells: NDArray[np.float64], groups: Sequence[str]) -> dict[str, Estimate]:
    """Estimate kappa and the share of agreement; cells are (n_images, n_classes, n_classes)."""

    def figures(weights: NDArray[np.float64]) -> Figures:
        confusion = np.tensordot(weights.T, cells, axes=1)
        same = np.trace(confusion, axis1=-2, axis2=-1)
        return {"kappa": cohen_kappa(confusion), "share": same / confusion.sum(axis=(-2, -1))}

    return estimate_figures(figures, groups)
