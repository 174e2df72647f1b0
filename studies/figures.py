"""The look of saved figures: readable in print, and for the colour-blind."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trifuse.classifiers.output import open_output
from trifuse.features.libraries import need_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""For categories: the palette of M. Okabe and K. Ito, "Color universal design", 2008; its yellow,
which is hard to see on paper, is left out."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""For the same categories, so that colour is never the only difference."""
SEQUENTIAL = ("#ffffff", COLORS[0])
"""For amounts, from none to all: from paper to ink, told apart by brightness alone."""
DPI = 200
FIGURE_FORMATS = (".png", ".pdf", ".svg")

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "trifuse",  # the same figure, the same bytes
    "pdf.fonttype": 42,  # fonts that publishers accept
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the style of trifuse's figures.

    Draw on ``matplotlib.figure.Figure`` itself: pyplot keeps what it has drawn, and may look for
    a screen.

    Raises
    ------
    ExtraError
        If Matplotlib is not installed.
    """
    with need_extra("studies"):
        from matplotlib.style import context
    with context(STYLE, after_reset=True):
        yield


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, the same always to the same bytes.

    Parameters
    ----------
    figure : Figure
    path : Path
        The suffix, one of `FIGURE_FORMATS`, says the format.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    with open_output(path) as file:
        file.write(figure_bytes(figure, path.suffix))


def figure_bytes(figure: Figure, suffix: str = ".png") -> bytes:
    """Give the bytes of a figure's file, without date or the name of a program."""
    buffer = io.BytesIO()
    nameless = {".png": "Software", ".pdf": "CreationDate", ".svg": "Date"}[suffix]
    with figure_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # boxes stand for them
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # which else moves a little each time
        figure.savefig(buffer, format=suffix[1:], dpi=DPI, metadata={nameless: None})
    return buffer.getvalue()
