"""Results as files of a folder: tables as NAME.csv, NAME.md and NAME.tex, and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trifuse.classifiers.output import check_output, open_output
from trifuse.studies.figures import FIGURE_FORMATS, save_figure
from trifuse.studies.result_tables import ResultTable, to_latex, to_markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_FORMATS = (".csv", ".md", ".tex")


class Result(NamedTuple):
    """What was measured, as it is written: its name, and it as CSV, tables, and JSON values."""

    name: str
    csv: str
    tables: list[ResultTable]
    plain: Any


def list_files(folder: Path, names: Iterable[str], formats: Iterable[str]) -> list[Path]:
    """Give the files of results, each in every format."""
    return [folder / f"{name}{suffix}" for name in names for suffix in formats]


def check_result_files(
    files: Iterable[Path], overwrite: bool, inputs: Iterable[str | Path] = ()
) -> None:
    """Raise `OutputError` before the work if a file must not be written; one is none of `inputs`.

    A folder that is not there yet holds nothing to be lost.
    """
    inputs = list(inputs)
    for path in files:
        if path.parent.exists():
            check_output(path, overwrite, inputs)


def write_result_files(folder: Path, result: Result) -> None:
    """Write a result into a folder that exists, each file whole."""
    latex = "\n".join(map(to_latex, result.tables))
    contents = (result.csv, tables_to_markdown(result.tables), latex)
    for path, content in zip(
        list_files(folder, [result.name], TABLE_FORMATS), contents, strict=True
    ):
        with open_output(path) as file:
            file.write(content.encode())


def write_figure_files(folder: Path, figures: Mapping[str, Figure]) -> None:
    """Write figures into a folder that exists, each in all `FIGURE_FORMATS` and each file whole."""
    for name, figure in figures.items():
        for path in list_files(folder, [name], FIGURE_FORMATS):
            save_figure(figure, path)


def tables_to_markdown(tables: Iterable[ResultTable]) -> str:
    """Write tables for reading, an empty line between them."""
    return "\n".join(map(to_markdown, tables))
