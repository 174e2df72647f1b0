"""What a batch job is to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.outputs.ids import IdKind
from trifuse.batch.workers.settings import MEMORY_MB, TIMEOUT_SECONDS
from trifuse.classifiers.prior import TRAINING
from trifuse.features.images import MAX_PIXELS

STDOUT = "-"
BACKENDS = ("loky", "dask")
FORMATS = ("csv", "jsonl", "isic", "parquet")
_FORMAT_BY_SUFFIX = {".jsonl": "jsonl", ".parquet": "parquet"}


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
    backend : {"loky", "dask"}
    scheduler : str, optional
        Address of Dask's scheduler.
    top : int, optional
        Classes a row; three, or all where the model has fewer, unless told.
    prior : str
        `training`, `balanced`, or a TOML file.
    format : {"csv", "jsonl", "isic", "parquet"}, optional
        That of the output's suffix, or csv, unless told.
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
        Go on with an interrupted run.
    quiet : bool
        Show no progress.
    log : str, optional
        File that gets a line of JSON for each event.

    Raises
    ------
    OptionsError
        If a number is out of range, or options contradict each other.
    """

    model: str
    output: str
    inputs: InputOptions = field(default_factory=lambda: InputOptions(()))
    jobs: int = 1
    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None
    top: int | None = None
    prior: str = TRAINING
    format: str | None = None
    probabilities: bool = False
    id: IdKind | None = None
    id_key: str | None = None
    max_pixels: int = MAX_PIXELS
    timeout: float = TIMEOUT_SECONDS
    memory: int = MEMORY_MB
    overwrite: bool = False
    resume: bool = False
    quiet: bool = False
    log: str | None = None

    def __post_init__(self) -> None:
        for name in ("jobs", "top", "max_pixels", "memory"):
            number = getattr(self, name)
            if number is not None and number < 1:
                msg = f"{name} is {number}; it must be at least 1."
                raise OptionsError(msg)
        if not self.timeout > 0:
            msg = f"timeout is {self.timeout:g}; it must be more than 0."
            raise OptionsError(msg)
        for wrong, problem in (
            (self.resume and self.overwrite, "--resume goes on and --overwrite begins anew"),
            (self.resume and self.output == STDOUT, "standard output cannot be resumed"),
            (self.backend == "dask" and not self.scheduler, "--backend dask needs --scheduler"),
            (self.backend != "dask" and self.scheduler, "--scheduler needs --backend dask"),
            (self.id == "hmac" and not self.id_key, "--id hmac needs --id-key"),
            (self.id != "hmac" and self.id_key, "--id-key needs --id hmac"),
        ):
            if wrong:
                msg = f"{problem}."
                raise OptionsError(msg)

    @property
    def chosen_format(self) -> str:
        """The format that was asked for, or that of the output's suffix."""
        by_suffix = _FORMAT_BY_SUFFIX.get(Path(self.output).suffix.lower(), "csv")
        return self.format or by_suffix
