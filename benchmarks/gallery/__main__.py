"""Draw the figures of docs/encodings.md from a computed picture, or from a picture of yours.

python benchmarks/gallery --output docs/figures
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.style import context

from codebook import draw_codebook
from descriptor import draw_descriptor
from encoding import draw_encoding
from material import Material, prepare
from normalization import draw_normalization, table
from positions import draw_positions
from style import STYLE
from trifuse.features.images import ImageError
from windows import draw_windows

FIGURES: dict[str, Callable[[Material], Figure]] = {
    "descriptor": draw_descriptor,
    "windows": draw_windows,
    "codebook": draw_codebook,
    "encoding": draw_encoding,
    "normalization": draw_normalization,
    "positions": draw_positions,
}


def main() -> None:
    """Write each figure into a folder, and the table of the normalisations to the screen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, type=Path, help="folder of the figures")
    parser.add_argument("--image", metavar="FILE", help="a picture to encode; else a computed one")
    parser.add_argument(
        "--codebook", metavar="FILE", nargs="+",
        help="pictures that codebooks are fitted to; else computed ones",
    )  # fmt: skip
    parser.add_argument("--dpi", type=int, default=180)
    arguments = parser.parse_args()
    try:
        material = prepare(arguments.image, arguments.codebook)
    except ImageError as error:
        parser.error(str(error))
    arguments.output.mkdir(parents=True, exist_ok=True)
    with context(STYLE, after_reset=True):
        for name, draw in FIGURES.items():
            path = arguments.output / f"{name}.png"
            draw(material).savefig(path, dpi=arguments.dpi, metadata={"Software": None})
    print(table(material))


if __name__ == "__main__":
    main()
