"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from trifuse.batch.job_options import MAX_JOBS
from trifuse.classifiers.packages.installed_models import resolve_model
from trifuse.datasets.csv_table import Columns
from trifuse.studies.figures import FIGURE_FORMATS

Command = Callable[..., Any]


class Bounded(click.FloatRange):
    """A number between two bounds; what is no number (NaN) is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def _count_cores() -> int:
    """Count the cores that this process may use: affinity, cgroups, LOKY_MAX_CPU_COUNT."""
    from joblib import cpu_count

    return int(cpu_count())


jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, MAX_JOBS),
    default=_count_cores,
    show_default="one a core",
    help="Worker processes.",
)

path_column_option = click.option(
    "--path-column",
    default="path",
    show_default=True,
    metavar="NAME",
    help="What a table calls the column of the images.",
)
"""For tables of inputs; `columns_options` is for labelled ones."""


def _find_model(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001
    given: str | None,
) -> str | None:
    """Turn the name of an installed model into a path, wherever a model is asked for."""
    return given if given is None or ctx.resilient_parsing else resolve_model(given)


def model_option(
    what: str = "The model, by file or name.", *, required: bool = True
) -> Callable[[Command], Command]:
    """Give ``--model``, a path of the model, which may be asked for by an installed one's name."""
    return click.option(
        "-m",
        "--model",
        required=required,
        metavar="FILE|NAME",
        callback=_find_model,
        help=what,
    )


model_argument = click.argument("model", metavar="FILE|NAME", callback=_find_model)

json_option = click.option("as_json", "--json", is_flag=True, help="Write JSON.")


def columns_options(command: Command) -> Command:
    """Give ``--path-column``, ``--label-column`` and ``--group-column``, as one value `columns`."""
    names = ("path", "label", "group")

    @wraps(command)
    def gather(**options: Any) -> Any:
        chosen = {name: options.pop(f"{name}_column") for name in names}
        return command(columns=Columns(**chosen), **options)

    for name in reversed(names):
        what = f"What a table calls the column {name}."
        click.option(f"--{name}-column", metavar="NAME", help=what)(gather)
    return gather


def recipe_option(what: str) -> Callable[[Command], Command]:
    """Give ``--recipe``, the recipe of a model; `what` says what it is for."""
    return click.option(
        "--recipe",
        default="default",
        show_default=True,
        metavar="NAME|FILE.toml",
        help=f"{what}: default, fast, thorough, bottleneck-…, or a file.",
    )


def parse_figure(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    path: Path | None,
) -> Path | None:
    """Refuse a figure of an unknown format: the callback of options that name one."""
    if path is not None and path.suffix not in FIGURE_FORMATS:
        raise click.BadParameter(f"a figure ends in {', '.join(FIGURE_FORMATS)}; {path} does not.")
    return path


def parse_names(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    text: str | None,
) -> tuple[str, ...]:
    """Read names with commas between them, each once: the callback of options that list some."""
    names = dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip())
    if text is not None and not names:
        raise click.BadParameter("names nothing.")
    return tuple(names)


def are_distinct(outputs: Iterable[Path]) -> bool:
    """Tell whether files that are going to be written are all different ones."""
    places = [path.resolve() for path in outputs]
    return len(set(places)) == len(places)


def inspection_options(command: Command) -> Command:
    """Give ``--merge-duplicates``, ``--skip-unreadable`` and ``--jobs``, for a look at an archive.

    They are for `trifuse.training.duplicates.guard.inspect_archive`.
    """
    merge = click.option(
        "--merge-duplicates",
        is_flag=True,
        help="Keep images that show the same thing together, whatever their groups.",
    )
    skip = click.option(
        "--skip-unreadable",
        is_flag=True,
        help="Leave out images that cannot be read; the exit code is then 3.",
    )
    return merge(skip(jobs_option(command)))
