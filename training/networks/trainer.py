"""The training of a network, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.training.networks.batches import Batch, Batches
from trifuse.training.networks.checkpoint import (
    Arrays,
    Epoch,
    TrainingProgress,
    load_checkpoint,
    save_checkpoint,
)
from trifuse.training.networks.network import FinetuningError, TrainableNetwork
from trifuse.training.networks.schedule import count_steps, learning_rate

SAVE_SECONDS = 60
"""Between checkpoints."""


class Trainer:
    """Trains a network to its last step, and goes on where a killed training stopped.

    Parameters
    ----------
    network : TrainableNetwork
    batches : Batches
    classes : sequence of str
    recipe : NetworkRecipe
    checkpoint : Path
        Of the state of the training.
    fingerprint : str
        Of the data and the recipe.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        batches: Batches,
        classes: Sequence[str],
        recipe: NetworkRecipe,
        checkpoint: Path,
        fingerprint: str,
    ) -> None:
        self.network, self.batches, self.recipe = network, batches, recipe
        network.model.optimizer.build(network.model.trainable_variables)
        self.total, self.steps_per_epoch = (
            count_steps(recipe.schedule),
            count_steps(recipe.schedule, 1),
        )
        weights = recipe.balance.class_weights
        self._targets = np.eye(len(classes), dtype=np.float32)
        self._weights = np.array([weights.get(name, 1.0) for name in classes], np.float32)
        self._last = checkpoint
        self.progress = TrainingProgress(fingerprint)
        if checkpoint.exists():
            self.progress, arrays = load_checkpoint(checkpoint, fingerprint)
            self._restore(arrays)
        self._saved = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the training is over."""
        return len(self.progress.epochs) == self.recipe.schedule.epochs

    def seconds_a_step(
        self, steps: int = 3, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """Time a few steps, which are undone."""
        arrays = self._arrays()
        batches = self.batches.iterate(0, steps + 1)
        self._learn(next(batches), 0.0)  # compiles
        start = clock()
        for batch in batches:
            self._learn(batch, 0.0)
        seconds = (clock() - start) / steps
        self._restore(arrays)
        return seconds

    def run(self, say: Callable[[str], None], tell: Callable[[int], None] = lambda _: None) -> None:
        """Train to the end; `say` is told of each epoch, and `tell` how many steps are done.

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
            self._run_epoch(tell)
            epochs = self.progress.epochs
            figures = ", ".join(f"{name} {v:.3f}" for name, v in epochs[-1].validation.items())
            judged = f"; validation {figures}" if figures else ""
            say(f"epoch {len(epochs)}: training loss {epochs[-1].loss:.3f}{judged}")

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have its mean weights in the block, where the recipe asks for a mean."""
        arrays = self._arrays()
        self.take_average()
        yield
        self._restore(arrays)

    def take_average(self) -> None:
        """Set the network's weights to their mean, where the recipe asks for one."""
        model = self.network.model
        model.optimizer.finalize_variable_values(model.trainable_variables)

    def figures(self) -> list[float]:
        """Give a figure of each finished epoch, of which more is better; none where none judges."""
        return []

    def end_epoch(self) -> dict[str, float]:
        """Give the figures of the epoch whose last step is done."""
        return {}

    def show(self, batches: Iterable[Batch], first: int) -> Iterable[Batch]:  # noqa: ARG002
        """Show a person the batches of an epoch, from its step `first` on, as they go by."""
        return batches

    def _run_epoch(self, tell: Callable[[int], None]) -> None:
        schedule, figures, done = self.recipe.schedule, self.figures(), len(self.progress.epochs)
        first = done * self.steps_per_epoch
        steps = range(self.progress.step, first + self.steps_per_epoch)
        batches = self.show(self.batches.iterate(steps.start, steps.stop), steps.start - first)
        for step, batch in zip(steps, batches, strict=True):
            rate = learning_rate(step, self.steps_per_epoch, figures, schedule)
            losses = [*self.progress.losses, self._learn(batch, rate)]
            self._check_finite(losses[-1])
            self._advance(step + 1, losses, self.progress.epochs)
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self._save(self._last)
            tell(step + 1)
        rate = learning_rate(steps.stop - 1, self.steps_per_epoch, figures, schedule)
        epoch = Epoch(float(np.mean(self.progress.losses)), self.end_epoch(), rate)
        self._advance(steps.stop, [], [*self.progress.epochs, epoch])
        self._keep_epoch()
        self._save(self._last)

    def _keep_epoch(self) -> None:
        """Keep the network of the epoch that has ended, if it is to be kept beside the last one."""

    def _advance(self, step: int, losses: list[float], epochs: list[Epoch]) -> None:
        self.progress = TrainingProgress(self.progress.fingerprint, step, losses, epochs)

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
        targets, weights = (
            _mix(table[batch.labels], table[batch.others], batch.shares)
            for table in (self._targets, self._weights)
        )
        model.reset_metrics()
        return float(model.train_on_batch(batch.images, targets, sample_weight=weights))

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


def _mix(first: Any, second: Any, shares: Any) -> Any:
    """Mix what two labels stand for; exactly the first where its share is 1."""
    parts = shares.reshape(-1, *[1] * (first.ndim - 1))
    return parts * first + (1 - parts) * second
