"""An evaluation as figures, and as a page of one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trifuse.classifiers.bootstrap import number_groups
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.studies.confusion_figure import draw_confusion
from trifuse.studies.evaluation.decided import DecidedEvaluation
from trifuse.studies.evaluation.detection_curves import DetectionCurves, measure_detection
from trifuse.studies.evaluation.evaluate import RUN_WITH_PROBABILITIES, Evaluation
from trifuse.studies.evaluation.evaluation_figures import (
    draw_groups,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from trifuse.studies.evaluation.evaluation_tables import (
    areas_table,
    classes_table,
    confusion_table,
    figures_table,
    reliability_table,
)
from trifuse.studies.evaluation.group_figures import GroupFigures
from trifuse.studies.evaluation.matched import MatchedImages
from trifuse.studies.evaluation.reliability_bins import ReliabilityBin, bin_by_confidence
from trifuse.studies.figures import figure_bytes
from trifuse.studies.result_files import Result
from trifuse.studies.section_page import Picture, Section, render_sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXTS = {
    "reliability": "Reliability: how often answers are right, by their probability",
    "confusion": "Confusion: the images of each class by their first answer",
    "roc": "ROC: sensitivity by the share of others that is taken for the class",
    "precision_recall": "Precision by recall",
    "groups": "Groups with their intervals, all images first",
}
"""The figures, by the names of their files, and what they show."""
HEADINGS = {
    "review": "Reasons for a review",
    "groups": "Groups",
    "positives": "The price of finding them",
}
"""Of results; others have their name."""

OF_GROUPS = (
    "Points are figures, lines their 95 % intervals over the group's lesions, the number of which "
    "stands behind its name; dashed is the figure of all images. Groups of too few lesions are "
    "hollow."
)


@dataclass(frozen=True)
class Portrait:
    """What the figures of an evaluation are drawn from.

    Attributes
    ----------
    evaluation : Evaluation or DecidedEvaluation
    bins : list of ReliabilityBin
    curves : list of DetectionCurves
        Empty where the probabilities of all classes are not known.
    groups : sequence of GroupFigures
        Empty where nothing was divided.
    """

    evaluation: Evaluation | DecidedEvaluation
    bins: list[ReliabilityBin]
    curves: list[DetectionCurves]
    groups: Sequence[GroupFigures]

    def draw(self) -> dict[str, Figure]:
        """Draw those of the figures in `TEXTS` that there is something to draw of.

        Raises
        ------
        trifuse.features.libraries.ExtraError
            If Matplotlib is not installed.
        """
        metrics = self.evaluation.counted.metrics
        figures = {
            "reliability": draw_reliability(self.bins),
            "confusion": draw_confusion(metrics.confusion, metrics.classes),
        }
        if self.curves:
            figures["roc"] = draw_roc(self.curves)
            figures["precision_recall"] = draw_precision_recall(self.curves)
        if self.groups:
            figures["groups"] = draw_groups(self.groups)
        return figures


def portray(
    evaluation: Evaluation | DecidedEvaluation,
    positive: Sequence[str] = (),
    groups: Sequence[GroupFigures] = (),
) -> Portrait:
    """Measure what is drawn besides: bins of probabilities, and curves.

    Parameters
    ----------
    evaluation : Evaluation or DecidedEvaluation
        Images that the model was trained on are in no figure, unless there are no others.
    positive : sequence of str
        Classes whose summed probability has curves; by default each class has its own.
    groups : sequence of GroupFigures

    Raises
    ------
    trifuse.datasets.table.DatasetError
        If one of `positive` is none of the model's classes, or all of them are named.
    """
    images = evaluation.images
    return Portrait(evaluation, _bin(images), measure_detection(images, positive), groups)


def _bin(images: MatchedImages) -> list[ReliabilityBin]:
    used = images.counted
    sample = ScoredImages(images.probabilities[used], images.labels[used], images.table.classes)
    return bin_by_confidence(
        sample.confidence, sample.rank == 0, number_groups(images.lesions)[used]
    )


def render_evaluation(
    portrait: Portrait,
    figures: Mapping[str, Figure],
    names: tuple[str, str],
    results: Sequence[Result] = (),
    warning: str | None = None,
) -> bytes:
    """Render the page as HTML in UTF-8.

    Parameters
    ----------
    portrait : Portrait
    figures : mapping of str to Figure
        Drawn of it.
    names : (str, str)
        What the predictions and the truth are called.
    results : sequence of Result
        Each has a section.
    warning : str, optional

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja is not installed.
    """
    pictures = {
        name: [Picture(figure_bytes(figure, ".svg"), TEXTS[name])]
        for name, figure in figures.items()
    }
    predictions, truth = names
    return render_sections(
        f"Evaluation of {predictions}",
        [*portrait.evaluation.counts, f"Truth: {truth}."],
        list(_sections(portrait, pictures, results)),
        warning,
    )


def _sections(
    portrait: Portrait, pictures: Mapping[str, list[Picture]], results: Sequence[Result]
) -> Iterator[Section]:
    evaluation, measured = portrait.evaluation, portrait.evaluation.counted
    if isinstance(evaluation, DecidedEvaluation) and evaluation.night is not None:
        yield Section("The whole night", tables=[evaluation.night.table()])
    yield Section("Figures", tables=[figures_table(measured), classes_table(measured)])
    yield Section(
        "Reliability",
        ["On the dashed line a probability of 80 % is right 8 times in 10: above it answers are "
         "better than they promise, below it worse. Lines are 95 % intervals; the bars below count "
         "images."],
        pictures["reliability"],
        [reliability_table(portrait.bins)],
    )  # fmt: skip
    yield Section(
        "Confusion",
        ["Rows are true classes, columns first answers; percent are of the images of a class, so "
         "the diagonal is the recall."],
        pictures["confusion"],
        [confusion_table(measured.metrics)],
    )  # fmt: skip
    if portrait.curves:
        yield Section(
            "ROC, precision and recall",
            ["Each class, or all positive ones together, against all others, by their probability. "
             "Bands are 95 % intervals over lesions at each point; dashed is guessing."],
            pictures["roc"] + pictures["precision_recall"],
            [areas_table(portrait.curves)],
        )  # fmt: skip
    elif not evaluation.images.table.complete:
        yield Section(
            "ROC, precision and recall",
            [f"Only the top classes are known: {RUN_WITH_PROBABILITIES}."],
        )
    for result in results:
        heading, drawn = HEADINGS.get(result.name, result.name), pictures.get(result.name, [])
        yield Section(heading, [OF_GROUPS] if drawn else [], drawn, result.tables)
    yield Section(
        "How it was done",
        ["Images that the model was trained on are in no figure, unless there are no others. "
         "Intervals hold the chance in which lesions were tested, not the chance in which ones the "
         "model was trained on."],
    )  # fmt: skip
