"""The figure of the encodings: VLAD and the Fisher vector as tables."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from material import DIMENSION, N_CENTERS, Material
from style import BLACK, WIDTH
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.methods.vlad import vlad


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
