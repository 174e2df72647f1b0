"""One of the networks that are cross-fitted: trained in a process of its own, and kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.output import open_output
from trifuse.features.files import file_sha256
from trifuse.features.litert import CnnClassifier
from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.training.encoding import Source, read_pixels
from trifuse.training.networks.batches import Batches, StoredBatches
from trifuse.training.networks.checkpoint import load_checkpoint
from trifuse.training.networks.network import (
    Weights,
    build_network,
    export_network,
    network_weights,
    split_network,
)
from trifuse.training.networks.schedule import count_steps
from trifuse.training.networks.trainer import Trainer
from trifuse.training.networks.trunk import KeptFeatures
from trifuse.training.networks.work_folder import write_whole


@dataclass(frozen=True)
class FoldNetwork:
    """What one process needs to train a network.

    Attributes
    ----------
    number : int
        From 0, of all networks.
    recipe : NetworkRecipe
        With a seed of its own.
    trunk_seed : int
        Of the layers that all networks have in common, where these are random.
    images : sequence of Source
        All.
    labels : ndarray of int, shape (n_images,)
    classes : tuple of str
    rows : ndarray of int
        The images that it learns from.
    calibration : sequence of Source
        Those of them on which the ranges of a network of 8 bits are measured.
    kept : KeptFeatures or None
        None where images are changed anew at every step.
    folder : Path
    """

    number: int
    recipe: NetworkRecipe
    trunk_seed: int
    images: Sequence[Source]
    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    rows: NDArray[np.intp]
    calibration: Sequence[Source]
    kept: KeptFeatures | None
    folder: Path

    def is_finished(self) -> bool:
        """Tell whether it was trained already."""
        return self._file("tflite").exists()

    def steps_done(self) -> int:
        """Give the steps of which its checkpoint tells."""
        if not self._file("checkpoint.npz").exists():
            return 0
        return load_checkpoint(self._file("checkpoint.npz"), self._name)[0].step

    def classifier(self) -> CnnClassifier:
        """Give the network that was trained, as it scores images."""
        return CnnClassifier(self._file("tflite").read_bytes())

    def weights(self) -> Weights:
        """Give the weights of the network that was trained."""
        with np.load(self._file("weights.npz"), allow_pickle=False) as file:
            return [file[f"arr_{number}"] for number in range(len(file.files))]

    def trainer(self, features: NDArray[np.float16] | None = None) -> Trainer:
        """Build the network, and make ready to train it from where it was left.

        Parameters
        ----------
        features : ndarray of float16, optional
            In the place of those that are kept.
        """
        with warnings.catch_warnings():  # of random weights the first look has told
            warnings.simplefilter("ignore")
            network = build_network(self.recipe, len(self.classes), self.trunk_seed)
        labels = self.labels[self.rows]
        batches: Batches
        if self.kept:
            _, network = split_network(network, self.recipe)
            if features is None:
                features = self.kept.open()
            batches = StoredBatches(features, self.kept.changes, self.rows, labels, self.recipe)
        else:
            batches = Batches([self.images[row] for row in self.rows], labels, self.recipe)
        checkpoint = self._file("checkpoint.npz")
        return Trainer(network, batches, self.classes, self.recipe, checkpoint, self._name)

    def finish(self, trainer: Trainer) -> None:
        """Keep the network that was trained, and then no more its checkpoint."""
        trainer.take_average()
        images = [read_pixels(source) for source in self.calibration]
        weights = network_weights(trainer.network)
        with open_output(self._file("weights.npz")) as file:
            np.savez(file, *weights)
        write_whole(self._file("tflite"), export_network([weights], self.recipe, images))
        self._file("checkpoint.npz").unlink(missing_ok=True)

    def about(self, fingerprint: str) -> dict[str, Any]:
        """Give what a model file tells of it; the fingerprint is of what it follows from."""
        return {
            "backbone": self.recipe.network.backbone,
            "fingerprint": fingerprint,
            "images_seen": len(self.rows),
            "sha256": file_sha256(self._file("tflite")),
        }

    @property
    def steps(self) -> int:
        """All that it is trained for."""
        return count_steps(self.recipe.schedule)

    @property
    def _name(self) -> str:
        return f"network-{self.number + 1}"

    def _file(self, kind: str) -> Path:
        return self.folder / f"{self._name}.{kind}"


def train_fold_network(task: FoldNetwork, tell: Callable[[int], None]) -> None:
    """Train a network to its last step; `tell` is told how many are done.

    Raises
    ------
    FinetuningError, ImageError, OutputError, BackboneError
    """
    trainer = task.trainer()
    tell(trainer.progress.step)
    trainer.run(lambda _: None, tell)
    task.finish(trainer)
