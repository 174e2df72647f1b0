"""A training whose epochs are judged on validation images, the best of them kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.metrics import Metrics, bootstrap_intervals, compute_metrics
from trifuse.datasets.table import LabelledTable
from trifuse.features.images import read_image
from trifuse.features.resize import resize
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.training.networks.batches import Batch, Batches
from trifuse.training.networks.checkpoint import load_checkpoint
from trifuse.training.networks.network import TrainableNetwork, build_scorer, network_weights
from trifuse.training.networks.schedule import best_epoch, is_finished
from trifuse.training.networks.trainer import Trainer

CHECKPOINTS = ("checkpoint.npz", "kept.npz")
"""The state of the training, and that of the epoch that is kept."""


class JudgedTrainer(Trainer):
    """Trains a network, judges its epochs, and stops early where nothing improves.

    Parameters
    ----------
    network : TrainableNetwork
    batches : Batches
    validation : LabelledTable
        Of the classes that the network learns.
    recipe : FinetuningRecipe
    folder : Path
        Of the `CHECKPOINTS`.
    fingerprint : str
        Of the data and the recipe.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        batches: Batches,
        validation: LabelledTable,
        recipe: FinetuningRecipe,
        folder: Path,
        fingerprint: str,
    ) -> None:
        last, self._kept = (folder / name for name in CHECKPOINTS)
        super().__init__(network, batches, validation.classes, recipe, last, fingerprint)
        self.validation, self.schedule = validation, recipe.schedule

    def figures(self) -> list[float]:
        """Give the monitored figure of each finished epoch, of which more is better."""
        monitor = self.schedule.monitor
        sign = -1 if monitor == "loss" else 1
        return [sign * epoch.validation[monitor] for epoch in self.progress.epochs]

    @property
    def kept_epoch(self) -> int:
        """The number, from 0, of the epoch whose network is kept."""
        figures = self.figures()
        return len(figures) - 1 if self.schedule.keep == "last" else best_epoch(figures)

    @property
    def finished(self) -> bool:
        """Whether the training is over."""
        return is_finished(self.figures(), self.schedule)

    def take_kept(self) -> None:
        """Set the network's weights to those of the epoch that is kept."""
        _, arrays = load_checkpoint(self._kept, self.progress.fingerprint)
        self._restore(arrays)
        self.take_average()

    def predict(self, paths: Sequence[Path]) -> NDArray[np.float64]:
        """Give the probabilities of images as the exported network would: (n_images, n_classes)."""
        export = self.recipe.export
        scorer = build_scorer([network_weights(self.network)], self.recipe)
        batch, parts = max(1, self.recipe.schedule.batch // export.views), []
        for start in range(0, len(paths), batch):
            images = [
                resize(read_image(path), (export.rows, export.columns))
                for path in paths[start : start + batch]
            ]
            maps = scorer.predict_on_batch(np.stack(images).astype(np.float32))["class_map"]
            parts.append(maps.mean(axis=(1, 2)))
        logits = np.concatenate(parts).astype(np.float64)
        self._check_finite(logits)
        return softmax(logits)

    def measure(self) -> tuple[Metrics, dict[str, Any]]:
        """Measure the network on the validation images, with intervals over lesions."""
        table, probabilities = self.validation, self.predict(self.validation.paths)
        labels, lesions = table.label_indices, table.group_indices
        return (
            compute_metrics(probabilities, labels, table.classes, lesions),
            bootstrap_intervals(probabilities, labels, lesions, table.classes),
        )

    def end_epoch(self) -> dict[str, float]:
        """Measure the network, with its mean weights where the recipe asks for a mean."""
        with self.averaged():
            metrics, _ = self.measure()
        return {
            "loss": metrics.log_loss,
            "bma": metrics.bma,
            "accuracy": metrics.accuracy,
            "top_3_accuracy": metrics.top_3_accuracy,
        }

    def show(self, batches: Iterable[Batch], first: int) -> Iterable[Batch]:
        """Show a bar of the epoch's steps on a terminal."""
        shown: Iterable[Batch] = tqdm(
            batches, f"epoch {len(self.progress.epochs) + 1}",
            total=self.steps_per_epoch, initial=first, disable=None, unit=" steps",
        )  # fmt: skip
        return shown

    def _keep_epoch(self) -> None:
        if self.kept_epoch == len(self.progress.epochs) - 1:
            self._save(self._kept)
