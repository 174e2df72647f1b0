"""The figure of the codebooks: k-means and a mixture of Gaussians."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from material import Material
from style import BLACK, GREY, RED, SKY, WIDTH
from trifuse.encoders.codebook import fit_centers
from trifuse.encoders.mixture import GaussianMixture, fit_gaussian_mixture


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
