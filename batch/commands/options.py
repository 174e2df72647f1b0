"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trifuse.studies.figures import FORMATS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def jobs_option() -> Decorator:
    """Give ``--jobs``."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=os.cpu_count() or 1,
        show_default="one a core",
        help="Worker processes.",
    )


def recipe_option(what: str) -> Decorator:
    """Give ``--recipe``, the recipe of a model; `what` says what it is for."""
    return click.option(
        "--recipe",
        default="default",
        show_default=True,
        metavar="NAME|FILE.toml",
        help=f"{what}: default, fast, thorough, bottleneck-…, or a file.",
    )


def json_option() -> Decorator:
    """Give ``--json``."""
    return click.option("as_json", "--json", is_flag=True, help="Write JSON.")


def parse_figure(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    path: Path | None,
) -> Path | None:
    """Refuse a figure of an unknown format: the callback of options that name one."""
    if path is not None and path.suffix not in FORMATS:
        msg = f"a figure ends in {', '.join(FORMATS)}; {path} does not."
        raise click.BadParameter(msg)
    return path


def merge_duplicates_option() -> Decorator:
    """Give ``--merge-duplicates``, for `trifuse.studies.duplicates.guard.guard_groups`."""
    return click.option(
        "--merge-duplicates",
        is_flag=True,
        help="Keep images that show the same thing together, whatever their groups.",
    )
