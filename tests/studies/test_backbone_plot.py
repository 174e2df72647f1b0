"""The figure of the backbones: every row where it belongs, and names that can be read."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from trifuse.features.backbones import BACKBONES, DEFAULT_BACKBONE, backbone
from trifuse.studies.backbone_plot import AREA, draw_backbones
from trifuse.studies.figures import COLORS, figure_bytes

ROWS = list(BACKBONES.values())


def marks(figure):
    """The marks of the rows, in their order; those for the legend have no place."""
    return [mark for mark in figure.axes[0].collections if len(mark.get_offsets())]


def names(figure):
    return figure.axes[0].findobj(Annotation)


def boxes(figure):
    """The squares around the marks, and the boxes of the names, in pixels, after drawing."""
    figure.draw_without_rendering()
    squares = []
    for mark in marks(figure):
        ((x, y),) = mark.get_offset_transform().transform(mark.get_offsets())
        half = np.sqrt(mark.get_sizes()[0]) / 2 * figure.dpi / 72
        squares.append(Bbox([[x - half, y - half], [x + half, y + half]]))
    return squares, [name.get_window_extent() for name in names(figure)]


@pytest.fixture(scope="module")
def figure():
    return draw_backbones(ROWS)


def test_every_row_has_its_mark_and_its_name(figure):
    assert [name.get_text() for name in names(figure)] == list(BACKBONES)
    for row, mark, name in zip(ROWS, marks(figure), names(figure), strict=True):
        assert mark.get_offsets().tolist() == [[row.macs, row.top1]]
        assert mark.get_sizes() == pytest.approx([AREA * row.parameters / 1e6])
        assert name.xy == (row.macs, row.top1)


def test_the_axes_say_what_they_show(figure):
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "multiply-adds of an image of the network's own input size"
    assert axes.get_ylabel() == "top-1 accuracy on ImageNet, as published, %"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "2 M", "5 M", "10 M", "20 M",
    ]  # fmt: skip


def test_no_name_covers_another_or_a_mark(figure):
    squares, texts = boxes(figure)
    assert not any(one.overlaps(other) for one, other in combinations(texts, 2))
    assert not any(text.overlaps(square) for text in texts for square in squares)
    inside = figure.axes[0].bbox
    assert all(Bbox.intersection(inside, text).bounds == text.bounds for text in texts)


def test_names_make_way_in_a_crowd():
    row = backbone("resnet50")
    crowd = [replace(row, name=f"network-{number}", macs=row.macs + number) for number in range(4)]
    _, texts = boxes(draw_backbones(crowd))
    assert not any(one.overlaps(other) for one, other in combinations(texts, 2))


@pytest.mark.parametrize("default", [DEFAULT_BACKBONE, "vgg19"])
def test_the_default_stands_out(default):
    figure = draw_backbones(ROWS, default)
    bold = {name.get_text() for name in names(figure) if name.get_fontweight() == "bold"}
    colors = {
        row.name: to_hex(mark.get_facecolors()[0])
        for row, mark in zip(ROWS, marks(figure), strict=True)
    }
    assert bold == {default}
    assert colors == dict.fromkeys(BACKBONES, COLORS[0]) | {default: COLORS[1]}


def test_the_same_bytes_each_time(figure):
    assert figure_bytes(figure, ".svg") == figure_bytes(draw_backbones(ROWS), ".svg")
