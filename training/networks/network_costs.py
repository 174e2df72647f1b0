"""What a cross-fitting of networks will cost, measured on a few steps, told before it begins."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path

import numpy as np

from trifuse.classifiers.output import OutputError
from trifuse.datasets.table import count
from trifuse.features.quiet import import_tensorflow
from trifuse.features.stages import duration
from trifuse.training.encoding import Source
from trifuse.training.networks.fold_network import FoldNetwork
from trifuse.training.networks.network import network_weights
from trifuse.training.networks.trunk import ChangedImage, CnnTrunk, changed_features

COPIES = 6
"""Of a network's weights on the disk: while it learns, with its optimiser's state, and after."""
TRIED = 8
"""Changes of an image whose features are timed."""


def announce(
    tasks: Sequence[FoldNetwork],
    images: Sequence[Source],
    trunk: CnnTrunk | None,
    jobs: int,
    say: Callable[[str], None],
) -> None:
    """Say how long the training of networks will take, and what disk and memory it needs.

    The processor time of a few steps is taken, for here TensorFlow may have several threads, and
    in the processes that train it has one. The steps are undone.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If the disk has not as much.
    """
    task, blank = tasks[0], None
    if task.kept:
        blank = np.broadcast_to(np.float16(0), task.kept.whole_shape)
    trainer = task.trainer(blank)
    a_step = trainer.seconds_a_step(clock=time.process_time)
    seconds = a_step * _longest([one.steps - one.steps_done() for one in tasks], jobs)
    disk = COPIES * len(tasks) * sum(array.nbytes for array in network_weights(trainer.network))
    if trunk and task.kept:
        missing = prod(task.kept.whole_shape) * 2 - _size(task.kept.path)
        disk += missing
        seconds += (
            missing / (2 * prod(task.kept.shape)) * _seconds_a_change(task, images, trunk) / jobs
        )
    import_tensorflow().keras.utils.clear_session()
    memory = (jobs + 1) * _peak_memory()
    backbone, epochs = task.recipe.network.backbone, range(task.recipe.schedule.epochs)
    say(
        f"fine-tuning {count(tasks, 'network')} ({backbone}), {count(epochs, 'epoch')} of "
        f"{count(range(trainer.steps_per_epoch), 'step')} each: about {duration(seconds)} on this "
        f"machine, {_gigabytes(disk)} of disk in {task.folder}, {_gigabytes(memory)} of memory"
    )
    free = shutil.disk_usage(task.folder).free
    if free < disk:
        msg = (
            f"{task.folder} needs {_gigabytes(disk)}, and its disk has {_gigabytes(free)} left; "
            "make room, name an output on another disk, or shorten [networks.schedule]."
        )
        raise OutputError(msg)


def _longest(steps: Sequence[int], jobs: int) -> int:
    """Give the steps of the process that has most, each taking the next task when it is done."""
    loads = [0] * jobs
    for own in steps:
        loads[loads.index(min(loads))] += own
    return max(loads)


def _seconds_a_change(task: FoldNetwork, images: Sequence[Source], trunk: CnnTrunk) -> float:
    """Time what the frozen layers make of one image, which is read once for all of its changes."""
    changed_features(trunk, task.recipe, ChangedImage(images[0], 0, range(1)))  # makes ready
    started = time.process_time()
    changed_features(trunk, task.recipe, ChangedImage(images[0], 0, range(TRIED)))
    return (time.process_time() - started) / TRIED


def _peak_memory() -> int:
    """Give the most that this process has had, in bytes; one that trains has about as much."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _gigabytes(n_bytes: float) -> str:
    """Write a number of bytes.

    >>> _gigabytes(1_234_567_890), _gigabytes(1)
    ('1.3 GB', '0.1 GB')
    """
    return f"{max(np.ceil(n_bytes / 1e8) / 10, 0.1):.1f} GB"
