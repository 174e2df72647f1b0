"""The figure of the two windows: their weights, and how far their descriptors agree."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from material import BIN_SIZE, BIN_SIZES, STEP, Material
from style import BLUE, RED, WIDTH
from trifuse.features.cells import window
from trifuse.features.descriptors.sift import WINDOW_SIZE, DenseSiftExtractor
from trifuse.features.grid import CELLS

Window = Literal["flat", "gauss"]
WINDOWS: tuple[Window, ...] = ("flat", "gauss")


def draw_windows(material: Material) -> Figure:
    """Compare the flat window with the Gaussian one: weights, and the descriptors they give."""
    figure = Figure(figsize=(WIDTH, 1.75), layout="constrained")
    axes = figure.subplots(1, 4)
    reach = 2.5 * BIN_SIZE - 0.5
    extent = (-reach, reach, reach, -reach)
    for one, letter, name in zip(axes, "ab", WINDOWS, strict=False):
        total = cell_weights(BIN_SIZE, name).sum(axis=0)
        shown = one.imshow(np.outer(total, total), cmap="viridis", vmin=0, vmax=1, extent=extent)
        one.set(title=f"({letter}) {name}", xlabel="column / pixels")
        one.set(xticks=(-15, 0, 15), yticks=(-15, 0, 15))
    axes[0].set_ylabel("row / pixels")
    figure.colorbar(shown, cax=axes[1].inset_axes((1.06, 0, 0.07, 1)), label="weight of a pixel")
    pixels = np.arange(5 * BIN_SIZE - 1) - (5 * BIN_SIZE - 2) / 2
    for name, color, dashes in zip(WINDOWS, (BLUE, RED), ("-", "--"), strict=True):
        weights = cell_weights(BIN_SIZE, name).T
        weights[weights == 0] = np.nan
        lines = axes[2].plot(pixels, weights, dashes, color=color, lw=1)
        lines[0].set_label(name)
    axes[2].set(title="(c) a row of cells", xlabel="column / pixels", ylabel="weight")
    axes[2].set(ylim=(0, 1.35), xticks=(-15, 0, 15), yticks=(0, 0.5, 1))
    axes[2].legend(
        ncols=2, loc="upper center", handlelength=1.2, columnspacing=0.8, handletextpad=0.4
    )
    draw_cosines(axes[3], material.image)
    for one in axes:
        one.set_box_aspect(1)
    return figure


def cell_weights(bin_size: int, name: Window) -> NDArray[np.float64]:
    """Give the weights of the pixels of a line in each cell, (4, 5 * bin_size - 1).

    The first pixel is `bin_size - 1` before the first cell's centre.
    """
    by_cell = window(bin_size, WINDOW_SIZE)
    if name == "flat":
        by_cell = np.repeat(by_cell.mean(axis=1, keepdims=True), by_cell.shape[1], axis=1)
    by_cell *= 1 - np.abs(np.arange(1 - bin_size, bin_size)) / bin_size
    weights = np.zeros((CELLS, 5 * bin_size - 1))
    for cell, row in enumerate(weights):
        row[cell * bin_size :][: 2 * bin_size - 1] = by_cell[cell]
    return weights


def draw_cosines(axes: Axes, image: NDArray[np.uint8]) -> None:
    """Draw the cosines between a picture's descriptors under both windows."""
    cosines = []
    for bin_size in BIN_SIZES:
        flat, gauss = (
            DenseSiftExtractor(STEP, [bin_size], window=name).extract(image).values
            for name in WINDOWS
        )
        cosines.append((flat * gauss).sum(axis=1))
    axes.boxplot(
        cosines, whis=(1, 99), showfliers=False, widths=0.5, medianprops={"color": RED},
        tick_labels=list(map(str, BIN_SIZES)),
    )  # fmt: skip
    axes.set(title="(d) agreement", xlabel="bin size / pixels", ylabel="cosine")
