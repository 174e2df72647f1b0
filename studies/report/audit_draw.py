"""Images of a night drawn at random, to be looked at among the doubtful ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError
from trifuse.studies.night import Night


@dataclass(frozen=True)
class Audit:
    """A simple random sample of the images that could be read, without replacement.

    Attributes
    ----------
    rows : ndarray of int, shape (n_drawn,)
        Rows of the night, in the order of the draw.
    n_read : int
        Images that it was drawn from.
    seed : int
    """

    rows: NDArray[np.intp]
    n_read: int
    seed: int

    @property
    def mark(self) -> str:
        """What the file of corrections says of a drawn image: its chance to be drawn."""
        return f"{len(self.rows)} of {self.n_read}"

    def mix(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Put the drawn rows, in the order of the draw, at random places among the first others.

        Where a drawn image stands tells nothing of its doubts; when the twice as many first ones
        are looked through, the audit is done.

        Parameters
        ----------
        order : ndarray of int, shape (n_rows,)
            All rows, the doubtful ones first.

        Returns
        -------
        ndarray of int, shape (n_rows,)
        """
        n_drawn = len(self.rows)
        head = min(2 * n_drawn, len(order))
        places = np.random.default_rng([self.seed, 1]).choice(head, n_drawn, replace=False)
        mixed = np.empty_like(order)
        is_drawn = np.zeros(len(order), bool)
        is_drawn[places] = True
        mixed[is_drawn] = self.rows
        mixed[~is_drawn] = order[~np.isin(order, self.rows)]
        return mixed


def draw_audit(night: Night, n_drawn: int, seed: int) -> Audit:
    """Draw images; a larger audit of the same seed has those of a smaller one.

    Raises
    ------
    DatasetError
        If fewer could be read.
    """
    rows = np.flatnonzero(night.is_read)
    if n_drawn > len(rows):
        raise DatasetError(
            f"an audit of {n_drawn:,} images cannot be drawn from {len(rows):,} that could be "
            "read; ask for fewer"
        )
    drawn = np.random.default_rng([seed, 0]).permutation(rows)[:n_drawn]
    return Audit(drawn, len(rows), seed)


def order_queue(night: Night, audit: Audit | None, n_rows: int | None) -> NDArray[np.intp]:
    """Order the rows as a person should look at them: doubts first, the audit among them.

    Returns
    -------
    ndarray of int, shape (n_rows,)
    """
    order = night.rank_doubts()
    return (order if audit is None else audit.mix(order))[:n_rows]
