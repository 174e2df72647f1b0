"""Draw the figures of docs/encodings.md from a computed picture, or from a picture of yours.

python benchmarks/gallery.py --output docs/figures
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.patches import Ellipse, Rectangle
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.encoders.codebook import GaussianMixture, fit_centers, fit_gaussian_mixture
from trifuse.encoders.fisher import fisher_vector
from trifuse.encoders.projection import Projection
from trifuse.encoders.sampling import Reservoir
from trifuse.encoders.stream import project
from trifuse.encoders.vlad import vlad
from trifuse.features.cells import window
from trifuse.features.dense_sift import WINDOW_SIZE, DenseSiftExtractor
from trifuse.features.grid import CELLS, LocalDescriptors
from trifuse.features.images import ImageError, read_image
from trifuse.features.orientation import ORIENTATIONS, orientation_maps
from trifuse.features.resize import shrink

Window = Literal["flat", "gauss"]
WINDOWS: tuple[Window, ...] = ("flat", "gauss")
LONGEST_SIDE, SHORTEST_SIDE = 300, 64
STEP = 4
BIN_SIZES = (4, 6, 8, 10)
BIN_SIZE = 8
"""Of the patch that is shown by itself."""
SAMPLE_SIZE = 10_000
DIMENSION, N_CENTERS = 16, 16

WIDTH = 7.0
"""Inches: the text of a page of two columns."""
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = OKABE_ITO = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
)  # fmt: skip
GREY = "#999999"
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "image.interpolation": "nearest",
    "figure.constrained_layout.h_pad": 0.06,
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
    with style.context(STYLE, after_reset=True):
        for name, draw in FIGURES.items():
            path = arguments.output / f"{name}.png"
            draw(material).savefig(path, dpi=arguments.dpi, metadata={"Software": None})
    print(table(material))


@dataclass(frozen=True)
class Material:
    """One picture, and a sample of the descriptors of others, which codebooks are fitted to.

    The picture is none of those: of what k-means was fitted to, the sums of residuals all but
    vanish, and of what the mixture was fitted to, the gradient.
    """

    image: NDArray[np.uint8]
    sample: LocalDescriptors

    @cached_property
    def descriptors(self) -> LocalDescriptors:
        """The picture's."""
        return DenseSiftExtractor(STEP, BIN_SIZES).extract(self.image)

    @cached_property
    def projection(self) -> Projection:
        """PCA of the sample."""
        return Projection.fit(self.sample.values, DIMENSION)

    @cached_property
    def points(self) -> NDArray[np.float32]:
        """The picture's descriptors after PCA, with positions."""
        return project(self.descriptors, self.projection, 1.0)

    @cached_property
    def sample_points(self) -> NDArray[np.float32]:
        """The sample after PCA, with positions."""
        return project(self.sample, self.projection, 1.0)

    @cached_property
    def centers(self) -> NDArray[np.float32]:
        """k-means centres, by falling number of the picture's descriptors."""
        centers = fit_centers(self.sample_points, N_CENTERS)
        return centers[np.argsort(-counts(self.points, centers), kind="stable")]

    @cached_property
    def mixture(self) -> GaussianMixture:
        """Gaussians, by falling weight."""
        fitted = fit_gaussian_mixture(self.sample_points, N_CENTERS)
        order = np.argsort(-fitted.weights, kind="stable")
        return GaussianMixture(fitted.means[order], fitted.variances[order], fitted.weights[order])


def prepare(image: str | None, codebook: Sequence[str] | None) -> Material:
    """Read the pictures; what is not given is computed."""
    with tempfile.TemporaryDirectory() as folder:
        if not (image and codebook):
            computed = compute_pictures(Path(folder))
            image, codebook = image or computed[-1], codebook or computed[:-1]
        return Material(read_picture(image), draw_sample(codebook))


def compute_pictures(folder: Path) -> list[str]:
    """Draw three pictures of each texture and palette; the last one is to be shown."""
    write_synthetic_archive(folder, images_per_class=3, size=(225, LONGEST_SIDE))
    paths = sorted(map(str, (folder / "images").iterdir()))
    return [*paths[:-2], paths[-1], paths[-2]]


def read_picture(path: str) -> NDArray[np.uint8]:
    """Read a picture, at most 300 pixels long."""
    picture = shrink(read_image(path), LONGEST_SIDE)
    if min(picture.shape[:2]) < SHORTEST_SIDE:
        raise ImageError(f"{path} is too narrow: {SHORTEST_SIDE} of {LONGEST_SIDE} pixels at least")
    return picture


def draw_sample(paths: Iterable[str]) -> LocalDescriptors:
    """Draw descriptors evenly from all of the pictures."""
    reservoir = Reservoir(SAMPLE_SIZE)
    for path in paths:
        reservoir.add(*DenseSiftExtractor(STEP, BIN_SIZES).extract(read_picture(path)))
    values, positions = np.split(reservoir.sample(), [-2], axis=1)
    return LocalDescriptors(values, positions)


def nearest(points: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give the number of each point's nearest centre; (n, d) and (n_centers, d) to (n,)."""
    numbers: NDArray[np.intp] = ((points[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    return numbers


def counts(points: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.intp]:
    """Count the points of each centre."""
    return np.bincount(nearest(points, centers), minlength=len(centers))


def grey_levels(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the grey levels that dense SIFT sees, 0 to 255."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def show(axes: Axes, picture: NDArray[Any], title: str, **options: Any) -> AxesImage:
    """Show pixels without ticks; planes are grey unless a colour map is named."""
    axes.set(xticks=[], yticks=[], title=title)
    return axes.imshow(picture, **{"cmap": "gray", **options})


def zoom(axes: Axes, frame: tuple[float, float, float]) -> None:
    """Show the square (left, top, side) of a picture alone."""
    left, top, side = frame
    axes.set(xlim=(left, left + side), ylim=(top + side, top))


# ---------------------------------------------------------------------------- descriptor


def draw_descriptor(material: Material) -> Figure:
    """Show patches, one patch's cells and histograms, and the orientation maps beneath them."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.3, 1)).flat
    image, grey = material.image, grey_levels(material.image)
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
    (values, _), contrast = extractor.extract_with_contrast(image)
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


# ---------------------------------------------------------------------------- windows


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


# ---------------------------------------------------------------------------- codebook


def draw_codebook(material: Material) -> Figure:
    """Show k-means centres with their Voronoi cells, and Gaussians, in two dimensions."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    sample, points = material.sample_points[:, :2], material.points[:, :2]
    for one in axes:
        for dots, color, label in ((sample, GREY, "codebook's sample"), (points, SKY, "picture")):
            some = dots[:: max(1, len(dots) // 1500)]
            one.plot(*some.T, "o", color=color, ms=1.6, mew=0)
            one.plot([], [], "o", color=color, ms=5, mew=0, label=label)
        one.set(aspect="equal", xlabel="first principal component")
    low, high = np.quantile(sample, (0.001, 0.999), axis=0)
    axes[0].set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes[0].set(ylabel="second principal component", title="(a) k-means centres and their cells")
    axes[1].set(title=r"(b) Gaussians at $\sigma$ and $2 \sigma$")
    draw_voronoi(axes[0], fit_centers(sample, 8))
    draw_gaussians(axes[1], fit_gaussian_mixture(sample, 8))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def draw_voronoi(axes: Axes, centers: NDArray[np.float32]) -> None:
    """Draw centres and the borders between their cells."""
    far = 100 * np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])  # so that every border has two ends
    cells = Voronoi(np.vstack([centers, far]))
    ridges = [cells.vertices[ends] for ends in cells.ridge_vertices if min(ends) >= 0]
    axes.add_collection(LineCollection(ridges, colors=BLACK, linewidths=0.9), autolim=False)
    axes.plot(*centers.T, "X", color=RED, mec="white", mew=0.6, ms=7, label="centre")


def draw_gaussians(axes: Axes, mixture: GaussianMixture) -> None:
    """Draw Gaussians as ellipses along the axes, the wider lined the more they weigh."""
    for mean, variance, weight in zip(
        mixture.means, mixture.variances, mixture.weights, strict=True
    ):
        for deviations in (1, 2):
            width, height = 2 * deviations * np.sqrt(variance)
            line = 0.4 + 6 * float(weight)
            ellipse = Ellipse(mean, width, height, fill=False, ec=RED, lw=line)
            axes.add_patch(ellipse)
    axes.plot(*mixture.means.T, "X", color=RED, mec="white", mew=0.6, ms=7)


# ---------------------------------------------------------------------------- encoding


def draw_encoding(material: Material) -> Figure:
    """Show VLAD and both halves of the Fisher vector as tables, a row a centre."""
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    encoded = vlad(material.points, material.centers)
    by_mean, by_variance = np.split(fisher_vector(material.points, material.mixture), 2)
    parts = {
        "(a) VLAD": encoded,
        "(b) Fisher, means": by_mean,
        "(c) Fisher, variances": by_variance,
    }
    for one, (title, part) in zip(axes, parts.items(), strict=True):
        of = encoded if part is encoded else np.concatenate([by_mean, by_variance])
        largest = float(np.quantile(np.abs(of), 0.99))
        shown = one.imshow(
            part.reshape(N_CENTERS, -1), cmap="PuOr_r", vmin=-largest, vmax=largest, aspect="auto"
        )
        one.axvline(DIMENSION - 0.5, color=BLACK, lw=0.8)
        one.set(title=title, xlabel="component")
        one.set_xticks((0, 5, 10, 16.5), ("0", "5", "10", "position"))
        if part is not by_mean:
            figure.colorbar(shown, ax=one, extend="both", aspect=25)
    axes[0].set(ylabel="centre", yticks=(0, 5, 10, 15))
    axes[1].set(ylabel="Gaussian")
    return figure


# ---------------------------------------------------------------------------- normalisation


def encodings(material: Material) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Encode the picture with each normalisation, scaled to unit L2 norm; a row a centre."""
    steps: dict[str, Mapping[str, bool]] = {
        "none": {"square_root": False, "by_component": False},
        "by_residual": {"by_residual": True, "square_root": False, "by_component": False},
        "square_root": {"by_component": False},
        "square_root, by_component": {},
    }
    by_vlad = {
        name: by_center(vlad(material.points, material.centers, **options), 1)
        for name, options in steps.items()
    }
    by_fisher = {
        name: by_center(fisher_vector(material.points, material.mixture, square_root=root), 2)
        for name, root in (("none", False), ("square_root", True))
    }
    return {"VLAD": by_vlad, "Fisher vector": by_fisher}


def by_center(vector: NDArray[np.float32], n_parts: int) -> NDArray[np.float64]:
    """Arrange a vector by centres; (n_parts * n_centers * d,) to (n_centers, n_parts * d)."""
    parts = vector.astype(np.float64).reshape(n_parts, N_CENTERS, -1)
    return parts.transpose(1, 0, 2).reshape(N_CENTERS, -1)


def draw_normalization(material: Material) -> Figure:
    """Show the sizes of the numbers, and how unevenly the centres share in the energy."""
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col")
    for by_encoding, letters, (encoding, rows) in zip(
        axes, ("ab", "cd"), encodings(material).items(), strict=True
    ):
        for (name, values), (color, dashes) in zip(rows.items(), lines_of(encoding), strict=True):
            scaled = np.clip(values * values.size**0.5, -4, 4)
            shares, edges = np.histogram(scaled, np.arange(-4.25, 4.5, 0.5))
            by_encoding[0].stairs(shares / scaled.size, edges, color=color, ls=dashes, lw=1.4)
            energies = np.sort((values**2).sum(axis=1))[::-1]
            summed = np.concatenate([[0], energies.cumsum()])
            by_encoding[1].plot(summed, color=color, ls=dashes, marker=".", ms=4, label=name)
        by_encoding[0].set(title=f"({letters[0]}) {encoding}", ylabel="share of components")
        by_encoding[1].set(title=f"({letters[1]}) {encoding}", ylabel="share of energy")
    axes[1, 0].set(xlabel="component / root mean square")
    axes[1, 1].set(xlabel="centres, the strongest first", xticks=range(0, N_CENTERS + 1, 4))
    figure.legend(*axes[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def lines_of(encoding: str) -> Sequence[tuple[str, str]]:
    """Give the colour and the style of the line of each of the normalisations."""
    lines = ((BLACK, "-"), (GREEN, "--"), (ORANGE, "-"), (BLUE, "-"))
    return lines if encoding == "VLAD" else lines[::2]


def table(material: Material) -> str:
    """Give the table of docs/encodings.md in Markdown."""
    lines = [
        "| encoding | normalisation | strongest centre | effective centres | largest 5 % |",
        "| :-- | :-- | --: | --: | --: |",
    ]
    for encoding, rows in encodings(material).items():
        for name, values in rows.items():
            energies = (values**2).sum(axis=1)
            largest = np.sort((values**2).ravel())[-values.size // 20 :].sum()
            effective = 1 / (energies**2).sum()
            lines.append(
                f"| {encoding} | {name} | {energies.max():.2f} | {effective:.1f} | {largest:.2f} |"
            )
    return "\n".join(lines)


# ---------------------------------------------------------------------------- positions


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
    numbers = nearest(project(descriptors, material.projection, weight), centers)
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


FIGURES: dict[str, Callable[[Material], Figure]] = {
    "descriptor": draw_descriptor,
    "windows": draw_windows,
    "codebook": draw_codebook,
    "encoding": draw_encoding,
    "normalization": draw_normalization,
    "positions": draw_positions,
}


if __name__ == "__main__":
    main()
