"""What a fine-tuning leaves for people: its figures, learning curves and confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trifuse.classifiers.metrics import Metrics
from trifuse.classifiers.output import open_output
from trifuse.classifiers.text_tables import TITLES, csv_text, markdown_table, with_interval
from trifuse.studies.confusion_figure import draw_confusion
from trifuse.studies.figures import COLORS, MARKERS, figure_bytes, figure_style
from trifuse.studies.measured import class_rows, confusion_rows
from trifuse.training.networks.checkpoint import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPOCH_FIGURES = ("bma", "accuracy", "top_3_accuracy", "macro_auc", "log_loss")
OPTIMISM = (
    "These figures are on the validation images, by which epochs are chosen: they are optimistic. "
    "Honest ones are on images that the network has not seen in any way."
)


FINETUNING_FILES = ("history.csv", "curves.png", "confusion.png", "report.md")


def write_finetuning(
    folder: Path, epochs: Sequence[Epoch], kept: int, metrics: Metrics, intervals: Mapping[str, Any]
) -> None:
    """Write the `FINETUNING_FILES` into a folder.

    Parameters
    ----------
    folder : Path
    epochs : sequence of Epoch
    kept : int
        The number, from 0, of the epoch whose network is kept.
    metrics : Metrics
        Of its network, on the validation images.
    intervals : dict
        Of these metrics, as `trifuse.classifiers.metrics.bootstrap_intervals` gives them.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Matplotlib is not installed.
    trifuse.classifiers.output.OutputError
        If a file cannot be written.
    """
    contents = {
        "history.csv": render_history(epochs).encode(),
        "curves.png": figure_bytes(draw_curves(epochs, kept)),
        "confusion.png": figure_bytes(draw_confusion(metrics.confusion, metrics.classes)),
        "report.md": render_report(epochs, kept, metrics, intervals).encode(),
    }
    for name, content in contents.items():
        with open_output(folder / name) as file:
            file.write(content)


def render_history(epochs: Sequence[Epoch]) -> str:
    """Write a CSV of a row an epoch."""
    names = (f"validation_{name}" for name in epochs[0].validation)
    rows: list[tuple[str | int, ...]] = []
    for number, epoch in enumerate(epochs, 1):
        figures = (epoch.learning_rate, epoch.loss, *epoch.validation.values())
        rows.append((number, *(f"{figure:.6g}" for figure in figures)))
    return csv_text(("epoch", "learning_rate", "training_loss", *names), rows)


def render_report(
    epochs: Sequence[Epoch], kept: int, metrics: Metrics, intervals: Mapping[str, Any]
) -> str:
    """Write the figures of the kept epoch, each class's, and the confusions, as Markdown."""
    figures = [
        (TITLES[name], with_interval(getattr(metrics, name), intervals[name]))
        for name in EPOCH_FIGURES
    ]
    by_class = class_rows(metrics, intervals)
    confusion = ("label \\ prediction", *metrics.classes)
    parts = (
        "# Fine-tuning",
        f"Epoch {kept + 1} of {len(epochs)} is kept; on {metrics.n_images} images, with 95 % "
        "intervals by bootstrap over lesions:",
        markdown_table(("figure", "value"), figures),
        OPTIMISM,
        markdown_table(("class", "images", "recall", "precision", "AUC"), by_class),
        markdown_table(confusion, confusion_rows(metrics)),
    )
    return "\n\n".join(parts) + "\n"


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
                TITLES[name]: [epoch.validation[name] for epoch in epochs]
                for name in ("bma", "accuracy", "top_3_accuracy")
            },
        )
        losses.set(xlabel="epoch", ylabel="cross-entropy")
        figures.set(xlabel="epoch", ylabel="on validation images", ylim=(0, 1.02))
        for axes in (losses, figures):
            axes.axvline(kept + 1, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _plot(axes: Axes, numbers: range, series: dict[str, list[float]]) -> None:
    for (title, values), color, marker in zip(series.items(), COLORS, MARKERS, strict=False):
        axes.plot(numbers, values, color=color, marker=marker, markersize=3, label=title)
    axes.legend()
