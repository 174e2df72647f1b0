"""The frozen part of a network, computed once: features of changed images, kept on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.features.litert import LitertNetwork
from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.training.encoding import Source, read_pixels
from trifuse.training.networks.augmentation import augment
from trifuse.training.networks.work_folder import grow_array, read_array
from trifuse.training.parallel import map_images

Shape: TypeAlias = tuple[int, int, int, int, int]
"""Of the features: images, changes of each, rows, columns, channels."""


class CnnTrunk(LitertNetwork):
    """The frozen layers of `trifuse.training.networks.network.split_network`."""

    OUTPUTS: ClassVar = {"features": 4}

    def features(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the frozen layers make of one image; float32 (rows, columns, channels)."""
        return self.run(image)["features"]


def store_features(
    path: Path,
    shape: Shape,
    images: Sequence[Source],
    trunk: CnnTrunk,
    recipe: NetworkRecipe,
    jobs: int | None,
) -> None:
    """Compute what the file lacks of the features of every image, changed `shape[1]` times.

    Change n of image i is a function of the recipe's seed, n and i alone.

    Raises
    ------
    trifuse.features.images.ImageError
        If an image cannot be read.
    trifuse.classifiers.output.OutputError
        If the file cannot be written.
    """
    compute = partial(changed_features, trunk, recipe, shape[1])

    def rows(done: int) -> Iterator[NDArray[np.float16]]:
        items = list(enumerate(images))[done:]
        return map_images(compute, items, "computing the frozen layers, once", jobs)

    grow_array(path, shape, np.float16, rows)


def open_features(path: Path, shape: Shape) -> NDArray[np.float16]:
    """Map the features that `store_features` made, to be read."""
    return read_array(path, shape, np.float16)  # type: ignore[return-value]


def changed_features(
    trunk: CnnTrunk, recipe: NetworkRecipe, n_changes: int, item: tuple[int, Source]
) -> NDArray[np.float16]:
    """Give what the frozen layers make of the changes of an image, which comes with its number."""
    row, source = item
    image, found = read_pixels(source), []
    for change in range(n_changes):
        random = np.random.default_rng((recipe.random_state, row, change))
        changed = augment(image, recipe.network.side, recipe.augmentation, random)
        found.append(trunk.features(np.rint(changed).astype(np.uint8)).astype(np.float16))
    return np.stack(found)
