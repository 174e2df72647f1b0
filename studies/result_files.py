"""Result tables as files: NAME.csv, NAME.md and NAME.tex in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from trifuse.classifiers.output import check_output, open_output
from trifuse.studies.result_tables import ResultTable, to_latex, to_markdown

SUFFIXES = (".csv", ".md", ".tex")


class Result(NamedTuple):
    """What was measured, as it is written: its name, and it as CSV, tables, and JSON values."""

    name: str
    csv: str
    tables: list[ResultTable]
    plain: Any


def check_result_files(
    folder: Path, names: Iterable[str], overwrite: bool, inputs: Iterable[str | Path] = ()
) -> None:
    """Raise `OutputError` before the work if a file must not be written; one is none of `inputs`.

    A folder that is not there yet holds nothing to be lost.
    """
    inputs = list(inputs)
    for name in names if folder.exists() else ():
        for suffix in SUFFIXES:
            check_output(folder / f"{name}{suffix}", overwrite, inputs)


def write_result_files(folder: Path, result: Result) -> None:
    """Write a result into a folder that exists, each file whole."""
    latex = "\n".join(map(to_latex, result.tables))
    contents = (result.csv, tables_to_markdown(result.tables), latex)
    for suffix, content in zip(SUFFIXES, contents, strict=True):
        with open_output(folder / f"{result.name}{suffix}") as file:
            file.write(content.encode())


def tables_to_markdown(tables: Iterable[ResultTable]) -> str:
    """Write tables for reading, an empty line between them."""
    return "\n".join(map(to_markdown, tables))
