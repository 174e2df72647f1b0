"""Batches of training images, each a function of the seed and the step alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.training.encoding import Source, read_pixels
from trifuse.training.networks.augmentation import augment
from trifuse.training.networks.schedule import count_steps

AHEAD = 3
"""Batches that are made while the network learns from another."""


class Batch(NamedTuple):
    """What one step learns from.

    Attributes
    ----------
    images : ndarray of float32, shape (batch, side, side, 3)
        RGB in 0 to 255; of stored ones the features, (batch, rows, columns, channels).
    labels : ndarray of int, shape (batch,)
    others : ndarray of int, shape (batch,)
        Labels of the images that were mixed with them.
    shares : ndarray of float32, shape (batch,)
        Of the first of both labels; 1 where nothing is mixed.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.intp]
    others: NDArray[np.intp]
    shares: NDArray[np.float32]


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
    images : sequence of Source
    labels : ndarray of int, shape (n_images,)
    recipe : NetworkRecipe
    """

    def __init__(
        self, images: Sequence[Source], labels: NDArray[np.intp], recipe: NetworkRecipe
    ) -> None:
        self.images, self.labels, self.recipe = images, labels, recipe
        self._shares = drawing_shares(labels, recipe.balance.exponent)

    def make(self, step: int) -> Batch:
        """Make the batch of a step.

        Raises
        ------
        trifuse.features.images.ImageError
            If an image cannot be read.
        """
        size, mixup = self.recipe.schedule.batch, self.recipe.augmentation.mixup
        random = np.random.default_rng((self.recipe.random_state, step))
        rows = self._rows(random)
        images = self.look(step, rows, random)
        labels = self.labels[rows]
        if not mixup:
            return Batch(images, labels, labels, np.ones(size, np.float32))
        shares = random.beta(mixup, mixup, size).astype(np.float32)
        others = random.permutation(size)
        shown = shares[:, None, None, None]
        mixed = shown * images + (1 - shown) * images[others]
        return Batch(mixed, labels, labels[others], shares)

    def look(
        self,
        step: int,  # noqa: ARG002
        rows: NDArray[np.intp],
        random: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Give what a step sees of images, each changed at random."""
        side, options = self.recipe.network.side, self.recipe.augmentation
        return np.stack(
            [
                augment(read_pixels(self.images[row]), side, options, own)
                for row, own in zip(rows, random.spawn(len(rows)), strict=True)
            ]
        )

    def rows(self, step: int) -> NDArray[np.intp]:
        """Give the images that a step draws."""
        return self._rows(np.random.default_rng((self.recipe.random_state, step)))

    def _rows(self, random: np.random.Generator) -> NDArray[np.intp]:
        size = self.recipe.schedule.batch
        return random.choice(len(self.labels), size=size, p=self._shares)

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


class StoredBatches(Batches):
    """Batches of what the frozen layers make of images: each draw takes the image's next change.

    Parameters
    ----------
    features : ndarray of float16, shape (n_changes, rows, columns, channels)
        Of the changes of the first image, then of the second, and so on.
    changes : ndarray of int, shape (n_all,)
        Of each image, kept or not.
    rows : ndarray of int, shape (n_images,)
        The images that are learnt from, of all.
    labels : ndarray of int, shape (n_images,)
    recipe : NetworkRecipe
    """

    def __init__(
        self,
        features: NDArray[np.float16],
        changes: NDArray[np.intp],
        rows: NDArray[np.intp],
        labels: NDArray[np.intp],
        recipe: NetworkRecipe,
    ) -> None:
        super().__init__((), labels, recipe)
        self.features = features
        drawn = rows[[self.rows(step) for step in range(count_steps(recipe.schedule))]]
        first = np.cumsum(changes) - changes
        self._places = first[drawn] + _occurrences(drawn) % changes[drawn]

    def look(
        self,
        step: int,
        rows: NDArray[np.intp],  # noqa: ARG002
        random: np.random.Generator,  # noqa: ARG002
    ) -> NDArray[np.float32]:
        """Give the kept features of what a step draws; float32 (batch, rows, columns, channels)."""
        places = self._places[step % len(self._places)]  # a trial may have more steps
        return np.asarray(self.features[places], np.float32)


def _occurrences(drawn: NDArray[np.intp]) -> NDArray[np.intp]:
    """Count, for each entry of an array, the same ones before it.

    >>> _occurrences(np.array([[3, 5], [3, 3]])).tolist()
    [[0, 0], [1, 2]]
    """
    flat = drawn.ravel()
    order = np.argsort(flat, kind="stable")
    _, starts, sizes = np.unique(flat[order], return_index=True, return_counts=True)
    counted = np.empty_like(flat)
    counted[order] = np.arange(len(flat)) - np.repeat(starts, sizes)
    return counted.reshape(drawn.shape)
