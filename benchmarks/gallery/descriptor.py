"""The figure of a descriptor: patches, cells, histograms, and orientation maps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from material import BIN_SIZE, BIN_SIZES, LONGEST_SIDE, STEP, Material
from style import BLACK, BLUE, GREEN, ORANGE, SKY, WIDTH, show, zoom
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import CELLS
from trifuse.features.orientation import ORIENTATIONS, grey_levels, orientation_maps


def draw_descriptor(material: Material) -> Figure:
    """Show patches, one patch's cells and histograms, and the orientation maps beneath them."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.3, 1)).flat
    image, (grey, _) = material.image, grey_levels(material.image)
    row, column, values = strongest_patch(image)
    frame = (column - 1.3 * BIN_SIZE, row - 1.3 * BIN_SIZE, 5.6 * BIN_SIZE)
    axes = above.subplots(1, 3, width_ratios=(image.shape[1] / image.shape[0], 1, 1))
    show(axes[0], image, "(a) a patch of each bin size")
    for bin_size, color in zip(BIN_SIZES, (BLACK, BLUE, ORANGE, GREEN), strict=True):
        corner, side = (column - bin_size / 2, row - bin_size / 2), CELLS * bin_size
        square = Rectangle(corner, side, side, fill=False, ec=color, lw=1.2, label=f"{bin_size}")
        axes[0].add_patch(square)
    axes[0].legend(
        title="bin size / pixels", loc="lower left", ncols=2, frameon=True, fancybox=False,
        handlelength=1, columnspacing=1,
    )  # fmt: skip
    show(axes[1], grey, f"(b) its cells, {BIN_SIZE} pixels apart")
    rows, columns = (np.arange(start % STEP, 2 * LONGEST_SIDE, STEP) for start in (row, column))
    axes[1].plot(*map(np.ravel, np.meshgrid(columns, rows)), ".", color=SKY, ms=3, mew=0)
    show(axes[2], 128 + grey / 2, "(c) their histograms", vmin=0, vmax=255)
    draw_histograms(axes[2], row, column, values)
    for one in axes[1:]:
        draw_cells(one, row, column)
        zoom(one, frame)
    draw_orientations(below, grey, frame)
    return figure


def strongest_patch(image: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.float32]]:
    """Find the patch of most contrast: its first cell's (row, column), and its descriptor."""
    margin = 2 * BIN_SIZE
    rows, columns = image.shape[:2]
    bounds = (margin, margin, rows - margin, columns - margin)
    extractor = DenseSiftExtractor(STEP, [BIN_SIZE], bounds=bounds)
    values, contrast = extractor.describe(image).arrays
    strongest = int(contrast.argmax())
    (grid,) = extractor.grids((rows, columns))
    row, column = np.rint(grid.centers()[strongest] - 1.5 * BIN_SIZE).astype(int).tolist()
    return row, column, values[strongest]


def draw_cells(axes: Axes, row: int, column: int) -> None:
    """Draw a patch's cells as squares about their centres."""
    edges = (np.arange(CELLS + 1) - 0.5) * BIN_SIZE
    ends = edges[[0, -1]]
    lines = [[(column + edge, row + end) for end in ends] for edge in edges]
    lines += [[(column + end, row + edge) for end in ends] for edge in edges]
    axes.add_collection(LineCollection(lines, linewidths=0.9, colors=ORANGE), autolim=False)


def draw_histograms(axes: Axes, row: int, column: int, values: NDArray[np.float32]) -> None:
    """Draw each number of a descriptor as a bar from its cell's centre along its orientation."""
    angles = np.arange(ORIENTATIONS) * 2 * np.pi / ORIENTATIONS
    lengths = values.reshape(CELLS, CELLS, ORIENTATIONS, 1) / values.max() * 0.48 * BIN_SIZE
    bars = lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    y, x = np.mgrid[:CELLS, :CELLS] * BIN_SIZE + np.array([row, column])[:, None, None]
    starts = np.broadcast_to(np.stack([x, y], axis=2)[:, :, None], bars.shape)
    lines = np.stack([starts, starts + bars], axis=3).reshape(-1, 2, 2)
    bundle = LineCollection(list(lines), linewidths=1.3, colors=BLUE, capstyle="butt")
    axes.add_collection(bundle, autolim=False)


def draw_orientations(
    figure: SubFigure, grey: NDArray[np.float32], frame: tuple[float, float, float]
) -> None:
    """Draw the eight orientation maps about the patch, on one scale."""
    maps = orientation_maps(grey)
    left, top, side = map(int, frame)
    norm = PowerNorm(0.5, 0, float(maps[:, top : top + side, left : left + side].max()))
    axes = figure.subplots(1, ORIENTATIONS)
    for number, (one, plane) in enumerate(zip(axes, maps, strict=True)):
        title = f"{'(d) ' if number == 0 else ''}{45 * number}° {'→↘↓↙←↖↑↗'[number]}"
        shown = show(one, plane, title, cmap="cividis", norm=norm)
        zoom(one, frame)
    figure.colorbar(
        shown, cax=axes[-1].inset_axes((1.1, 0, 0.1, 1)), label="grey levels\nper pixel"
    )
