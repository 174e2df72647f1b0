"""The figure shows the estimates where they are, and only what was measured."""

from dataclasses import replace

import numpy as np
import pytest

from trifuse.studies.comparison.comparison_figure import draw_comparison
from trifuse.studies.figures import figure_bytes
from trifuse.studies.measured import FIGURES

pytestmark = pytest.mark.slow

FOREST = ("balanced_bma", "bma", "macro_auc")


def marks(axes):
    """The points of a panel: x, y and what fills them."""
    return [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor())
        for line in axes.lines
        if line.get_marker() != "None" and len(line.get_xdata()) == 1
    ]


def intervals(axes):
    return [tuple(line.get_xdata()) for line in axes.lines if line.get_color() == "black"][::2]


def test_a_panel_a_figure(statistics):
    panels = draw_comparison(statistics).axes[:3]
    for axes, figure in zip(panels, FOREST, strict=True):
        estimates = [method[figure] for method in statistics.figures.values()]
        assert axes.get_xlabel() == FIGURES[figure]
        assert [mark[:2] for mark in marks(axes)] == [
            (estimate.value, row) for row, estimate in enumerate(estimates)
        ]
        assert intervals(axes) == [(estimate.low, estimate.high) for estimate in estimates]
        assert axes.lines[0].get_xdata()[0] == estimates[0].value  # the baseline's line
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    assert names == list(statistics.figures)
    assert panels[0].get_ylim()[0] > panels[0].get_ylim()[1]  # the first method on top


def test_no_text_runs_into_another(statistics):
    """However long a method's name is."""
    long = "a method whose name says all that was chosen, as a file of methods lets it"
    figures = {long if name == "cnn" else name: e for name, e in statistics.figures.items()}
    figure = draw_comparison(replace(statistics, figures=figures, curves={}, leakage={}))
    figure.draw_without_rendering()
    panels = figure.axes
    boxes = [axes.xaxis.label.get_window_extent() for axes in panels]
    boxes += [label.get_window_extent() for label in panels[0].get_yticklabels()]
    for axes in panels:
        low, high = axes.get_xlim()
        ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        boxes += [label.get_window_extent() for tick, label in ticks if low <= tick <= high]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
    assert panels[0].get_window_extent().width > figure.bbox.width / 8


def test_the_baseline_is_hollow(statistics):
    axes = draw_comparison(replace(statistics, baseline="cnn")).axes[0]
    assert [mark[2] for mark in marks(axes)] == ["black", "white", "black", "black"]


def test_learning_curves_have_bands(statistics):
    axes = draw_comparison(statistics).axes[3]
    assert [line.get_label() for line in axes.lines] == list(statistics.curves)
    for line, band, curve in zip(
        axes.lines, axes.collections, statistics.curves.values(), strict=True
    ):
        assert tuple(line.get_xdata()) == (50, 100, 200)
        assert tuple(line.get_ydata()) == tuple(estimate.value for _, estimate in curve)
        corners = set(band.get_paths()[0].vertices[:, 1])
        assert {estimate.low for _, estimate in curve} <= corners
        assert {estimate.high for _, estimate in curve} <= corners


def test_leakage_has_pairs(statistics):
    axes = draw_comparison(statistics).axes[4]
    pairs = np.reshape([mark[0] for mark in marks(axes)], (2, 2))
    for (lesion, image), pair in zip(pairs, statistics.leakage.values(), strict=True):
        assert lesion == pair.by_lesion["balanced_bma"].value
        assert image == pair.by_image["balanced_bma"].value
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["folds over lesions", "folds over images"]


@pytest.mark.parametrize(
    ("absent", "count"), [({"curves"}, 4), ({"leakage"}, 4), ({"curves", "leakage"}, 3)]
)
def test_what_was_not_measured_is_not_there(statistics, absent, count):
    figure = draw_comparison(replace(statistics, **{name: {} for name in absent}))
    assert len(figure.axes) == count


def test_it_grows_with_the_methods(statistics):
    estimates = statistics.figures["cnn"]
    many = replace(
        statistics, baseline="0", figures={str(number): estimates for number in range(12)}
    )
    heights = [draw_comparison(each).get_figheight() for each in (statistics, many)]
    assert heights[1] - heights[0] == pytest.approx(8 * 0.26)


def test_more_curves_than_colours(statistics):
    curve = statistics.curves["cnn"]
    many = replace(statistics, curves={str(number): curve for number in range(9)})
    assert len(draw_comparison(many).axes[3].lines) == 9


def test_dollars_are_no_mathematics(statistics):
    curves = {r"$\frac$": statistics.curves["cnn"]}
    assert figure_bytes(draw_comparison(replace(statistics, curves=curves)))


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_bytes_each_time(statistics, suffix):
    first, second = (figure_bytes(draw_comparison(statistics), suffix) for _ in range(2))
    assert first == second
