"""The page of a comparison: its figure, its tables, confusion matrices, and how it was done."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.studies.comparison.figure import draw_comparison
from trifuse.studies.comparison.measured import FIGURES, N_RESAMPLES, Estimate
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.comparison.statistics import Statistics
from trifuse.studies.comparison.tables import make_tables
from trifuse.studies.figures import figure_bytes
from trifuse.studies.page import picture_uri, render_page

HEADINGS = {
    "answers": "Answers, size and time",
    "probabilities": "Probabilities",
    "recall": "Recall of each class",
    "differences": "Differences from the baseline",
    "learning": "Learning curves",
    "leakage": "Leakage",
}


def render_comparison(scores: ComparisonScores, statistics: Statistics) -> str:
    """Render the page as HTML.

    Parameters
    ----------
    scores : ComparisonScores
    statistics : Statistics
        Of these scores.

    Raises
    ------
    trifuse.studies.extra.ExtraError
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
            (name, _percent_rows(scores, confusion(method, scores, balanced)))
            for name, method in scores.methods.items()
        ],
        done=_done(scores, statistics),
    )


def leakage_sentences(statistics: Statistics) -> list[str]:
    """Say of each method how much better folds over images make it look.

    Examples
    --------
    >>> from trifuse.studies.comparison.statistics import LeakageEstimate
    >>> pair = LeakageEstimate(
    ...     by_lesion={"bma": Estimate(0.60, 0.58, 0.62)},
    ...     by_image={"bma": Estimate(0.64, 0.62, 0.66)},
    ...     difference={"bma": Estimate(0.04, 0.03, 0.05)},
    ... )
    >>> leakage_sentences(Statistics("cnn", "bma", {}, {}, {}, {"cnn": pair}))
    ['Folds over images, which put images of one lesion on both sides of a split, make cnn look \
better than it is (BMA: 0.640 instead of 0.600, difference +0.040 [+0.030, +0.050]).']
    """
    figure = statistics.primary
    return [
        f"Folds over images, which put images of one lesion on both sides of a split, "
        f"{_verdict(name, pair.difference[figure])} ({FIGURES[figure]}: "
        f"{pair.by_image[figure].value:.3f} instead of {pair.by_lesion[figure].value:.3f}, "
        f"difference {_signed(pair.difference[figure])})."
        for name, pair in statistics.leakage.items()
    ]


def confusion(
    method: MethodScores, scores: ComparisonScores, balanced: bool
) -> NDArray[np.float64]:
    """Count answers by class, float64 (n_classes, n_classes), as the mean over the repeats.

    Rows are true classes, columns the most probable ones.
    """
    answers = (method.balanced if balanced else method.probabilities).argmax(axis=2)
    n_classes = len(scores.classes)
    pairs = (scores.labels * n_classes + answers).ravel()
    counts = np.bincount(pairs, minlength=n_classes**2) / len(answers)
    return counts.reshape(n_classes, n_classes)


def _percent_rows(
    scores: ComparisonScores, counts: NDArray[np.float64]
) -> list[tuple[str, list[int]]]:
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return list(zip(scores.classes, np.rint(shares).astype(int).tolist(), strict=True))


def _leading(statistics: Statistics) -> str:
    """Say which method leads, and whether it may be told from the baseline."""
    figure = statistics.primary
    best = max(statistics.figures, key=lambda name: statistics.figures[name][figure].value)
    value, low, high = statistics.figures[best][figure]
    text = f"{best} has the best {FIGURES[figure]}: {value:.3f} [{low:.3f}, {high:.3f}]"
    if best == statistics.baseline:
        return f"{text}; it is the baseline."
    difference = statistics.differences[best]
    return (
        f"{text}; difference from the baseline, {statistics.baseline}: "
        f"{_signed(difference.figures[figure])}, "
        f"p = {difference.p:.4f}, corrected for all methods {difference.corrected_p:.4f}."
    )


def _verdict(name: str, difference: Estimate) -> str:
    if difference.low > 0:
        return f"make {name} look better than it is"
    if difference.high < 0:
        return f"make {name} look worse here"
    return f"change nothing of {name} that these images can show"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def _done(scores: ComparisonScores, statistics: Statistics) -> list[str]:
    n_lesions, n_repeats = len(np.unique(scores.groups)), _n_repeats(scores)
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


def _n_repeats(scores: ComparisonScores) -> int:
    return len(next(iter(scores.methods.values())).probabilities)
