"""The worker: a small callable that turns paths into records, with the model once a process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.prior import read_prior, shift_prior
from trifuse.features.images import ImageError, read_image
from trifuse.features.threads import limit_threads


class Record(NamedTuple):
    """What became of one input: probabilities, or the reason why there are none."""

    image: str
    probabilities: NDArray[np.float64] | None
    message: str = ""


@dataclass(frozen=True)
class Scorer:
    """Scores chunks of images; cheap to send to another process.

    Attributes
    ----------
    model_path : Path
    prior : str
        See `trifuse.classifiers.prior.read_prior`.
    max_pixels : int
        Larger images are not decoded.
    made : int
        Tells jobs apart: a process that outlives one must not score the next by its model.
    """

    model_path: Path
    prior: str
    max_pixels: int
    made: int = field(default_factory=time.time_ns)

    def __call__(self, paths: Sequence[str]) -> list[Record]:
        """Score images; one that cannot be read gives a record that says why."""
        model, prior = _load(self)
        return [self._score(path, model, prior) for path in paths]

    def _score(self, path: str, model: Model, prior: NDArray[np.float64]) -> Record:
        try:
            probabilities = model.predict(read_image(path, max_pixels=self.max_pixels))
        except ImageError as error:
            return Record(path, None, str(error))
        except MemoryError:
            return Record(path, None, f"cannot score {path}: there is not enough memory for it")
        return Record(path, shift_prior(probabilities, model.ensemble.prior, prior))


@lru_cache(maxsize=1)
def _load(scorer: Scorer) -> tuple[Model, NDArray[np.float64]]:
    limit_threads()
    model = load_model(scorer.model_path)
    return model, read_prior(scorer.prior, model.classes, model.ensemble.prior)
