"""The figures of a search: its trials, and the importance of its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trifuse.recipes.registry import blocks, descriptors, encodings
from trifuse.studies.figures import COLORS, figure_style
from trifuse.studies.measured import FIGURES
from trifuse.studies.tuning.search import OBJECTIVES
from trifuse.studies.tuning.search_space import MEMBERS, WEIGHT
from trifuse.studies.tuning.tune import Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, ROW, MARGIN = 6.5, 0.24, 0.7
"""Of the importances, in inches."""
SECTIONS = {"svm": "SVM", "lightgbm": "LightGBM"}
KEYS = {"pca_dimension": "PCA dimension", "l2": "L2 regularisation"}


def draw_trials(tuning: Tuning) -> Figure:
    """Draw every trial's objective, and the best so far."""
    values = np.array([trial.figures[tuning.objective] for trial in tuning.trials])
    is_loss = OBJECTIVES[tuning.objective] == "minimize"
    so_far = (np.minimum if is_loss else np.maximum).accumulate(values)
    numbers = np.arange(len(values))
    with figure_style():
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(WIDTH, 2.6))
        axes = figure.subplots()
        axes.step(numbers, so_far, where="post", color=COLORS[1], linewidth=1)
        axes.plot(numbers[1:], values[1:], "o", color=COLORS[0], markersize=4)
        axes.plot(0, values[0], "s", color=COLORS[0], markersize=5, markerfacecolor="white")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="trial", ylabel=FIGURES[tuning.objective])
    return figure


def draw_importances(importances: dict[str, float]) -> Figure:
    """Draw a bar for each choice, the longest on top."""
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, MARGIN + ROW * len(importances)))
        axes = figure.subplots()
        names = [name_choice(name) for name in importances]
        axes.barh(names, list(importances.values()), color=COLORS[0])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.set_xlabel("importance (share of the objective's variance)")
    return figure


def name_choice(name: str) -> str:
    """Give the name of a choice in words.

    Examples
    --------
    >>> name_choice("fusion.weights.cnn_vlad"), name_choice("sift.pca_dimension")
    ('weight of VLAD of CNN cells', 'SIFT: PCA dimension')
    """
    if name.startswith(WEIGHT):
        return f"weight of {blocks()[name.removeprefix(WEIGHT)].title}"
    if name == MEMBERS:
        return "members of the ensemble"
    section, *encoding, key = name.split(".")
    title = SECTIONS[section] if section in SECTIONS else descriptors()[section].title
    if encoding:
        return f"{title}: {encodings()[encoding[0]].size_title}"
    return f"{title}: {KEYS.get(key, key.replace('_', ' '))}"
