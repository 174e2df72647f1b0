"""The training of a network, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.metrics import Metrics, compute_metrics
from trifuse.datasets.table import LabelledTable
from trifuse.features.images import read_image
from trifuse.features.resize import resize
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.studies.finetuning.batches import Batch, Batches
from trifuse.studies.finetuning.checkpoint import (
    Arrays,
    Epoch,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from trifuse.studies.finetuning.errors import FinetuningError
from trifuse.studies.finetuning.network import TrainableNetwork, build_scorer
from trifuse.studies.finetuning.schedule import best_epoch, is_finished, learning_rate

CHECKPOINTS = ("checkpoint.npz", "kept.npz")
"""The state of the training, and that of the epoch that is kept."""
SAVE_SECONDS = 60
"""Between checkpoints."""


class Trainer:
    """Trains a network, and goes on where a killed training stopped.

    Parameters
    ----------
    network : TrainableNetwork
    training, validation : LabelledTable
        With the same classes.
    recipe : FinetuningRecipe
    folder : Path
        Of the `CHECKPOINTS`.
    fingerprint : str
        Of the data and the recipe.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        training: LabelledTable,
        validation: LabelledTable,
        recipe: FinetuningRecipe,
        folder: Path,
        fingerprint: str,
    ) -> None:
        self.network, self.recipe = network, recipe
        network.model.optimizer.build(network.model.trainable_variables)
        self.validation = validation
        self.batches = Batches(training.paths, training.label_indices, recipe)
        self.steps_per_epoch = math.ceil(recipe.schedule.images_per_epoch / recipe.schedule.batch)
        self._last, self._kept = (folder / name for name in CHECKPOINTS)
        weights = recipe.balance.class_weights
        self._targets = np.eye(len(training.classes), dtype=np.float32)
        self._weights = np.array([weights.get(name, 1.0) for name in training.classes], np.float32)
        self.progress = Progress(fingerprint)
        if self._last.exists():
            self.progress, arrays = load_checkpoint(self._last, fingerprint)
            self._restore(arrays)
        self._saved = time.monotonic()

    @property
    def figures(self) -> list[float]:
        """The monitored validation figure of each finished epoch, of which more is better."""
        monitor = self.recipe.schedule.monitor
        sign = -1 if monitor == "loss" else 1
        return [sign * epoch.validation[monitor] for epoch in self.progress.epochs]

    @property
    def kept_epoch(self) -> int:
        """The number, from 0, of the epoch whose network is kept."""
        if self.recipe.schedule.keep == "last":
            return len(self.figures) - 1
        return best_epoch(self.figures)

    @property
    def finished(self) -> bool:
        """Whether the training is over."""
        return is_finished(self.figures, self.recipe.schedule)

    def estimate(self, steps: int = 3) -> float:
        """Give the seconds that the rest of the training takes, from a few steps that are undone.

        The validation at the end of the epochs is not in it.
        """
        arrays = self._arrays()
        batches = self.batches.iterate(0, steps + 1)
        self._learn(next(batches), 0.0)  # compiles
        start = time.perf_counter()
        for batch in batches:
            self._learn(batch, 0.0)
        seconds = (time.perf_counter() - start) / steps
        self._restore(arrays)
        total = self.recipe.schedule.epochs * self.steps_per_epoch
        return seconds * (total - self.progress.step)

    def run(self, say: Callable[[str], None]) -> None:
        """Train to the end; `say` is told of each epoch.

        Raises
        ------
        FinetuningError
            If the loss is no number any more.
        trifuse.features.images.ImageError
            If an image cannot be read.
        trifuse.classifiers.output.OutputError
            If a checkpoint cannot be written.
        """
        while not self.finished:
            self._run_epoch()
            epochs = self.progress.epochs
            figures = ", ".join(f"{name} {v:.3f}" for name, v in epochs[-1].validation.items())
            say(f"epoch {len(epochs)}: training loss {epochs[-1].loss:.3f}; validation {figures}")

    def take_kept(self) -> None:
        """Set the network's weights to those of the epoch that is kept."""
        _, arrays = load_checkpoint(self._kept, self.progress.fingerprint)
        self._restore(arrays)

    def predict(self, paths: Sequence[Path]) -> NDArray[np.float64]:
        """Give the probabilities of images as the exported network would: (n_images, n_classes)."""
        scorer, export = build_scorer(self.network, self.recipe), self.recipe.export
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

    def _run_epoch(self) -> None:
        schedule, figures = self.recipe.schedule, self.figures
        first = len(figures) * self.steps_per_epoch
        steps = range(self.progress.step, first + self.steps_per_epoch)
        shown = tqdm(
            self.batches.iterate(steps.start, steps.stop), f"epoch {len(figures) + 1}",
            total=self.steps_per_epoch, initial=steps.start - first, disable=None, unit=" steps",
        )  # fmt: skip
        for step, batch in zip(steps, shown, strict=True):
            rate = learning_rate(step, self.steps_per_epoch, figures, schedule)
            losses = [*self.progress.losses, self._learn(batch, rate)]
            self._check_finite(losses[-1])
            self._advance(step + 1, losses, self.progress.epochs)
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self._save(self._last)
        rate = learning_rate(steps.stop - 1, self.steps_per_epoch, figures, schedule)
        epoch = Epoch(float(np.mean(self.progress.losses)), self._validate(), rate)
        self._advance(steps.stop, [], [*self.progress.epochs, epoch])
        if self.kept_epoch == len(figures):
            self._save(self._kept)
        self._save(self._last)

    def _advance(self, step: int, losses: list[float], epochs: list[Epoch]) -> None:
        self.progress = Progress(self.progress.fingerprint, step, losses, epochs)

    def _check_finite(self, numbers: ArrayLike) -> None:
        if not np.all(np.isfinite(numbers)):
            msg = (
                f"the training diverged in epoch {len(self.progress.epochs) + 1}: the network "
                "gives no numbers any more; choose a lower learning_rate, or a longer warm_up"
            )
            raise FinetuningError(msg)

    def _learn(self, batch: Batch, rate: float) -> float:
        model = self.network.model
        model.optimizer.learning_rate = rate
        targets, weights = self._targets[batch.labels], self._weights[batch.labels]
        model.reset_metrics()
        return float(model.train_on_batch(batch.images, targets, sample_weight=weights))

    def measure(self) -> Metrics:
        """Measure the network on the validation images."""
        table = self.validation
        return compute_metrics(self.predict(table.paths), table.label_indices, table.classes)

    def _validate(self) -> dict[str, float]:
        metrics = self.measure()
        return {
            "loss": metrics.log_loss,
            "bma": metrics.bma,
            "accuracy": metrics.accuracy,
            "top_3_accuracy": metrics.top_3_accuracy,
        }

    def _variables(self) -> list[Any]:
        model = self.network.model
        return [*model.variables, *model.optimizer.variables]

    def _arrays(self) -> Arrays:
        return [variable.numpy() for variable in self._variables()]

    def _restore(self, arrays: Arrays) -> None:
        for variable, array in zip(self._variables(), arrays, strict=True):
            variable.assign(array)

    def _save(self, path: Path) -> None:
        save_checkpoint(path, self.progress, self._arrays())
        self._saved = time.monotonic()
