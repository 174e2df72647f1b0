"""The batch job: inputs become predictions.csv and its run manifest."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.parallel import map_chunks
from trifuse.batch.scorer import Record, Scorer
from trifuse.batch.table import header, row, write_row
from trifuse.classifiers.model_file import LIBRARIES, read_about
from trifuse.classifiers.output import check_output, open_output
from trifuse.classifiers.prior import TRAINING
from trifuse.features.images import MAX_PIXELS

STDOUT = "-"
TOP = 3
"""Classes a row, where the model has as many and nothing else was asked for."""
CHUNK_SIZE = 8
"""Images that a worker process takes at a time."""


class OptionsError(ValueError):
    """An option of a batch job that is out of range."""


@dataclass(frozen=True)
class PredictionOptions:
    """What a batch job is to do.

    Attributes
    ----------
    model : str
        Path of the model file.
    output : str
        Path of the CSV, or `-` for standard output.
    jobs : int
        Worker processes.
    top : int, optional
        Classes a row; three, or all where the model has fewer, unless told.
    prior : str
        `training`, `balanced`, or a TOML file.
    probabilities : bool
        Add a column for every class.
    max_pixels : int
        Larger images are not decoded.
    overwrite : bool
        Replace an existing output.

    Raises
    ------
    OptionsError
        If a number is below one.
    """

    model: str
    output: str
    jobs: int = 1
    top: int | None = None
    prior: str = TRAINING
    probabilities: bool = False
    max_pixels: int = MAX_PIXELS
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("jobs", "top", "max_pixels"):
            number = getattr(self, name)
            if number is not None and number < 1:
                msg = f"{name} is {number}; it must be at least 1."
                raise OptionsError(msg)


@dataclass(frozen=True)
class Outcome:
    """How many inputs became rows, and how many of these could not be read."""

    images: int
    errors: int


def run_prediction(
    paths: Iterable[str],
    options: PredictionOptions,
    observe: Callable[[Iterator[Record]], Iterable[Record]] = iter,
) -> Outcome:
    """Score images and write the CSV; rows stand in the order of the paths.

    The bytes of the CSV do not depend on the number of jobs.

    Parameters
    ----------
    paths : iterable of str
        Taken as they are needed.
    options : PredictionOptions
    observe : callable
        Passes the records through while it shows progress.

    Raises
    ------
    OptionsError
        If more classes a row are asked for than the model has.
    trifuse.classifiers.output.OutputError
        If the output exists or cannot be written.
    trifuse.classifiers.archive.ModelFileError, trifuse.classifiers.prior.PriorError
        If the model or the prior cannot be used.
    trifuse.batch.parallel.WorkerError
        If a worker process died.
    """
    started = time.time()
    if options.output != STDOUT:
        check_output(Path(options.output), options.overwrite)
    scorer = Scorer(Path(options.model), options.prior, options.max_pixels)
    scorer([])  # a model or prior that does not fit is told before anything is written
    about = read_about(scorer.model_path)
    classes = about["classes"]
    layout = classes, _choose_top(options.top, len(classes)), options.probabilities
    records = map_chunks(scorer, paths, options.jobs, CHUNK_SIZE)
    images = errors = 0
    with _open(options.output) as file:
        file.write(write_row(header(*layout)))
        for record in observe(records):
            file.write(write_row(row(record, *layout)))
            file.flush()  # whoever reads along sees each row as soon as it is known
            images += 1
            errors += record.probabilities is None
    outcome = Outcome(images, errors)
    if options.output != STDOUT:
        _write_manifest(options, about, outcome, started)
    return outcome


def _choose_top(top: int | None, n_classes: int) -> int:
    if top is None:
        return min(TOP, n_classes)
    if top > n_classes:
        msg = f"The model has {n_classes} classes; ask for at most so many, not for {top}."
        raise OptionsError(msg)
    return top


def _open(output: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if output == STDOUT else open_output(Path(output))


def _write_manifest(
    options: PredictionOptions, about: dict[str, Any], outcome: Outcome, started: float
) -> None:
    """Write beside the CSV what made it: nothing of a patient, no path of an input."""
    output = Path(options.output)
    manifest = {
        "output": output.name,
        "output_sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "model_sha256": hashlib.sha256(Path(options.model).read_bytes()).hexdigest(),
        "recipe_fingerprint": about["recipe_fingerprint"],
        "options": asdict(options),
        **asdict(outcome),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 3),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in LIBRARIES},
    }
    with open_output(output.with_name(f"{output.name}.run.json")) as file:
        file.write(f"{json.dumps(manifest, indent=1)}\n".encode())
