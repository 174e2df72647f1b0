"""The figure shows every map in one scale, with the class's name as it is."""

import numpy as np
import pytest

from trifuse.studies.explanation.curves import STEPS, Curves
from trifuse.studies.explanation.explain import Explanation
from trifuse.studies.explanation.overlay import FOR, draw_explanation
from trifuse.studies.figures import FORMATS, figure_bytes


@pytest.fixture
def curves():
    falling = np.linspace(1, 0, STEPS + 1)
    return Curves(falling**2, 1 - falling**2, falling)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def explanation(n_blocks, scale=1.0):
    rng = np.random.default_rng(n_blocks)
    names = [f"block {number}" for number in range(n_blocks)]
    return Explanation(0.5, {name: scale * rng.normal(size=(12, 16)) for name in names})


def axes_of(figure):
    return {axes.get_title(): axes for part in figure.subfigs for axes in part.axes}


@pytest.mark.parametrize("n_blocks", [1, 4, 6])
def test_a_map_a_block_in_one_scale(picture, curves, n_blocks):
    told = explanation(n_blocks)
    axes = axes_of(draw_explanation(picture, told, curves, "title"))
    parts = {"all": told.fused.sum(), **told.parts}
    overlays = [axes[f"{name}: {part:+.3f}"].images[1] for name, part in parts.items()]
    assert len({overlay.get_clim() for overlay in overlays}) == 1
    low, high = overlays[0].get_clim()
    assert low == -high
    for overlay, values in zip(overlays, (told.fused, *told.maps.values()), strict=True):
        np.testing.assert_allclose(overlay.get_array(), values * 12 * 16 / 100)


def test_nothing_is_transparent_and_for_is_vermilion(picture, curves):
    from matplotlib.colors import to_rgb

    axes = axes_of(draw_explanation(picture, explanation(1), curves, "title"))
    (overlay,) = {shown for a in axes.values() for shown in a.images[1:2] if "all" in a.get_title()}
    assert overlay.cmap(0.5)[3] < 0.02
    assert overlay.cmap(1.0)[:3] == pytest.approx(to_rgb(FOR))


def test_the_legend_has_the_areas(picture, curves):
    figure = draw_explanation(picture, explanation(1), curves, "title")
    (legend,) = filter(None, (axes.get_legend() for axes in figure.subfigs[0].axes))
    texts = [text.get_text() for text in legend.get_texts()]
    areas = curves.areas()
    assert texts == [f"{name}: area {areas[name]:.2f}" for name in areas]
    assert areas["deletion"] < areas["random"] < areas["insertion"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_odd_names_and_empty_maps_are_drawn(picture, curves, suffix):
    told = explanation(5, scale=0.0)
    one, same = (
        figure_bytes(draw_explanation(picture, told, curves, "a $\\frac$ & <b>"), suffix)
        for _ in range(2)
    )
    assert one == same
    assert len(one) > 5000
