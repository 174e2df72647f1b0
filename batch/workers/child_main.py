"""The process that decodes and scores images, one at a time, under its supervisor.

It may be killed by an image at any moment: it writes no file, and nothing is lost with it.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.batch.inputs.items import Record, find_errno
from trifuse.batch.workers.messages import Pipe, Reply, Request, WorkerSettings
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.metadata import clean_cell
from trifuse.classifiers.model import Model
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.prior import shift_prior
from trifuse.features.dicom import read_frames
from trifuse.features.files import file_sha256
from trifuse.features.images import ImageError, read_content
from trifuse.features.processes import belong_to, limit_threads
from trifuse.features.resize import encode_thumbnail

_WANT_OF_MEMORY = re.compile(
    r"too much memory|insufficient memory|out of memory|cannot allocate|bad.?alloc", re.IGNORECASE
)
"""How our own readers, OpenCV, Pillow, the system and C++ say so."""


def run_child() -> None:
    """Serve requests from standard input to standard output until the supervisor is gone."""
    requests, replies = Pipe(os.dup(0)), Pipe(os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what libraries print would damage the replies
        os.dup2(nowhere, descriptor)
    belong_to(int(sys.argv[1]))
    with suppress(EOFError, BrokenPipeError):
        settings = requests.receive(WorkerSettings)
        limit_memory(settings.memory)
        serve(settings, requests, replies)


def serve(settings: WorkerSettings, requests: Pipe, replies: Pipe) -> None:
    """Load the model, say so, and answer requests."""
    try:
        if _holds() > settings.memory * 2**20:  # more than the limit, which stops growth alone
            raise MemoryError
        limit_threads()
        scorer = Thumbnailer.of(settings) if settings.thumbnail else Scorer.load(settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor must be told
        own = type(error).__module__.startswith("trifuse.")
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        replies.send(Reply(error=str(error) if own else f"A worker cannot start: {reason}."))
        return
    replies.send(Reply())
    while True:
        for record in scorer.score(requests.receive(Request)):
            replies.send(Reply(record))
        replies.send(Reply())


def limit_memory(megabytes: int) -> None:
    """Bound the data of this process, so that a bursting image costs itself and not the machine.

    Data is what a process writes to: its heap and its private memory (Linux 4.7 or newer; macOS
    takes the limit and ignores it).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * 2**20
    with suppress(ValueError, OSError):  # not above what somebody else has set
        resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, hard) if hard > 0 else wanted, hard))


def _holds() -> int:
    """Give the bytes of data that this process has, as the limit counts them; 0 if unknown."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[5]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class FrameWorker(ABC):
    """Answers a request with a record a frame, whatever the image does."""

    max_pixels: int
    least_side: int | None = None
    """What pictures are made of it; see `trifuse.features.images.read_image`."""

    @property
    def columns(self) -> Sequence[str]:
        """What is made use of, where it is known of an image: the cells of `judge`."""
        return ()

    @abstractmethod
    def judge(self, image: NDArray[np.uint8], sha256: str, cells: Sequence[str]) -> Record:
        """Give what is said of a frame, RGB, uint8 (rows, columns, 3)."""

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
            yield from self._score_frames(content, sha256, request)
        except Exception as error:  # noqa: BLE001 - one image must not end the job
            errno = 0 if sha256 else find_errno(error)  # what was read is not the storage's
            yield Record(None, explain(error), sha256=sha256, errno=errno)

    def _score_frames(self, content: bytes, sha256: str, request: Request) -> Iterator[Record]:
        for frame in read_frames(
            content,
            max_pixels=self.max_pixels,
            first_frame=request.first_frame,
            least_side=self.least_side,
        ):
            if frame.image is None:
                record = Record(None, explain(ImageError(frame.message)))
            else:
                try:
                    known = zip_longest(self.columns, request.cells, fillvalue="")
                    cells = [
                        cell if clean_cell(cell) else frame.facts.get(name, cell)
                        for name, cell in known
                    ]
                    record = self.judge(frame.image, sha256, cells)
                except Exception as error:  # noqa: BLE001 - the other frames have rows too
                    record = Record(None, explain(error))
            yield record._replace(
                sha256=sha256,
                uid=frame.uid,
                study=frame.study,
                frame=frame.index,
                frames=frame.frames,
            )


@dataclass(frozen=True)
class Thumbnailer(FrameWorker):
    """Makes thumbnails.

    Attributes
    ----------
    max_pixels : int
    least_side : int
        Their longest side.
    """

    max_pixels: int
    least_side: int

    @classmethod
    def of(cls, settings: WorkerSettings) -> Thumbnailer:
        """Take what of the settings it needs."""
        return cls(settings.max_pixels, settings.thumbnail)

    def judge(self, image: NDArray[np.uint8], sha256: str, cells: Sequence[str]) -> Record:  # noqa: ARG002
        """Give a record with the thumbnail."""
        return Record(None, thumbnail=encode_thumbnail(image, self.least_side))


@dataclass(frozen=True)
class Scorer(FrameWorker):
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

    @property
    def columns(self) -> Sequence[str]:
        """Those of the model."""
        return self.model.columns

    def judge(self, image: NDArray[np.uint8], sha256: str, cells: Sequence[str]) -> Record:
        """Give a record with the probabilities."""
        self.model.encoder.extractor.check_size(image.shape)
        verdict = self.model.judge(image, cells)
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
            is_training_image=self.model.training_images.hold(sha256),
            alert=verdict.alert,
        )


def explain(error: Exception) -> str:
    """Say in a sentence without a path why an image could not be scored."""
    if isinstance(error, MemoryError) or _WANT_OF_MEMORY.search(str(error)):
        return "cannot score the image: it needs more memory than a worker may have; raise --memory"
    if isinstance(error, ImageError):
        return str(error)
    return f"cannot score the image: trifuse failed at it ({type(error).__name__}); please report"


if __name__ == "__main__":
    run_child()
