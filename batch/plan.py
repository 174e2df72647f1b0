"""The plan of a batch job: its options, and what the model makes of them, found sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import ai_edge_litert  # noqa: F401 - the package alone is light; its version is written down

from trifuse.batch.group_table import GroupJudge, check_group_table, plan_groups
from trifuse.batch.inputs.items import STDIN
from trifuse.batch.inputs.stream import extra_columns
from trifuse.batch.job_options import STDOUT, OptionsError, PredictionOptions
from trifuse.batch.manifest import check_log
from trifuse.batch.outputs.formats import Format, find_formats
from trifuse.batch.outputs.ids import Clashes, read_key
from trifuse.batch.outputs.receipts import RECEIPTS_MARK
from trifuse.batch.outputs.rows import STUDY, RowLayout
from trifuse.batch.outputs.run_file import LONGEST_END, Names
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.pool import Supervisors
from trifuse.batch.workers.supervisor import Child
from trifuse.classifiers.card import describe_promises
from trifuse.classifiers.metadata import metadata_from
from trifuse.classifiers.model import name_columns
from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.output import check_name, check_output
from trifuse.classifiers.packages.installed_models import call_model
from trifuse.classifiers.prior import read_prior
from trifuse.datasets.table import name_few
from trifuse.features.files import file_sha256
from trifuse.features.libraries import find_versions
from trifuse.recipes.recipe import Recipe

TOP = 3
"""Classes a row, where the model has as many and nothing else was asked for."""
LIBRARIES = ("trifuse", "numpy", "cv2", "ai_edge_litert", "PIL")
"""Modules that scoring uses: other versions may give other last digits."""
READERS = ("tifffile", "imagecodecs", "pydicom", "pyarrow")
"""Distributions that are imported only where a file needs them, if they are installed at all."""


@dataclass(frozen=True)
class Plan:
    """What a job is to do, once its model and options were found sound.

    Attributes
    ----------
    options : PredictionOptions
    recipe_fingerprint : str
        Of the model's recipe.
    supervisors : Supervisors
        Of this machine; one has loaded the model.
    form : Format
    promises : dict
        What the rows are held against in the morning, see
        `trifuse.classifiers.card.describe_promises`.
    groups : GroupJudge, optional
        Where a table of groups is asked for.
    warning : str
        What is to be told of the inputs before the first is scored, if anything is.
    """

    options: PredictionOptions
    recipe_fingerprint: str
    supervisors: Supervisors
    form: Format
    promises: dict[str, Any]
    groups: GroupJudge | None = None
    warning: str = ""

    def make_clashes(self) -> Clashes:
        """Be ready to look for inputs whose rows would call them alike."""
        return Clashes(self.form.id_kind, unique=self.form.unique)

    def decide_bytes(self) -> dict[str, Any]:
        """Give all that the bytes of an output depend on, by names that a sentence can use."""
        options, settings, form = self.options, self.supervisors.settings, self.form
        return {
            "model": settings.model_sha256,
            "recipe": self.recipe_fingerprint,
            "classes": list(form.layout.classes),
            "format": options.chosen_format,
            "top": form.layout.top,
            "probabilities": form.layout.probabilities,
            "columns": list(form.layout.extra),
            "study": form.layout.study or None,
            "alerts": form.layout.alerts,
            "id": form.id_kind,
            "id_key": form.key_digest,
            "prior": settings.prior and list(settings.prior),
            "max_pixels": settings.max_pixels,
            "timeout": settings.timeout,
            "memory": settings.memory,
            "versions": {
                **find_versions(LIBRARIES),
                **{name: _version_of_reader(name) for name in READERS},
            },
        }


def _version_of_reader(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_files(options: PredictionOptions) -> None:
    """Find out before anything is read or written whether an output or the log may be written.

    Raises
    ------
    OutputError
        If one cannot, or is a file that is read, or the log one that is written otherwise.
    """
    path = Path(options.output)
    named = (options.model, options.prior, options.id_key, *options.inputs.inputs)
    read = [name for name in named if name and name != STDIN]
    writes: tuple[Path, ...] = ()
    if options.output != STDOUT:
        writes = (path, *Names(path))
        mark = find_formats()[options.chosen_format].mark
        check_run_files(path, options.overwrite or options.goes_on, read, mark)
    if options.log is not None:
        check_log(Path(options.log), read, writes)
        writes += (Path(options.log),)
    if options.groups is not None:
        table = Path(options.groups)
        check_group_table(table, options.overwrite, options.goes_on, read, writes)


def check_run_files(
    path: Path, overwrite: bool, read: Iterable[str | Path], mark: bytes | None
) -> None:
    """Raise OutputError where an output, or a file beside it, must not be or cannot be written.

    Parameters
    ----------
    path : Path
        Of the output.
    overwrite : bool
        Whether it may replace a file.
    read : iterable of str or Path
        What is read.
    mark : bytes, optional
        Of the output's format.
    """
    names = Names(path)
    check_name(path, LONGEST_END)
    check_output(path, overwrite, read, b"" if names.manifest.exists() else mark)
    for other in names:
        of_inputs = other in {names.receipts, names.new_receipts}
        check_output(other, True, read, RECEIPTS_MARK if of_inputs else mark)


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
    layout = RowLayout(
        classes,
        choose_top(options.top, len(classes)),
        options.probabilities or options.groups is not None,
        _choose_columns(options),
        options.names_groups_by == STUDY,
        about.get("decision") is not None,
    )
    groups_of_sets = Recipe.from_dict(about["recipe"]).review.groups
    known = name_columns(groups_of_sets, metadata_from(about.get("metadata")))
    settings = WorkerSettings(
        options.model,
        file_sha256(path),
        None if prior is None else tuple(prior.tolist()),
        options.max_pixels,
        options.timeout,
        options.memory,
        _find_columns(known, layout.extra),
    )
    form, supervisors = _make_format(options, layout), Supervisors(settings, child)
    supervisors.start()  # a model that does not fit is told now
    promises = describe_promises(call_model(path), about)
    groups = plan_groups(options, form.layout, prior) if options.groups else None
    warning = _miss_columns(known, [name for name in layout.extra if name != STUDY])
    fingerprint = about["recipe_fingerprint"]
    return Plan(options, fingerprint, supervisors, form, promises, groups, warning)


def _find_columns(names: Sequence[str], carried: Sequence[str]) -> tuple[int, ...]:
    """Find the columns that the model makes use of; -1 for one that is not carried."""
    return tuple(carried.index(name) if name in carried else -1 for name in names)


def _miss_columns(names: Sequence[str], carried: Sequence[str]) -> str:
    """Tell of a column that the model makes use of, and tables with others do not have.

    >>> _miss_columns(["age"], ["sex", "Age"])
    "warning: no table among the inputs has a column 'age', of which the model makes use: they \
tell nothing of it"
    >>> _miss_columns(["age"], []), _miss_columns(["age"], ["age"])
    ('', '')
    """
    lost = [repr(name) for name in names if carried and name not in carried]
    if not lost:
        return ""
    return (
        f"warning: no table among the inputs has a column {' or '.join(lost)}, of which the model "
        "makes use: they tell nothing of it"
    )


def _choose_columns(options: PredictionOptions) -> tuple[str, ...]:
    """Give the columns that are carried through, that of the groups among them."""
    carried, column = extra_columns(options.inputs), options.names_groups_by
    if column in {None, *carried}:
        return carried
    if column == STUDY:
        return (*carried, column)
    msg = (
        f"No table among the inputs has a column {column!r}, only {name_few(carried, 10) or 'none'}"
        f" that can name groups; name one of them, or {STUDY} of DICOM objects."
    )
    raise OptionsError(msg)


def _make_format(options: PredictionOptions, layout: RowLayout) -> Format:
    key = None if options.id_key is None else read_key(Path(options.id_key))
    form = find_formats()[options.chosen_format](layout, options.id, key)
    if form.converts and options.output == STDOUT:
        msg = f"--format {options.chosen_format} cannot be written to standard output."
        raise OptionsError(msg)
    if options.names_groups_by not in {None, *form.layout.extra}:
        msg = f"--format {options.chosen_format} names no groups; choose another."
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
