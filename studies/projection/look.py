"""The colour and the marker of each class, in the figure and on the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from trifuse.studies.figures import COLORS, MARKERS
from trifuse.studies.projection.errors import ProjectionError

Look = tuple[str, str]
"""One of `trifuse.studies.figures.COLORS` and one of its `MARKERS`."""


def choose_looks(classes: Sequence[str]) -> dict[str, Look]:
    """Give each class a colour and a marker that no other class has together.

    Seven classes differ in both. Of more, some share a colour or a marker.

    Raises
    ------
    ProjectionError
        If there are more classes than pairs.

    Examples
    --------
    >>> choose_looks(["mel", "nv"])
    {'mel': ('#0072b2', 'o'), 'nv': ('#d55e00', 's')}
    """
    n_colors, n_markers = len(COLORS), len(MARKERS)
    if len(classes) > n_colors * n_markers:
        msg = (
            f"{len(classes)} classes cannot be told apart in one figure, which has "
            f"{n_colors * n_markers} pairs of colour and marker; project an archive of fewer"
        )
        raise ProjectionError(msg)
    return {
        name: (COLORS[place % n_colors], MARKERS[(place + place // n_colors) % n_markers])
        for place, name in enumerate(classes)
    }
