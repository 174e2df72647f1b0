"""The frozen part of a network, computed once: features of changed images, kept on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.litert import LitertNetwork
from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.training.encoding import Source, read_pixels
from trifuse.training.networks.augmentation import augment
from trifuse.training.networks.batches import drawing_shares
from trifuse.training.networks.schedule import count_steps
from trifuse.training.networks.work_folder import grow_array, read_array
from trifuse.training.parallel import map_images

AT_ONCE = 16
"""Changes of an image that are computed together."""


class CnnTrunk(LitertNetwork):
    """The frozen layers of `trifuse.training.networks.network.split_network`."""

    OUTPUTS: ClassVar = {"features": 4}

    def features(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the frozen layers make of one image; float32 (rows, columns, channels)."""
        return self.run(image)["features"]


class KeptFeatures(NamedTuple):
    """What the frozen layers make of changed images, on the disk.

    Attributes
    ----------
    path : Path
        Of the file.
    changes : ndarray of int, shape (n_images,)
        Of each image; those of the first are followed by those of the second, and so on.
    shape : tuple of int
        Of the features of one change: rows, columns, channels.
    """

    path: Path
    changes: NDArray[np.intp]
    shape: tuple[int, ...]

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Of the features of all changes: changes, rows, columns, channels."""
        return (int(self.changes.sum()), *self.shape)

    def open(self) -> NDArray[np.float16]:
        """Map the features that `store_features` made, to be read."""
        return read_array(self.path, self.whole_shape, np.float16)  # type: ignore[return-value]


def count_changes(labels: NDArray[np.intp], recipe: NetworkRecipe) -> NDArray[np.intp]:
    """Give how many changes of each image are kept: as many as a network may be expected to draw.

    So the images of rare classes, which are drawn again and again, are seldom seen twice alike: a
    network draws somewhat more of each, for it does not learn from all images, and some by chance.

    Parameters
    ----------
    labels : ndarray of int, shape (n_images,)
    recipe : NetworkRecipe

    Returns
    -------
    ndarray of int, shape (n_images,)
        At least 1.
    """
    draws = count_steps(recipe.schedule) * recipe.schedule.batch
    expected = draws * drawing_shares(labels, recipe.balance.exponent)
    return np.ceil(expected - 1e-9).astype(np.intp)  # whole numbers are so on every machine


def store_features(
    kept: KeptFeatures,
    images: Sequence[Source],
    trunk: CnnTrunk,
    recipe: NetworkRecipe,
    jobs: int | None,
) -> None:
    """Compute what the file lacks of the features of the changes of every image, one after another.

    Change n of image i is a function of the recipe's seed, n and i alone.

    Raises
    ------
    trifuse.features.images.ImageError
        If an image cannot be read.
    trifuse.classifiers.output.OutputError
        If the file cannot be written.
    """
    compute, last = partial(changed_features, trunk, recipe), np.cumsum(kept.changes)

    def rows(done: int) -> Iterator[NDArray[np.float16]]:
        missing = np.minimum(kept.changes, last - done)
        items = [
            ChangedImage(images[row], row, changes[first : first + AT_ONCE])
            for row in np.flatnonzero(missing > 0).tolist()
            for changes in [range(kept.changes[row])[-missing[row] :]]
            for first in range(0, len(changes), AT_ONCE)
        ]
        found = map_images(compute, items, "computing the frozen layers, once", jobs)
        return chain.from_iterable(found)

    grow_array(kept.path, kept.whole_shape, np.float16, rows)


class ChangedImage(NamedTuple):
    """An image with its number, and the numbers of some of its changes."""

    source: Source
    row: int
    changes: range


def changed_features(
    trunk: CnnTrunk, recipe: NetworkRecipe, item: ChangedImage
) -> NDArray[np.float16]:
    """Give what the frozen layers make of some changes of an image, float16 (n, *shape)."""
    image, found = read_pixels(item.source), []
    for change in item.changes:
        random = np.random.default_rng((recipe.random_state, item.row, change))
        changed = augment(image, recipe.network.side, recipe.augmentation, random)
        found.append(trunk.features(np.rint(changed).astype(np.uint8)).astype(np.float16))
    return np.stack(found)
