"""What a search leaves: the best recipe, all trials, the importance of the choices, a report."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from trifuse.classifiers.output import check_output, make_folder, open_output
from trifuse.classifiers.tables import markdown_table
from trifuse.recipes.toml import to_toml
from trifuse.studies.comparison.measured import FIGURES, Estimate
from trifuse.studies.figures import COLORS, figure_bytes, figure_style
from trifuse.studies.tuning.space import Value
from trifuse.studies.tuning.study import TuningError
from trifuse.studies.tuning.tune import Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEARCH = "search.sqlite3"
"""The file of a search, in its folder."""
FILES = ("best.toml", "trials.csv", "importance.png", "importance.pdf", "report.md")
"""What is written beside it; the importance only where trials differ."""
WIDTH, ROW, MARGIN = 5.0, 0.2, 0.6
"""Of the figure, in inches."""


def prepare_folder(folder: Path) -> Path:
    """Make the folder of a search, or find one, and give the path of the search's file.

    Raises
    ------
    TuningError
        If files of that name are there that are of no search.
    trifuse.classifiers.output.OutputError
        If nothing can be written there.
    """
    check_output(make_folder(folder) / SEARCH, overwrite=True)
    for name in FILES:
        if (folder / name).exists() and not (folder / SEARCH).exists():
            msg = f"{folder} holds {name}, but no search that it is of; name another folder."
            raise TuningError(msg)
    return folder / SEARCH


def write_report(folder: Path, tuning: Tuning) -> None:
    """Write `FILES`, each one whole.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If one cannot be written.
    """
    contents = {
        "best.toml": to_toml(tuning.recipe).encode(),
        "trials.csv": _trials(tuning).encode(),
    }
    if tuning.importances:
        figure = draw_importances(tuning.importances)
        contents |= {f"importance{end}": figure_bytes(figure, end) for end in (".png", ".pdf")}
    contents["report.md"] = render_report(tuning).encode()
    for name, content in contents.items():
        with open_output(folder / name) as file:
            file.write(content)


def render_report(tuning: Tuning) -> str:
    """Give the report as Markdown."""
    searched, held_out = (
        f"{part.images:,} images of {part.lesions:,} lesions"
        for part in (tuning.searched, tuning.held_out)
    )
    importance = ""
    if tuning.importances:
        importance = (
            "\n\nThe importance is the share in which the objective varied with a choice (fANOVA), "
            f"as far as {len(tuning.trials):,} trials of {len(tuning.space)} choices can tell.\n\n"
            "![Importance of the choices](importance.png)"
        )
    return f"""# The search

{len(tuning.trials):,} recipes were tried on {searched}, by {FIGURES[tuning.objective]}; \
trial {tuning.best} was best. Trial 0 is the recipe that the search began with. {held_out} were \
held out.

## Figures

{_figures(tuning)}

The searched lesions are scored out of fold, but trial {tuning.best} was chosen for these scores: \
they flatter it, and are not to be reported. The search did not see the held-out lesions; theirs \
are the figures to report. Intervals are 95 % percentile intervals by bootstrap over the held-out \
lesions, the same resamples for both recipes. Log loss and ECE are the better, the lower.

## The best recipe

{_choices(tuning)}{importance}
"""


def draw_importances(importances: dict[str, float]) -> Figure:
    """Draw a bar for each choice, the longest on top."""
    with figure_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, MARGIN + ROW * len(importances)))
        axes = figure.subplots()
        axes.barh(list(importances), list(importances.values()), color=COLORS[0])
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.set_xlabel("importance (share of the objective's variance)")
    return figure


def _figures(tuning: Tuning) -> str:
    base, best = tuning.outer_base, tuning.outer_best
    inner = [tuning.trials[number].figures for number in (0, tuning.best)]
    rows = [
        [
            title,
            *(f"{figures[name]:.3f}" for figures in inner),
            *(_cell(measured.estimate(name)) for measured in (base, best)),
            _cell(best.minus(base, name), sign="+"),
        ]
        for name, title in FIGURES.items()
    ]
    recipes = ("trial 0", f"trial {tuning.best}")
    header = [f"{part}: {recipe}" for part in ("searched", "held out") for recipe in recipes]
    return markdown_table(("figure", *header, "difference"), rows)


def _choices(tuning: Tuning) -> str:
    base, best = (tuning.trials[number].choices for number in (0, tuning.best))
    shares = {name: f"{share:.2f}" for name, share in tuning.importances.items()}
    rows = [
        [f"`{name}`", _text(base[name]), _text(best[name]), share]
        for name, share in (shares or dict.fromkeys(tuning.space, "")).items()
    ]
    return markdown_table(("choice", "trial 0", f"trial {tuning.best}", "importance"), rows)


def _trials(tuning: Tuning) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("trial", *FIGURES, *tuning.space))
    for number, trial in enumerate(tuning.trials):
        figures = (f"{trial.figures[name]:.6f}" for name in FIGURES)
        writer.writerow((number, *figures, *(trial.choices[name] for name in tuning.space)))
    return text.getvalue()


def _text(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cell(estimate: Estimate, sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.3f}" for number in estimate)
    return f"{value} [{low}, {high}]"
