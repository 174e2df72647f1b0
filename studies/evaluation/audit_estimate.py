"""How a whole night went, from images drawn at random and from doubtful ones that are all decided.

The population are the images of one night that could be read; figures are of those that a reader
can decide. The doubtful ones that were decided without a gap are known. Of the others the drawn
ones are a simple random sample: each stands for as many as its chance to be drawn says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.text_tables import json_safe, plain_table
from trifuse.studies.result_tables import ResultTable, to_cell

UNDECIDED, UNSURE = -2, -1
"""In the place of a label: nobody looked, or nobody can say."""
WAYS = ("audit alone", "by weights")
N_DRAWS = 10_000
PRIOR = 0.5


class Counted(NamedTuple):
    """Images by what is known of them: the figure is right / (right + wrong)."""

    right: int
    wrong: int
    other: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


def estimate_share(known: Counted, drawn: Counted, n_others: int, seed: int = 0) -> Estimate:
    """Estimate right / (right + wrong) of a finite population, of which a part is known.

    The estimate weighs each drawn image by the inverse of its chance to be drawn, the known ones
    by one. The interval is Bayesian, of a finite population: the undrawn images are multinomial,
    their shares Dirichlet with Jeffreys' prior [1]_, [2]_; it holds its level where shares are
    near 0 or 1, too.

    Parameters
    ----------
    known : Counted
        The images that are all decided.
    drawn : Counted
        The sample of the others.
    n_others : int
        How many these others are, with the drawn ones.
    seed : int

    Returns
    -------
    Estimate
        With its 95 % interval; NaN where nothing was drawn, or nothing is right or wrong.

    References
    ----------
    .. [1] L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion",
       Statistical Science 16 (2), 2001, section 4.3.
    .. [2] W. A. Ericson, "Subjective Bayesian models in sampling finite populations", Journal of
       the Royal Statistical Society B 31 (2), 1969.

    Examples
    --------
    >>> estimate_share(Counted(0, 0, 0), Counted(45, 5, 0), 50)
    Estimate(value=0.9, low=0.9, high=0.9)
    """
    n_drawn, n_undrawn = drawn.total, n_others - drawn.total
    weight = n_others / n_drawn if n_drawn else 0.0
    right = known.right + weight * drawn.right
    either = right + known.wrong + weight * drawn.wrong
    if not either or (n_undrawn and not n_drawn):
        return Estimate(np.nan, np.nan, np.nan)
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.add(drawn, PRIOR), N_DRAWS)
    unseen = draw.multinomial(n_undrawn, shares)[:, :2]
    rights, wrongs = (unseen + np.add(known, drawn)[:2]).T
    whole = rights + wrongs
    found = (rights / np.maximum(whole, 1))[whole > 0]
    value, (low, high) = right / either, np.quantile(found, [0.025, 0.975])
    # Of a sample without any error the bound is 1 (section 4.1.1 of the same).
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


@dataclass(frozen=True)
class AuditedNight:
    """What the decisions say of a whole night.

    Attributes
    ----------
    n_images : int
        Images that could be read.
    n_drawn, n_decided, n_unsure : int
        Images of the audit, how many of them have a label, and how many are unsure.
    n_known : int
        So many of the most doubtful images are decided without a gap.
    alone, weighted : dict of str to Estimate
        ``accuracy``, and of each class ``recall CLASS``: from the audit by itself, and from both.
    """

    n_images: int
    n_drawn: int
    n_decided: int
    n_unsure: int
    n_known: int
    alone: Mapping[str, Estimate]
    weighted: Mapping[str, Estimate]

    @property
    def warning(self) -> str | None:
        """What is to be known of a part of an audit."""
        left = self.n_drawn - self.n_decided - self.n_unsure
        return (
            f"{left:,} of the {self.n_drawn:,} images drawn are not decided: the night's figures "
            "hold if those that are were not picked"
            if left
            else None
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined."""
        figures = {
            name: {key: one._asdict() for key, one in found.items()}
            for name, found in (("alone", self.alone), ("weighted", self.weighted))
        }
        counts = {
            "images": self.n_images, "drawn": self.n_drawn, "decided": self.n_decided,
            "unsure": self.n_unsure, "known": self.n_known,
        }  # fmt: skip
        plain: dict[str, Any] = json_safe(counts | figures)
        return plain

    @property
    def told(self) -> str:
        """What the figures are estimated from."""
        return (
            f"The night's {self.n_images:,} images, estimated with 95 % intervals from "
            f"{self.n_drawn:,} drawn at random ({self.n_decided:,} decided, {self.n_unsure:,} "
            f"unsure), and by weights with the {self.n_known:,} most doubtful, all decided"
        )

    def to_text(self) -> str:
        """Render a plain aligned table for a terminal."""
        rows = [
            [name, one.to_text(), self.weighted[name].to_text()] for name, one in self.alone.items()
        ]
        return f"{self.told}:\n\n{plain_table(['', *WAYS], rows)}"

    def table(self) -> ResultTable:
        """Give the table for a page."""
        rows = [
            (name, [to_cell(one), to_cell(self.weighted[name])]) for name, one in self.alone.items()
        ]
        return ResultTable("night", self.told, ("figure", *WAYS), rows)


def audit_night(
    first: NDArray[np.intp],
    labels: NDArray[np.intp],
    is_drawn: NDArray[np.bool_],
    classes: tuple[str, ...],
    n_drawn: int,
) -> AuditedNight:
    """Estimate accuracy and recalls of a night.

    Parameters
    ----------
    first : ndarray of int, shape (n_images,)
        The first class of each image that could be read, the doubtful images first.
    labels : ndarray of int, shape (n_images,)
        The class decided; `UNSURE` or `UNDECIDED`.
    is_drawn : ndarray of bool, shape (n_images,)
        The audit, a simple random sample, as far as it is decided.
    classes : tuple of str
    n_drawn : int
        Images of the audit, decided or not.
    """
    n_known = count_known(labels, is_drawn)
    is_seen = labels != UNDECIDED
    # Which images are known must not hang on the draw: of the others the drawn ones alone count.
    is_known = np.arange(len(labels)) < n_known
    sample = is_drawn & is_seen

    def estimate(part: NDArray[np.bool_], known: NDArray[np.bool_]) -> Estimate:
        """Estimate the share of right ones of images with labels in `part`."""

        def count(rows: NDArray[np.bool_]) -> Counted:
            right = int((rows & part & (labels == first)).sum())
            either = int((rows & part).sum())
            return Counted(right, either - right, int(rows.sum()) - either)

        return estimate_share(count(known), count(sample & ~known), int((~known).sum()))

    parts = {"accuracy": labels >= 0}
    parts |= {f"recall {name}": labels == place for place, name in enumerate(classes)}
    nothing = np.zeros_like(is_known)
    return AuditedNight(
        n_images=len(labels),
        n_drawn=n_drawn,
        n_decided=int((is_drawn & (labels >= 0)).sum()),
        n_unsure=int((is_drawn & (labels == UNSURE)).sum()),
        n_known=n_known,
        alone={name: estimate(part, nothing) for name, part in parts.items()},
        weighted={name: estimate(part, is_known) for name, part in parts.items()},
    )


def count_known(labels: NDArray[np.intp], is_drawn: NDArray[np.bool_]) -> int:
    """Count the most doubtful images that are decided without a gap, the last of them undrawn.

    >>> count_known(np.array([0, 1, UNSURE, 2, UNDECIDED, 1]), np.array([0, 0, 0, 1, 0, 0], bool))
    3
    """
    gaps = np.flatnonzero(labels == UNDECIDED)
    end = gaps[0] if len(gaps) else len(labels)
    undrawn = np.flatnonzero(~is_drawn[:end])
    return int(undrawn[-1]) + 1 if len(undrawn) else 0
