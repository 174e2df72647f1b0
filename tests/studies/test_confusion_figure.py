"""The figure of a confusion tells how many, and their share of a class."""

import numpy as np

from trifuse.studies.confusion_figure import draw_confusion


def test_confusion():
    counts = [[19, 1, 0], [1, 2, 0], [0, 0, 0]]
    (axes,) = draw_confusion(counts, ["a", "b", "c"], ("second", "first")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("second", "first")
    texts = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    assert texts[(0.5, 0.5)] == ("19\n95 %", "white")
    assert texts[(0.5, 1.5)] == ("1\n33 %", "black")
    assert texts[(2.5, 2.5)] == ("0\n0 %", "black")
    assert axes.yaxis_inverted()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    np.testing.assert_allclose(
        axes.collections[0].get_array(), [[95, 5, 0], [100 / 3, 200 / 3, 0], [0, 0, 0]]
    )
