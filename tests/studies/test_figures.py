"""Figures are the same bytes each time, in every format."""

import sys

import pytest

from trifuse.classifiers.output import OutputError
from trifuse.features.libraries import ExtraError
from trifuse.studies.figures import (
    COLORS,
    FIGURE_FORMATS,
    MARKERS,
    figure_bytes,
    figure_style,
    save_figure,
)


def draw():
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure(figsize=(2, 1.5))
        figure.subplots().plot([0, 1], [1, 0], color=COLORS[0], label="line")
    return figure


@pytest.mark.parametrize("suffix", FIGURE_FORMATS)
def test_the_same_bytes_each_time(suffix, tmp_path):
    path = tmp_path / f"figure{suffix}"
    save_figure(draw(), path)
    assert path.read_bytes() == figure_bytes(draw(), suffix)
    assert len(path.read_bytes()) > 1000


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written: No such file"):
        save_figure(draw(), tmp_path / "none" / "figure.png")


def test_every_colour_has_a_marker():
    assert len(set(COLORS)) == len(set(MARKERS)) == len(COLORS)


def test_without_matplotlib_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(ExtraError, match="matplotlib"), figure_style():
        pass
