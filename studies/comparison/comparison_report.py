"""The files of a comparison; its page has the figure, the tables, and how it was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import N_RESAMPLES
from trifuse.classifiers.output import check_output, open_output
from trifuse.studies.comparison.comparison_figure import draw_comparison
from trifuse.studies.comparison.comparison_tables import csv_files, make_tables
from trifuse.studies.comparison.scores import ComparisonScores, Leakage, LearningCurve, MethodScores
from trifuse.studies.comparison.statistics import ComparisonStatistics, compute_statistics
from trifuse.studies.figures import figure_bytes
from trifuse.studies.measured import FIGURES
from trifuse.studies.page import picture_uri, render_page
from trifuse.studies.result_tables import to_latex, to_markdown

COMPARISON_FILES = (
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
HEADINGS = {
    "answers": "Answers, size and time",
    "probabilities": "Probabilities",
    "recall": "Recall of each class",
    "differences": "Differences from the baseline",
    "learning": "Learning curves",
    "leakage": "Leakage",
}


def check_comparison(folder: Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Raise before the work what would else be told after hours of it.

    Parameters
    ----------
    folder : Path
    overwrite : bool
    inputs : iterable of str or Path
        What is read, which no file of the comparison may replace.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If a file is there and must not be replaced, or the folder cannot be written to.
    """
    for name in COMPARISON_FILES:
        check_output(folder / name, overwrite, inputs)


def write_comparison(
    folder: Path,
    scores: ComparisonScores,
    curves: Mapping[str, LearningCurve],
    leakage: Mapping[str, Leakage],
    baseline: str | None = None,
    primary: str = "balanced_bma",
) -> ComparisonStatistics:
    """Measure a comparison and write `COMPARISON_FILES`, each one whole, the page last.

    They replace those of an earlier comparison: see `check_comparison`.

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
    ComparisonStatistics

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
    for name in COMPARISON_FILES:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)  # it would tell of an earlier comparison
    for name, content in contents.items():
        with open_output(folder / name) as file:
            file.write(content)
    return statistics


def render_comparison(scores: ComparisonScores, statistics: ComparisonStatistics) -> str:
    """Render the page as HTML.

    Parameters
    ----------
    scores : ComparisonScores
    statistics : ComparisonStatistics
        Of these scores.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja or Matplotlib is not installed.
    """
    parts = {"learning curves": statistics.curves, "leakage": statistics.leakage}
    balanced = statistics.primary == "balanced_bma"
    return render_page(
        "comparison.html",
        title="Comparison of methods",
        leading=_leading(statistics),
        leaks=leakage_sentences(statistics),
        figure=picture_uri(figure_bytes(draw_comparison(statistics), ".svg"), "svg+xml"),
        below="".join(f", {name}" for name, content in parts.items() if content),
        baseline=statistics.baseline,
        tables=[
            {"heading": HEADINGS[table.name], "content": table}
            for table in make_tables(scores, statistics)
        ],
        prior="under a balanced prior" if balanced else "under the training shares",
        classes=scores.classes,
        confusions=[
            (name, list(zip(scores.classes, np.rint(percent).astype(int).tolist(), strict=True)))
            for name, method in scores.methods.items()
            for percent in [confusion(method, scores, balanced)]
        ],
        done=_done(scores, statistics),
    )


def leakage_sentences(statistics: ComparisonStatistics) -> list[str]:
    """Say of each method how much better folds over images make it look.

    Examples
    --------
    >>> from trifuse.studies.comparison.statistics import LeakageEstimate
    >>> from trifuse.classifiers.bootstrap import Estimate
    >>> pair = LeakageEstimate(
    ...     by_lesion={"bma": Estimate(0.60, 0.58, 0.62)},
    ...     by_image={"bma": Estimate(0.64, 0.62, 0.66)},
    ...     difference={"bma": Estimate(0.04, 0.03, 0.05)},
    ... )
    >>> leakage_sentences(ComparisonStatistics("cnn", "bma", {}, {}, {}, {"cnn": pair}))
    ['Folds over images, which put images of one lesion on both sides of a split, make cnn look \
better than it is (BMA: 0.640 instead of 0.600, difference +0.040 [+0.030, +0.050]).']
    """
    figure, sentences = statistics.primary, []
    for name, pair in statistics.leakage.items():
        difference = pair.difference[figure]
        verdict = f"change nothing of {name} that these images can show"
        if difference.low > 0:
            verdict = f"make {name} look better than it is"
        elif difference.high < 0:
            verdict = f"make {name} look worse here"
        sentences.append(
            f"Folds over images, which put images of one lesion on both sides of a split, "
            f"{verdict} ({FIGURES[figure]}: {pair.by_image[figure].value:.3f} instead of "
            f"{pair.by_lesion[figure].value:.3f}, difference {difference.to_text('+')})."
        )
    return sentences


def confusion(
    method: MethodScores, scores: ComparisonScores, balanced: bool
) -> NDArray[np.float64]:
    """Give the percentages of each class's answers, float64 (n_classes, n_classes).

    Rows are true classes, columns the most probable ones; of several repeats it is the mean.
    """
    answers = (method.balanced if balanced else method.probabilities).argmax(axis=2)
    n_classes = len(scores.classes)
    pairs = (scores.labels * n_classes + answers).ravel()
    counts = np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes) / len(answers)
    percent: NDArray[np.float64] = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return percent


def _leading(statistics: ComparisonStatistics) -> str:
    """Say which method leads, and whether it may be told from the baseline."""
    figure = statistics.primary
    best = max(statistics.figures, key=lambda name: statistics.figures[name][figure].value)
    text = f"{best} has the best {FIGURES[figure]}: {statistics.figures[best][figure].to_text()}"
    if best == statistics.baseline:
        return f"{text}; it is the baseline."
    difference = statistics.differences[best]
    return (
        f"{text}; difference from the baseline, {statistics.baseline}: "
        f"{difference.figures[figure].to_text('+')}, "
        f"p = {difference.p:.4f}, corrected for all methods {difference.corrected_p:.4f}."
    )


def _done(scores: ComparisonScores, statistics: ComparisonStatistics) -> list[str]:
    n_lesions = len(np.unique(scores.groups))
    n_repeats = len(next(iter(scores.methods.values())).probabilities)
    return [
        f"{len(scores.labels):,} images of {n_lesions:,} lesions in {len(scores.classes)} classes.",
        f"Cross-validation of {scores.n_folds} folds"
        + (f", {n_repeats} times with other folds" if n_repeats > 1 else "")
        + "; no lesion is in two folds, and everything is fitted on the training part alone.",
        f"Intervals: 95 %, percentiles of {N_RESAMPLES:,} resamples of whole lesions, the same for "
        "every method. They hold the chance in which lesions were tested, not the chance in which "
        "ones were trained on.",
        f"Tests: the answers of two methods swapped lesion by lesion, two-sided, on "
        f"{FIGURES[statistics.primary]}; corrected for all methods by Holm.",
        f"Fingerprint of data and recipe: {scores.fingerprint}",
    ]
