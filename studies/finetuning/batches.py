"""Batches of training images, each a function of the seed and the step alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.images import read_image
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.studies.finetuning.augmentation import augment

AHEAD = 3
"""Batches that are made while the network learns from another."""


class Batch(NamedTuple):
    """What one step learns from.

    Attributes
    ----------
    images : ndarray of float32, shape (batch, side, side, 3)
        RGB in 0 to 255.
    labels : ndarray of int, shape (batch,)
    """

    images: NDArray[np.float32]
    labels: NDArray[np.intp]


def drawing_shares(labels: NDArray[np.intp], exponent: float) -> NDArray[np.float64]:
    """Give the probability with which each image is drawn.

    It is proportional to ``n_c ** -exponent``, with n_c the images of its class.

    Parameters
    ----------
    labels : ndarray of int, shape (n_images,)
    exponent : float
        0 draws every image alike, 1 every class.

    Returns
    -------
    ndarray of float64, shape (n_images,)

    Examples
    --------
    >>> drawing_shares(np.array([0, 0, 0, 1]), 1.0).round(3).tolist()
    [0.167, 0.167, 0.167, 0.5]
    """
    weights = np.bincount(labels)[labels] ** -float(exponent)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


class Batches:
    """The batches of a training.

    Every batch is drawn, and every image changed, by random numbers seeded with the recipe's seed
    and the number of the step: a training that goes on after a kill sees what it would have seen.

    Parameters
    ----------
    paths : sequence of Path
    labels : ndarray of int, shape (n_images,)
    recipe : FinetuningRecipe
    """

    def __init__(
        self, paths: Sequence[Path], labels: NDArray[np.intp], recipe: FinetuningRecipe
    ) -> None:
        self.paths, self.labels, self.recipe = paths, labels, recipe
        self._shares = drawing_shares(labels, recipe.balance.exponent)

    def make(self, step: int) -> Batch:
        """Make the batch of a step.

        Raises
        ------
        trifuse.features.images.ImageError
            If an image cannot be read.
        """
        recipe = self.recipe
        random = np.random.default_rng((recipe.random_state, step))
        rows = random.choice(len(self.paths), size=recipe.schedule.batch, p=self._shares)
        images = [
            augment(
                read_image(self.paths[row]), recipe.network.side, recipe.augmentation, generator
            )
            for row, generator in zip(rows, random.spawn(len(rows)), strict=True)
        ]
        return Batch(np.stack(images), self.labels[rows])

    def iterate(self, start: int, stop: int) -> Iterator[Batch]:
        """Give the batches of the steps from `start` to before `stop`, the next ones made ahead."""
        with ThreadPoolExecutor(1) as pool:
            steps = iter(range(start, stop))
            ahead: list[Future[Batch]] = [
                pool.submit(self.make, step) for step in islice(steps, AHEAD)
            ]
            try:
                while ahead:
                    batch = ahead.pop(0).result()
                    ahead.extend(pool.submit(self.make, step) for step in islice(steps, 1))
                    yield batch
            finally:
                for future in ahead:
                    future.cancel()
