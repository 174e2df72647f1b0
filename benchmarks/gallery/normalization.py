"""The figure of the normalisations, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from material import N_CENTERS, Material
from style import BLACK, BLUE, GREEN, ORANGE, WIDTH
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.methods.vlad import vlad


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
