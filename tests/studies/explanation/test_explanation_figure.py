"""The figure shows every map in one scale, with the class's name as it is."""

import numpy as np
import pytest

from trifuse.studies.explanation.curves import ORDERS, STEPS, Curves
from trifuse.studies.explanation.evidence import Explanation
from trifuse.studies.explanation.explanation_figure import FOR, draw_explanation
from trifuse.studies.figures import FIGURE_FORMATS, figure_bytes

pytestmark = pytest.mark.slow


@pytest.fixture
def curves():
    falling = np.linspace(1, 0, STEPS + 1)
    return Curves(falling**2, 1 - falling**2, np.tile(falling, (ORDERS, 1)))


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


BLOCKS = {
    "sift_fisher": "Fisher vector of SIFT", "color_vlad": "VLAD of colour", "cnn": "CNN embedding",
    "cnn_fisher": "Fisher vector of CNN cells", "network": "fine-tuned networks",
    "sift_vlad": "VLAD of SIFT",
}  # fmt: skip
ODD = "a $\\frac$ & <b> \u6f22"  # with a character that the font does not have
CAPTIONS = ("x.jpg", "better than random", "a sum")


def explanation(n_blocks, scale=1.0):
    rng = np.random.default_rng(n_blocks)
    return Explanation(
        0.5, {name: scale * rng.normal(size=(12, 16)) for name in list(BLOCKS)[:n_blocks]}
    )


def axes_of(figure):
    return {axes.get_title(): axes for part in figure.subfigs for axes in part.axes}


@pytest.mark.parametrize("n_blocks", [1, 4, 6])
def test_a_map_a_block_in_one_scale(picture, curves, n_blocks):
    told = explanation(n_blocks)
    axes = axes_of(draw_explanation(picture, told, curves, *CAPTIONS))
    parts = {BLOCKS[name]: part for name, part in told.parts.items()}
    parts = {"all blocks": told.fused.sum()} | parts
    overlays = [axes[f"{name}: {part:+.2f}"].images[1] for name, part in parts.items()]
    assert len({overlay.get_clim() for overlay in overlays}) == 1
    low, high = overlays[0].get_clim()
    assert low == -high
    for overlay, values in zip(overlays, (told.fused, *told.maps.values()), strict=True):
        np.testing.assert_allclose(overlay.get_array(), values * 12 * 16 / 100)


def test_nothing_is_transparent_and_for_is_vermilion(picture, curves):
    from matplotlib.colors import to_rgb

    axes = axes_of(draw_explanation(picture, explanation(1), curves, *CAPTIONS))
    (overlay,) = {shown for a in axes.values() for shown in a.images[1:2] if "all" in a.get_title()}
    assert overlay.cmap(0.5)[3] < 0.02
    assert overlay.cmap(1.0)[:3] == pytest.approx(to_rgb(FOR))


def test_the_legend_has_the_areas(picture, curves):
    figure = draw_explanation(picture, explanation(1), curves, *CAPTIONS)
    (legend,) = filter(None, (axes.get_legend() for axes in figure.subfigs[0].axes))
    texts = [text.get_text() for text in legend.get_texts()]  # of the random orders one
    areas = curves.areas()
    assert texts == [f"{name}: area {areas[name]:.2f}" for name in areas]
    assert areas["deletion"] < areas["random"] < areas["insertion"]


def test_what_is_said(picture, curves):
    figure = draw_explanation(picture, explanation(1), curves, *CAPTIONS)
    assert figure.get_suptitle() == "x.jpg"
    assert figure.get_supxlabel() == "a sum"
    assert "better than random" in axes_of(figure)


def test_the_scale_of_colours_lies_on_the_grey_of_the_image(picture, curves):
    """Nothing is white in the scale and grey in the maps."""
    figure = draw_explanation(picture, explanation(1), curves, *CAPTIONS)
    (bar,) = (axes for axes in figure.subfigs[1].axes if "evidence" in axes.get_xlabel())
    pictured = figure.subfigs[0].axes[1].images[0].get_array()
    assert bar.get_facecolor()[:3] == pytest.approx([pictured.mean() / 255] * 3)


@pytest.mark.parametrize("suffix", FIGURE_FORMATS)
def test_odd_names_and_empty_maps_are_drawn(picture, curves, suffix):
    told = explanation(5, scale=0.0)
    one, same = (
        figure_bytes(draw_explanation(picture, told, curves, *[ODD] * 3), suffix) for _ in range(2)
    )
    assert one == same
    assert len(one) > 5000
