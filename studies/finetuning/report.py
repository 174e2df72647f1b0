"""What a fine-tuning leaves for people: its figures, learning curves and confusions."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trifuse.classifiers.metrics import Metrics
from trifuse.classifiers.output import open_output
from trifuse.classifiers.tables import markdown_table
from trifuse.studies.figures import COLORS, MARKERS, SEQUENTIAL, figure_style, save_figure
from trifuse.studies.finetuning.checkpoint import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTE = (
    "These figures are on the validation images, by which epochs are chosen: they are optimistic. "
    "Honest ones are on images that the network has not seen in any way."
)


def write_report(folder: Path, epochs: Sequence[Epoch], kept: int, metrics: Metrics) -> None:
    """Write ``history.csv``, ``curves.png``, ``confusion.png`` and ``report.md`` into a folder.

    Parameters
    ----------
    folder : Path
    epochs : sequence of Epoch
    kept : int
        The number, from 0, of the epoch whose network is kept.
    metrics : Metrics
        Of its network, on the validation images.

    Raises
    ------
    trifuse.studies.extra.ExtraError
        If Matplotlib is not installed.
    trifuse.classifiers.output.OutputError
        If a file cannot be written.
    """
    _write(folder / "history.csv", render_history(epochs))
    save_figure(draw_curves(epochs, kept), folder / "curves.png")
    save_figure(draw_confusion(metrics), folder / "confusion.png")
    _write(folder / "report.md", render_report(epochs, kept, metrics))


def render_history(epochs: Sequence[Epoch]) -> str:
    """Write a CSV of a row an epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(epochs[0].validation)
    writer.writerow(
        ["epoch", "learning_rate", "training_loss", *(f"validation_{name}" for name in names)]
    )
    for number, epoch in enumerate(epochs, 1):
        figures = [epoch.learning_rate, epoch.loss, *epoch.validation.values()]
        writer.writerow([number, *(f"{figure:.6g}" for figure in figures)])
    return text.getvalue()


def render_report(epochs: Sequence[Epoch], kept: int, metrics: Metrics) -> str:
    """Write the figures of the kept epoch, each class's, and the confusions, as Markdown."""
    classes = markdown_table(
        ("class", "images", "recall", "precision", "AUC"),
        [
            (
                name,
                str(metrics.support[name]),
                *(
                    "" if np.isnan(value) else f"{value:.3f}"
                    for value in (metrics.recall[name], metrics.precision[name], metrics.auc[name])
                ),
            )
            for name in metrics.classes
        ],
    )
    confusion = markdown_table(
        ("label \\ prediction", *metrics.classes),
        [
            (name, *map(str, row))
            for name, row in zip(metrics.classes, metrics.confusion, strict=True)
        ],
    )
    return (
        f"# Fine-tuning\n\nEpoch {kept + 1} of {len(epochs)} is kept: BMA {metrics.bma:.3f}, "
        f"accuracy {metrics.accuracy:.3f}, top-3 accuracy {metrics.top_3_accuracy:.3f}, macro AUC "
        f"{metrics.macro_auc:.3f} on {metrics.n_images} images.\n\n{NOTE}\n\n{classes}\n\n"
        f"{confusion}\n"
    )


def draw_curves(epochs: Sequence[Epoch], kept: int) -> Figure:
    """Draw losses and validation figures by epoch, with the kept epoch marked."""
    numbers = range(1, len(epochs) + 1)
    with figure_style():
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(6.5, 2.6))
        losses, figures = figure.subplots(1, 2)
        series = {
            "training, augmented": [epoch.loss for epoch in epochs],
            "validation": [epoch.validation["loss"] for epoch in epochs],
        }
        _plot(losses, numbers, series)
        _plot(
            figures,
            numbers,
            {
                title: [epoch.validation[name] for epoch in epochs]
                for name, title in (
                    ("bma", "BMA"),
                    ("accuracy", "accuracy"),
                    ("top_3_accuracy", "top-3 accuracy"),
                )
            },
        )
        losses.set(xlabel="epoch", ylabel="cross-entropy")
        figures.set(xlabel="epoch", ylabel="on validation images", ylim=(0, 1.02))
        for axes in (losses, figures):
            axes.axvline(kept + 1, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_confusion(metrics: Metrics) -> Figure:
    """Draw the confusion matrix: colours are shares of a label's images, numbers are images."""
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.42 * len(metrics.classes)
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(side + 0.6, side))
        axes = figure.subplots()
        picture = axes.imshow(shares, vmin=0, vmax=1, cmap=SEQUENTIAL)
        ticks = range(len(metrics.classes))
        axes.set_xticks(ticks, metrics.classes, rotation=45, ha="right")
        axes.set_yticks(ticks, metrics.classes)
        axes.set(xlabel="prediction", ylabel="label")
        for (row, column), number in np.ndenumerate(counts):
            color = "black" if shares[row, column] > 0.5 else "white"
            axes.text(column, row, str(number), ha="center", va="center", color=color)
        figure.colorbar(picture, label="share of the label's images")
    return figure


def _plot(axes: Axes, numbers: range, series: dict[str, list[float]]) -> None:
    for (title, values), color, marker in zip(series.items(), COLORS, MARKERS, strict=False):
        axes.plot(numbers, values, color=color, marker=marker, markersize=3, label=title)
    axes.legend()


def _write(path: Path, text: str) -> None:
    with open_output(path) as file:
        file.write(text.encode())
