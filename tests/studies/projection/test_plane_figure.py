"""The figure: every image once, every class told from the others, the same bytes each time."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from trifuse.studies.figures import COLORS, FIGURE_FORMATS, MARKERS, figure_bytes
from trifuse.studies.projection.plane_figure import choose_looks, draw_map
from trifuse.studies.projection.vectors import ProjectionError


def test_every_image_is_a_point_in_the_colour_of_its_class(image_map):
    axes = draw_map(image_map).axes[0]
    labels = np.array(image_map.images.table.labels)
    for name, color, drawn in zip("abc", COLORS, axes.collections, strict=False):
        np.testing.assert_allclose(drawn.get_offsets(), image_map.points[labels == name])
        assert to_hex(drawn.get_facecolor()[0]) == color
    assert len(axes.collections) == 3
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == [" a (30)", " b (30)", " c (30)"]


def test_the_caption_is_in_the_figure(image_map):
    figure = draw_map(image_map)
    assert " ".join(figure.get_supxlabel().split()) == image_map.caption


def test_small_classes_lie_over_large_ones(image_map):
    table = image_map.images.table
    labels = tuple("a" if row < 80 else "b" for row in range(90))
    images = replace(
        image_map.images, table=replace(table, labels=labels, classes=("b", "none", "a"))
    )
    b, a = draw_map(replace(image_map, images=images)).axes[0].collections
    assert (a.get_label(), b.get_label()) == (" a (80)", " b (10)")
    assert b.get_zorder() > a.get_zorder()


def test_the_legend_names_classes_of_any_name(blobs, image_map):
    images = blobs(("_other", r"$\none$", "c"))
    figure = draw_map(replace(image_map, images=images))
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == [" _other (30)", r" \$\none\$ (30)", " c (30)"]
    assert len(figure_bytes(figure)) > 10_000


@pytest.mark.parametrize("suffix", FIGURE_FORMATS)
def test_the_same_bytes_each_time(suffix, image_map):
    first, second = (figure_bytes(draw_map(image_map), suffix) for _ in range(2))
    assert first == second


def test_many_points_are_pixels(blobs, image_map):
    assert b"<image" not in figure_bytes(draw_map(image_map), ".svg")
    many = blobs(images_per_class=400)
    points = np.random.default_rng(0).normal(size=(1200, 2)).astype(np.float32)
    drawn = figure_bytes(draw_map(replace(image_map, images=many, points=points)), ".svg")
    assert b"<image" in drawn
    assert len(drawn) < 300_000


def test_looks_are_those_of_all_figures_and_never_the_same():
    names = [str(number) for number in range(49)]
    looks = choose_looks(names)
    assert list(looks.values())[:7] == list(zip(COLORS, MARKERS, strict=True))
    assert len(set(looks.values())) == 49
    with pytest.raises(ProjectionError) as caught:
        choose_looks([*names, "49"])
    assert str(caught.value) == (
        "50 classes cannot be told apart in one figure, which has 49 pairs of colour and marker; "
        "project an archive of fewer"
    )
