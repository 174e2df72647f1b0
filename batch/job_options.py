"""What a batch job is to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trifuse.batch.guards import ErrorLimit
from trifuse.batch.inputs.items import InputOptions
from trifuse.batch.outputs.formats import find_formats, list_suffixes
from trifuse.batch.outputs.ids import IdKind
from trifuse.batch.outputs.rows import STUDY
from trifuse.batch.workers.messages import MEMORY_MB, TIMEOUT_SECONDS
from trifuse.features.files import MAX_PIXELS

STDOUT = "-"
BACKENDS = ("local", "dask")
MAX_JOBS = 1024
MAX_TIMEOUT = 86_400.0
"""Seconds: a day."""
MAX_MEMORY = 1 << 24
"""Megabytes: 16 TiB."""
MOST_PIXELS = 10**10
"""For `max_pixels`."""
_MOST = {"jobs": MAX_JOBS, "max_pixels": MOST_PIXELS, "memory": MAX_MEMORY, "timeout": MAX_TIMEOUT}


PARTS_OF_GROUPS = (
    "the images of a group may be in several parts; leave out --groups, put the parts together by "
    "trifuse merge, and say --resume and --groups of the whole"
)


class OptionsError(ValueError):
    """An option of a batch job that is out of range, or does not go with another."""


@dataclass(frozen=True)
class PredictionOptions:
    """What a batch job is to do.

    Attributes
    ----------
    model : str
        Path of the model file.
    output : str
        Path of the output, or `-` for standard output.
    inputs : InputOptions
    jobs : int
        Worker processes of this machine.
    backend : {"local", "dask"}
    scheduler : str, optional
        Address of Dask's scheduler.
    top : int, optional
        Classes a row; three, or all where the model has fewer, unless told.
    prior : str
        `training`, `balanced`, or a TOML file.
    format : str, optional
        One of `trifuse.batch.outputs.formats.find_formats`; that of the output's suffix, or csv,
        unless told.
    probabilities : bool
        Add a column for every class.
    id : {"path", "name", "sha256", "hmac"}, optional
        What rows call their images; the format's own choice unless told.
    id_key : str, optional
        File that holds the key of `hmac`.
    max_pixels : int
        Larger images are not decoded.
    timeout : float
        Seconds that an image may take.
    memory : int
        Megabytes that a worker may hold.
    overwrite : bool
        Replace an existing output.
    resume : bool
        Go on with an interrupted run; what is whole is checked and left alone.
    update : bool
        Bring an output up to date: score what is new or has changed, keep all other rows.
    retry_errors : bool
        Update, and score anew what could not be read.
    verify : bool
        Compare inputs by their contents, not by their sizes and times of change.
    max_errors : str, optional
        End early above so many error rows, or such a share of them (``5%``).
    allow_empty : bool
        Inputs that hold nothing to score are no error.
    quiet : bool
        Show no progress.
    log : str, optional
        File that gets a line of JSON for each event.
    groups : str, optional
        Path of the CSV table of groups, which is made of the whole output.
    group_column : str, optional
        The column of tables of inputs that names the group of an image; `STUDY` is also that of
        DICOM objects, and the one unless told.

    Raises
    ------
    OptionsError
        If a number is out of range, or options contradict each other.
    """

    model: str
    output: str
    inputs: InputOptions = field(default_factory=lambda: InputOptions(()))
    jobs: int = 1
    backend: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    top: int | None = None
    prior: str = "training"
    format: str | None = None
    probabilities: bool = False
    id: IdKind | None = None
    id_key: str | None = None
    max_pixels: int = MAX_PIXELS
    timeout: float = TIMEOUT_SECONDS
    memory: int = MEMORY_MB
    overwrite: bool = False
    resume: bool = False
    update: bool = False
    retry_errors: bool = False
    verify: bool = False
    max_errors: str | None = None
    allow_empty: bool = False
    quiet: bool = False
    log: str | None = None
    groups: str | None = None
    group_column: str | None = None

    def __post_init__(self) -> None:
        for name in ("jobs", "top", "max_pixels", "memory"):
            number = getattr(self, name)
            if number is not None and number < 1:
                msg = f"{name} is {number}; it must be at least 1."
                raise OptionsError(msg)
        if not self.timeout > 0:
            msg = f"timeout is {self.timeout:g}; it must be more than 0."
            raise OptionsError(msg)
        for name, most in _MOST.items():
            if (number := getattr(self, name)) > most:
                msg = f"{name} is {number:g}; it must be at most {most:,.0f}."
                raise OptionsError(msg)
        try:
            ErrorLimit(self.max_errors)
        except ValueError as error:
            raise OptionsError(str(error)) from error
        for wrong, problem in (
            (self.goes_on and self.overwrite, "--resume goes on and --overwrite begins anew"),
            (self.goes_on and self.output == STDOUT, "standard output cannot be resumed"),
            (self.verify and not self.goes_on, "--verify needs --resume or --update"),
            (self.backend == "dask" and not self.scheduler, "--backend dask needs --scheduler"),
            (self.backend != "dask" and self.scheduler, "--scheduler needs --backend dask"),
            (self.id == "hmac" and not self.id_key, "--id hmac needs --id-key"),
            (self.id != "hmac" and self.id_key, "--id-key needs --id hmac"),
            (self.groups and self.output == STDOUT, "--groups needs an output that is a file"),
            (self.groups and self.inputs.part, PARTS_OF_GROUPS),
            (
                self.groups and Path(self.groups).suffix.lower() not in {"", ".csv"},
                f"--groups writes CSV, and {self.groups} has the suffix of something else",
            ),
        ):
            if wrong:
                msg = f"{problem}."
                raise OptionsError(msg)
        if self.chosen_format not in find_formats():
            *ends, last = (end for end in list_suffixes() if end)
            msg = (
                f"the suffix of {self.output} names no format; end it in {', '.join(ends)} or "
                f"{last}, or say --format {'|'.join(find_formats())}."
            )
            raise OptionsError(msg)

    @property
    def updates(self) -> bool:
        """Whether rows of an output whose inputs have changed are kept."""
        return self.update or self.retry_errors

    @property
    def goes_on(self) -> bool:
        """Whether what is there is gone on with, and not replaced."""
        return self.resume or self.updates

    @property
    def names_groups_by(self) -> str | None:
        """The column that names groups, where there is one."""
        return self.group_column or (STUDY if self.groups else None)

    @property
    def may_grow(self) -> tuple[str, ...]:
        """Options that may be larger than those of the rows that are kept: these stay right."""
        return ("timeout", "memory", "max_pixels") if self.retry_errors else ()

    @property
    def chosen_format(self) -> str:
        """The format that was asked for, or that of the output's suffix."""
        suffix = Path(self.output).suffix.lower()
        return self.format or list_suffixes().get(suffix, suffix)
