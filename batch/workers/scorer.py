"""One input becomes records: read, decoded, judged by the model; one that cannot be says why."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.batch.workers.messages import Request
from trifuse.batch.workers.record import Record
from trifuse.batch.workers.settings import WorkerSettings
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model import Model
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.prior import shift_prior
from trifuse.features.content import file_sha256
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom, read_dicom
from trifuse.features.images import ImageError, read_content, read_image


@dataclass(frozen=True)
class Scorer:
    """A loaded model, and the class shares to assume.

    Attributes
    ----------
    model : Model
    prior : ndarray of float64, shape (n_classes,), optional
    max_pixels : int
    """

    model: Model
    prior: NDArray[np.float64] | None
    max_pixels: int

    @classmethod
    def load(cls, settings: WorkerSettings) -> Scorer:
        """Load the model.

        Raises
        ------
        trifuse.classifiers.archive.ModelFileError
            If it cannot be used, or is another than it was.
        """
        path = Path(settings.model)
        model = load_model(path)
        if file_sha256(path) != settings.model_sha256:
            msg = f"The model {path} was replaced while images were being scored."
            raise ModelFileError(msg)
        prior = None if settings.prior is None else np.array(settings.prior)
        return cls(model, prior, settings.max_pixels)

    def score(self, request: Request) -> Iterator[Record]:
        """Give a record for each frame of an image, from the request's first frame on.

        Whatever is wrong with the image, or with this program, becomes a record.
        """
        sha256 = ""
        try:
            content = request.content
            if content is None:
                content = read_content(os.fsdecode(request.path))
            sha256 = hashlib.sha256(content).hexdigest()
            if is_dicom(content[:DICOM_START_BYTES]):
                yield from self._score_dicom(content, sha256, request.first_frame)
            else:
                image = read_image(content, max_pixels=self.max_pixels)
                yield self._judge(image)._replace(sha256=sha256)
        except Exception as error:  # noqa: BLE001 - one image must not end the job
            yield Record(None, explain(error), sha256=sha256)

    def _score_dicom(self, content: bytes, sha256: str, first_frame: int) -> Iterator[Record]:
        for frame in read_dicom(content, max_pixels=self.max_pixels, first_frame=first_frame):
            if frame.image is None:
                record = Record(None, frame.message)
            else:
                try:
                    record = self._judge(frame.image)
                except Exception as error:  # noqa: BLE001 - the other frames have rows too
                    record = Record(None, explain(error))
            yield record._replace(
                sha256=sha256, uid=frame.uid, frame=frame.index, frames=frame.frames
            )

    def _judge(self, image: NDArray[np.uint8]) -> Record:
        verdict = self.model.judge(image)
        probabilities = verdict.probabilities
        if self.prior is not None:
            probabilities = shift_prior(probabilities, self.model.ensemble.prior, self.prior)
        if not np.all(np.isfinite(probabilities)):
            msg = "its probabilities are no numbers"
            raise ArithmeticError(msg)
        return Record(
            tuple(probabilities.tolist()),
            unfamiliar=verdict.unfamiliar,
            flaws=verdict.flaws,
            prediction_set=verdict.prediction_set,
        )


def explain(error: Exception) -> str:
    """Say in a sentence without a path why an image could not be scored."""
    if isinstance(error, ImageError):
        return str(error)
    if isinstance(error, MemoryError) or "Insufficient memory" in str(error):  # OpenCV's words
        return "cannot score the image: it needs more memory than a worker may have (--memory)"
    return f"cannot score the image: trifuse failed at it ({type(error).__name__}); please report"
