"""The plan of a batch job: its options, and what the model makes of them, found sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trifuse.batch.inputs.stream import extra_columns
from trifuse.batch.options import STDOUT, OptionsError, PredictionOptions
from trifuse.batch.outputs.format import Format
from trifuse.batch.outputs.formats import FORMATS
from trifuse.batch.outputs.ids import read_key
from trifuse.batch.outputs.rows import Layout
from trifuse.batch.workers.child import Child
from trifuse.batch.workers.scoring import get_supervisor
from trifuse.batch.workers.settings import WorkerSettings
from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.prior import read_prior
from trifuse.features.content import file_sha256

TOP = 3
"""Classes a row, where the model has as many and nothing else was asked for."""


@dataclass(frozen=True)
class Plan:
    """What a job is to do, once its model and options were found sound.

    Attributes
    ----------
    options : PredictionOptions
    recipe_fingerprint : str
        Of the model's recipe.
    settings : WorkerSettings
    form : Format
    """

    options: PredictionOptions
    recipe_fingerprint: str
    settings: WorkerSettings
    form: Format


def make_plan(options: PredictionOptions, child: Child | None = None) -> Plan:
    """Find out before anything is written what cannot work; a worker is ready in the end.

    Parameters
    ----------
    options : PredictionOptions
    child : Child, optional
        A worker that is starting already.

    Raises
    ------
    OptionsError, ModelFileError, PriorError, SourceError, FormatError, KeyFileError, WorkerError
        Each with the sentence that says what to do.
    """
    path = Path(options.model)
    about = read_about(path)
    classes = tuple(about["classes"])
    prior = read_prior(options.prior, classes)
    settings = WorkerSettings(
        options.model,
        file_sha256(path),
        None if prior is None else tuple(prior.tolist()),
        options.max_pixels,
        options.timeout,
        options.memory,
    )
    form = _make_format(options, classes)
    get_supervisor(settings, child)  # a model that does not fit is told now
    return Plan(options, about["recipe_fingerprint"], settings, form)


def _make_format(options: PredictionOptions, classes: tuple[str, ...]) -> Format:
    layout = Layout(
        classes,
        choose_top(options.top, len(classes)),
        options.probabilities,
        extra_columns(options.inputs),
    )
    key = None if options.id_key is None else read_key(Path(options.id_key))
    form = FORMATS[options.chosen_format](layout, options.id, key)
    if form.converts and options.output == STDOUT:
        msg = f"--format {options.chosen_format} cannot be written to standard output."
        raise OptionsError(msg)
    return form


def choose_top(top: int | None, n_classes: int) -> int:
    """Give how many classes a row names.

    Raises
    ------
    OptionsError
        If the model does not have as many.
    """
    if top is None:
        return min(TOP, n_classes)
    if top > n_classes:
        msg = f"The model has {n_classes} classes; ask for at most so many, not for {top}."
        raise OptionsError(msg)
    return top
