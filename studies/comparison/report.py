"""The files of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trifuse.classifiers.output import check_output, open_output
from trifuse.studies.comparison.figure import draw_comparison
from trifuse.studies.comparison.markup import to_latex, to_markdown
from trifuse.studies.comparison.page import leakage_sentences, render_comparison
from trifuse.studies.comparison.scores import ComparisonScores, Leakage, LearningCurve
from trifuse.studies.comparison.statistics import Statistics, compute_statistics
from trifuse.studies.comparison.tables import csv_files, make_tables
from trifuse.studies.figures import figure_bytes

FILES = (
    "comparison.csv",
    "differences.csv",
    "learning.csv",
    "leakage.csv",
    "comparison.md",
    "comparison.tex",
    "comparison.pdf",
    "comparison.png",
    "report.html",
)
"""In the order in which they are written; some of the CSV files only if there is what they hold."""


def check_report(folder: Path, overwrite: bool) -> None:
    """Raise before the work what would else be told after hours of it.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If a file is there and must not be replaced, or the folder cannot be written to.
    """
    for name in FILES:
        check_output(folder / name, overwrite)


def write_report(
    folder: Path,
    scores: ComparisonScores,
    curves: Mapping[str, LearningCurve],
    leakage: Mapping[str, Leakage],
    baseline: str | None = None,
    primary: str = "balanced_bma",
) -> Statistics:
    """Measure a comparison and write `FILES`, each one whole, the page last.

    They replace those of an earlier comparison: see `check_report`.

    Parameters
    ----------
    folder : Path
        It must exist.
    scores : ComparisonScores
    curves, leakage : mapping of method to what was measured of it
        May be empty.
    baseline : str, optional
        The method that the others are held against; the first one if not given.
    primary : str
        The figure that is tested: ``balanced_bma``, ``bma`` or ``accuracy``.

    Returns
    -------
    Statistics

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If a file cannot be written.
    trifuse.studies.comparison.methods.MethodsError
        If `baseline` is no method.
    trifuse.studies.comparison.statistics.ComparisonError
        If `primary` is no such figure.
    """
    statistics = compute_statistics(scores, curves, leakage, baseline, primary)
    tables, figure = make_tables(scores, statistics), draw_comparison(statistics)
    notes = "".join(f"{sentence}\n\n" for sentence in leakage_sentences(statistics))
    contents = csv_files(scores, statistics) | {
        "comparison.md": ("\n".join(map(to_markdown, tables)) + f"\n{notes}").encode(),
        "comparison.tex": "\n".join(map(to_latex, tables)).encode(),
        "comparison.pdf": figure_bytes(figure, ".pdf"),
        "comparison.png": figure_bytes(figure, ".png"),
        "report.html": render_comparison(scores, statistics).encode(),
    }
    for name in FILES:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)  # it would tell of an earlier comparison
    for name, content in contents.items():
        with open_output(folder / name) as file:
            file.write(content)
    return statistics
