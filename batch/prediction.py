"""The batch job: inputs become predictions.csv and its run manifest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.parallel import map_chunks
from trifuse.batch.scorer import Record, Scorer
from trifuse.batch.table import header, row, write_row
from trifuse.classifiers.model_file import LIBRARIES, read_about

STDOUT = "-"
CHUNK_SIZE = 8
"""Images that a worker process takes at a time."""


class PredictionError(ValueError):
    """A batch job that cannot start, or whose output cannot be written."""


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
    top : int
        Classes a row.
    prior : str
        `training`, `balanced`, or a TOML file.
    probabilities : bool
        Add a column for every class.
    max_pixels : int
        Larger images are not decoded.
    overwrite : bool
        Replace an existing output.
    """

    model: str
    output: str
    jobs: int
    top: int
    prior: str
    probabilities: bool
    max_pixels: int
    overwrite: bool


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
    PredictionError
        If the output exists or cannot be written.
    trifuse.classifiers.archive.ModelFileError, trifuse.classifiers.prior.PriorError
        If the model or the prior cannot be used.
    """
    started = time.time()
    model_path = Path(options.model)
    about = read_about(model_path)
    classes = about["classes"]
    if options.top > len(classes):
        msg = f"The model has only {len(classes)} classes; ask for at most so many with --top."
        raise PredictionError(msg)
    scorer = Scorer(model_path, options.prior, options.max_pixels)
    scorer([])  # a model or prior that does not fit is told before anything is written
    records = map_chunks(scorer, paths, options.jobs, CHUNK_SIZE)
    images = errors = 0
    with _open_output(options) as file:
        file.write(write_row(header(classes, options.top, options.probabilities)))
        for record in observe(records):
            file.write(write_row(row(record, classes, options.top, options.probabilities)))
            images += 1
            errors += record.probabilities is None
    outcome = Outcome(images, errors)
    if options.output != STDOUT:
        _write_manifest(options, about, outcome, started)
    return outcome


@contextlib.contextmanager
def _open_output(options: PredictionOptions) -> Iterator[BinaryIO]:
    """Give a file that appears under its final name only when the block ends well."""
    if options.output == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(options.output)
    if path.exists() and not options.overwrite:
        msg = f"{path} exists already; name another output, or say --overwrite to replace it."
        raise PredictionError(msg)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        msg = f"The predictions cannot be written to {path}: {error.strerror or error}."
        raise PredictionError(msg) from error


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
    path = output.with_name(f"{output.name}.run.json")
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
