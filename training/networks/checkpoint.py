"""The state of a fine-tuning on the disk, from which it goes on to the step after a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.output import open_output
from trifuse.training.networks.network import FinetuningError

Arrays = list[NDArray[Any]]
"""The values of Keras variables, in their order."""


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Attributes
    ----------
    loss : float
        Mean training loss over its steps, augmentation and smoothing included.
    validation : dict of str to float
        Figures on the validation images.
    learning_rate : float
        Of its last step.
    """

    loss: float
    validation: dict[str, float]
    learning_rate: float


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training has come.

    Attributes
    ----------
    fingerprint : str
        Of the data and the recipe.
    step : int
        Steps done.
    losses : list of float
        Of the steps of the epoch that has begun.
    epochs : list of Epoch
        Those that are done.
    """

    fingerprint: str
    step: int = 0
    losses: list[float] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)


def save_checkpoint(path: Path, progress: TrainingProgress, arrays: Arrays) -> None:
    """Write a checkpoint; the file is the old one or the new one, whole, at any moment.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    about = np.frombuffer(json.dumps(asdict(progress)).encode(), dtype=np.uint8)
    with open_output(path) as file:
        np.savez(file, about, *arrays)


def load_checkpoint(path: Path, fingerprint: str) -> tuple[TrainingProgress, Arrays]:
    """Read a checkpoint.

    Raises
    ------
    FinetuningError
        If it cannot be read, or is of other data or of another recipe.
    """
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            about, *arrays = (file[f"arr_{number}"] for number in range(len(file.files)))
        progress = msgspec.json.decode(about.tobytes(), type=TrainingProgress)
    except Exception as error:  # NumPy and zipfile promise no closed list for damaged bytes
        msg = f"{path} is no checkpoint that can be read; delete it to begin anew"
        raise FinetuningError(msg) from error
    if progress.fingerprint != fingerprint:
        msg = (
            f"{path} is of other images or of another recipe; name another folder, "
            "or say --overwrite to begin anew"
        )
        raise FinetuningError(msg)
    return progress, arrays
