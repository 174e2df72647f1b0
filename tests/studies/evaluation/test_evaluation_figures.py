"""Figures show what was measured, where it is."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.confusion_figure import draw_confusion
from trifuse.studies.evaluation.detection_curves import GRID, DetectionCurves
from trifuse.studies.evaluation.evaluation_figures import (
    draw_groups,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from trifuse.studies.evaluation.group_figures import GroupFigures
from trifuse.studies.evaluation.reliability_bins import ReliabilityBin
from trifuse.studies.figures import FIGURE_FORMATS, figure_bytes

UNKNOWN = Estimate(math.nan, math.nan, math.nan)
HOSTILE = "$\\frac$ <b>\x01\udcff--> \u202e" + 40 * "long"


def curves(name="mel", n_positive=12):
    band = np.stack([np.sqrt(GRID), GRID, np.ones_like(GRID)])
    area = Estimate(0.75, 0.7, 0.8)
    return DetectionCurves(name, n_positive, 60, area, area, band, 1 - band)


def group(column, value, n_lesions, accuracy, coverage=UNKNOWN):
    figures = {"bma": UNKNOWN, "accuracy": accuracy, "coverage": coverage, "set_size": UNKNOWN}
    return GroupFigures(column, value, n_lesions, n_lesions, 0, 0, figures, {}, {}, {})


GROUPS = [
    group("", "", 1200, Estimate(0.8, 0.7, 0.9)),
    group("age", "below 40", 49, Estimate(0.6, 0.4, 0.8)),
    group("age", "40 and above", 1151, Estimate(0.9, 0.85, 0.95)),
]


def lines(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_reliability():
    bins = [
        ReliabilityBin(0.2, 0.4, 30, 20, 0.31, Estimate(0.5, 0.3, 0.7)),
        ReliabilityBin(0.8, 1.0, 70, 60, 0.93, Estimate(0.9, 0.8, 0.95)),
    ]
    upper, lower = draw_reliability(bins).axes
    (points,) = lines(upper, "o")
    assert points.get_xydata().tolist() == [[0.31, 0.5], [0.93, 0.9]]
    intervals = [line.get_xydata().tolist() for line in upper.lines if line.get_color() == "black"]
    assert intervals == [[[0.31, 0.3], [0.31, 0.7]], [[0.93, 0.8], [0.93, 0.95]]]
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in lower.patches]
    assert bars == [(0.2, pytest.approx(0.2), 30), (0.8, pytest.approx(0.2), 70)]


@pytest.mark.parametrize("n_classes", [1, 2, 7])
@pytest.mark.parametrize("draw", [draw_roc, draw_precision_recall])
def test_a_panel_a_class(draw, n_classes):
    figure = draw([curves(f"class {number}") for number in range(n_classes)])
    assert len(figure.axes) == n_classes
    for number, axes in enumerate(figure.axes):
        assert axes.get_title() == f"class {number}\nAUC 0.750 [0.700, 0.800]"
        assert len(axes.collections) == 1  # the band


def test_curves_are_where_they_are():
    (roc,), (precision,) = draw_roc([curves()]).axes, draw_precision_recall([curves()]).axes
    np.testing.assert_array_equal(roc.lines[1].get_xydata().T, [GRID, np.sqrt(GRID)])
    np.testing.assert_array_equal(precision.lines[1].get_xydata().T, [GRID, 1 - np.sqrt(GRID)])
    assert set(precision.lines[0].get_ydata()) == {12 / 60}  # guessing


def test_a_row_a_group():
    (axes,) = draw_groups(GROUPS).axes  # what is not known of any group has no panel
    assert axes.get_xlabel() == "accuracy"
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert names == ["all (1,200)", "age: below 40 (too few) (49)", "age: 40 and above (1,151)"]
    assert axes.lines[0].get_xdata()[0] == 0.8
    assert [line.get_xydata().tolist() for line in lines(axes, "s")] == [[[0.6, 1]]]  # hollow
    assert [line.get_xydata().tolist() for line in lines(axes, "o")] == [[[0.8, 0]], [[0.9, 2]]]


@pytest.mark.parametrize("suffix", FIGURE_FORMATS)
def test_strange_names_are_drawn(suffix):
    groups = [GROUPS[0], group(HOSTILE, HOSTILE, 60, Estimate(0.6, 0.4, 0.8))]
    confusion = draw_confusion(np.eye(2), [HOSTILE, "b"])
    for figure in (confusion, draw_roc([curves(HOSTILE)]), draw_groups(groups)):
        content = figure_bytes(figure, suffix)
        assert content == figure_bytes(figure, suffix)
        if suffix == ".svg":
            ET.fromstring(content)
