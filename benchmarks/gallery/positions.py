"""The figure of positions: a pyramid, and positions appended to descriptors."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.metrics import pairwise_distances_argmin

from material import BIN_SIZE, STEP, Material
from style import BLACK, GREEN, GREY, OKABE_ITO, ORANGE, PURPLE, SKY, WIDTH, show
from trifuse.encoders.codebook import fit_centers
from trifuse.encoders.stream_encoder import project
from trifuse.features.descriptors.sift import DenseSiftExtractor

PARTS = (BLACK, ORANGE, SKY, GREEN, PURPLE)


def draw_positions(material: Material) -> Figure:
    """Show the parts of a pyramid, their places in the vector, and what appended positions do."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots(2, 3)
    for one, letter, level, first in zip(axes[0], "ab", (1, 2), (0, 1), strict=False):
        show(one, material.image, f"({letter}) level {level}")
        draw_parts(one, material.image.shape[:2], level, first)
    draw_layout(axes[0, 2])
    for one, letter, weight in zip(axes[1], "def", (0, 1, 4), strict=True):
        draw_assignments(one, material, weight)
        one.set_title(f"({letter}) position weight {weight}")
    return figure


def draw_parts(axes: Axes, size: tuple[int, ...], level: int, first: int) -> None:
    """Frame and number the parts of a level."""
    height, width = (length / level for length in size)
    for part in range(level * level):
        row, column = divmod(part, level)
        x, y = column * width - 0.5, row * height - 0.5
        color = PARTS[first + part]
        axes.add_patch(Rectangle((x + 2, y + 2), width - 4, height - 4, fill=False, ec=color, lw=2))
        name_part(axes, x + 0.09 * size[1], y + 0.12 * size[0], first + part)


def name_part(axes: Axes, x: float, y: float, part: int) -> None:
    """Write a part's number on its colour."""
    box = {"boxstyle": "circle,pad=0.25", "fc": PARTS[part], "ec": "white", "lw": 0.6}
    color = "white" if part in {0, 3} else BLACK
    axes.text(x, y, str(part), ha="center", va="center", color=color, bbox=box)


def draw_layout(axes: Axes) -> None:
    """Draw the order of the parts in a vector, of the halves in a part, and of a descriptor."""
    axes.set(xlim=(0, 1), ylim=(0, 3.2), title="(c) what the vector is made of")
    axes.axis("off")
    for part, color in enumerate(PARTS):
        axes.add_patch(Rectangle((part / 5, 2.4), 0.2, 0.6, fc=color, ec="white", alpha=0.35))
        name_part(axes, part / 5 + 0.1, 2.7, part)
    draw_row(axes, 1.3, {r"means $u_1 \dots u_K$": 0.5, r"variances $v_1 \dots v_K$": 0.5})
    draw_row(axes, 0.2, {"PCA components": 0.58, "row": 0.16, "column": 0.26})
    for (left, right), top in (((0.2, 0.4), 2.4), ((0.1, 0.15), 1.3)):
        for start, end in ((left, 0), (right, 1)):
            axes.plot((start, end), (top, top - 0.5), color=GREY, lw=0.6)


def draw_row(axes: Axes, bottom: float, widths: Mapping[str, float]) -> None:
    """Draw boxes beside each other, with their names."""
    left = 0.0
    for name, width in widths.items():
        axes.add_patch(Rectangle((left, bottom), width, 0.6, fc="#EEEEEE", ec=BLACK, lw=0.6))
        axes.text(left + width / 2, bottom + 0.3, name, ha="center", va="center")
        left += width


def draw_assignments(axes: Axes, material: Material, weight: float) -> None:
    """Draw the nearest of eight centres of each patch where the patch is."""
    centers = fit_centers(project(material.sample, material.projection, weight), 8)
    extractor = DenseSiftExtractor(STEP, [BIN_SIZE])
    descriptors = extractor.extract(material.image)
    points = project(descriptors, material.projection, weight)
    numbers = pairwise_distances_argmin(points, centers)
    rows, columns = material.image.shape[:2]
    (grid,) = extractor.grids((rows, columns))
    (top, left), (bottom, right) = grid.centers()[[0, -1]]
    half = STEP / 2
    show(
        axes, numbers.reshape(grid.n_rows, grid.n_columns), "",
        cmap=ListedColormap(OKABE_ITO), vmin=-0.5, vmax=7.5,
        extent=(left - half, right + half, bottom + half, top - half),
    )  # fmt: skip
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
