"""What a search leaves: the best recipe, all trials, the importance of the choices, a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trifuse.classifiers.output import check_output, make_folder, open_output
from trifuse.classifiers.text_tables import csv_text, write_number
from trifuse.recipes.reading import to_toml
from trifuse.studies.figures import figure_bytes
from trifuse.studies.measured import FIGURES
from trifuse.studies.page import picture_uri, render_page
from trifuse.studies.result_tables import (
    ResultCell,
    ResultTable,
    to_cell,
    to_markdown,
    write_digits,
)
from trifuse.studies.tuning.search import TuningError
from trifuse.studies.tuning.search_figures import draw_importances, draw_trials
from trifuse.studies.tuning.tune import TRIALS_PER_CHOICE, Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEARCH = "search.sqlite3"
"""The file of a search, in its folder."""
SEARCH_FILES = (
    "best.toml",
    "trials.csv",
    "importance.png",
    "importance.pdf",
    "report.md",
    "report.html",
)
"""What is written beside it; the importance only where there are trials enough to tell it."""


def prepare_folder(folder: Path, inputs: Iterable[str | Path] = ()) -> Path:
    """Make the folder of a search, or find one, and give the path of the search's file.

    Parameters
    ----------
    folder : Path
    inputs : iterable of str or Path
        What is read, which no file of the search may replace.

    Raises
    ------
    TuningError
        If files of that name are there that are of no search.
    trifuse.classifiers.output.OutputError
        If nothing can be written there, or a file is read that would be written.
    """
    for name in (SEARCH, *SEARCH_FILES):
        check_output(make_folder(folder) / name, True, inputs)
    for name in SEARCH_FILES:
        if (folder / name).exists() and not (folder / SEARCH).exists():
            msg = f"{folder} holds {name}, but no search that it is of; name another folder."
            raise TuningError(msg)
    return folder / SEARCH


def write_search(folder: Path, tuning: Tuning) -> None:
    """Write `SEARCH_FILES`, each one whole, the page last.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If one cannot be written.
    trifuse.features.libraries.ExtraError
        If Jinja or Matplotlib is not installed.
    """
    contents = {
        "best.toml": to_toml(tuning.recipe).encode(),
        "trials.csv": list_trials(tuning).encode(),
    }
    if tuning.importances:
        figure = draw_importances(tuning.importances)
        contents |= {f"importance{end}": figure_bytes(figure, end) for end in (".png", ".pdf")}
    contents["report.md"] = render_markdown(tuning).encode()
    contents["report.html"] = render_search(tuning).encode()
    for name in SEARCH_FILES:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)  # it would tell of another search
    for name, content in contents.items():
        with open_output(folder / name) as file:
            file.write(content)


def render_markdown(tuning: Tuning) -> str:
    """Give the report as Markdown."""
    picture = "\n![Importance of the choices](importance.png)\n" if tuning.importances else ""
    return f"""# The search

{" ".join(describe_search(tuning))}

## Figures

{to_markdown(make_figures(tuning))}
{_say_what_counts(tuning)}

## The best recipe

{to_markdown(make_choices(tuning))}
{_say_what_matters(tuning)}
{picture}"""


def render_search(tuning: Tuning) -> str:
    """Render the page as HTML; it holds everything, and loads nothing."""
    importances = tuning.importances
    return render_page(
        "tuning.html",
        title="Search for a recipe",
        sentences=describe_search(tuning),
        trials=_picture(draw_trials(tuning)),
        objective=FIGURES[tuning.objective],
        figures=make_figures(tuning),
        honesty=_say_what_counts(tuning),
        choices=make_choices(tuning),
        importance=_say_what_matters(tuning),
        importances=_picture(draw_importances(importances)) if importances else "",
    )


def describe_search(tuning: Tuning) -> list[str]:
    """Say what was searched, and what came out."""
    searched, held_out = (
        f"{part.images:,} images of {part.lesions:,} lesions"
        for part in (tuning.searched, tuning.held_out)
    )
    found = f"trial {tuning.best} was best. Trial 0 is the recipe that the search began with."
    if tuning.best == 0:
        found = "none was better than trial 0, the recipe that the search began with."
    return [
        f"{len(tuning.trials):,} recipes were tried on {searched}, by "
        f"{FIGURES[tuning.objective]}; {found}",
        f"{held_out} were held out.",
    ]


def _say_what_counts(tuning: Tuning) -> str:
    same = ", the same resamples for both recipes" if tuning.best else ""
    return (
        f"The searched lesions are scored out of fold, but trial {tuning.best} was chosen for "
        "these scores: they flatter it, and are not to be reported. The search did not see the "
        "held-out lesions; theirs are the figures to report. Intervals are by bootstrap over the "
        f"held-out lesions{same}. Log loss and ECE are the better, the lower."
    )


def _say_what_matters(tuning: Tuning) -> str:
    n_trials, n_choices = len(tuning.trials), len(tuning.space)
    if tuning.importances:
        return (
            "The importance is the share in which the objective varied with a choice (fANOVA), as "
            f"far as {n_trials:,} trials of {n_choices} choices can tell."
        )
    return (
        f"Which choices matter is not told: {n_trials:,} trials of {n_choices} choices cannot tell "
        f"it, {TRIALS_PER_CHOICE * n_choices} that differ could."
    )


def _picture(figure: Figure) -> str:
    return picture_uri(figure_bytes(figure, ".svg"), "svg+xml")


def make_figures(tuning: Tuning) -> ResultTable:
    """Make the table of the figures; where the first recipe is the best, it stands there once."""
    numbers = _numbers(tuning)
    outer = [tuning.outer_base, tuning.outer_best][: len(numbers)]
    header = [f"{part}: trial {n}" for part in ("searched", "held out") for n in numbers]
    if len(numbers) > 1:
        header.append("difference")
    rows = []
    for name, title in FIGURES.items():
        inner = [tuning.trials[number].figures[name] for number in numbers]
        cells = [ResultCell(write_number(figure)) for figure in inner]
        cells += [to_cell(measured.estimate(name)) for measured in outer]
        if len(numbers) > 1:
            cells.append(to_cell(tuning.outer_best.minus(tuning.outer_base, name), sign="+"))
        rows.append((title, cells))
    caption = "Out of fold on the searched lesions; on the held-out ones with 95 % intervals"
    return ResultTable("figures", caption, ("figure", *header), rows)


def make_choices(tuning: Tuning) -> ResultTable:
    """Make the table of the choices, the most important first; what was changed is bold."""
    numbers, shares = _numbers(tuning), tuning.importances
    header = [f"trial {number}" for number in numbers]
    if shares:
        header.append("importance")
    rows = []
    for name in shares or tuning.space:
        values = [tuning.trials[number].choices[name] for number in numbers]
        texts = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
        cells = [
            ResultCell(text, best=value != values[0])
            for text, value in zip(texts, values, strict=True)
        ]
        if shares:
            cells.append(ResultCell(f"{shares[name]:.2f}"))
        rows.append((name, cells))
    caption = "The recipe, in the choices that were searched"
    if len(numbers) > 1:
        caption = "The two recipes, in the choices that were searched; what differs is bold"
    return ResultTable("choices", caption, ("choice", *header), rows)


def list_trials(tuning: Tuning) -> str:
    """Give a CSV of a row a trial: its figures out of fold, and its choices."""
    return csv_text(
        ("trial", *FIGURES, *tuning.space),
        (
            (
                number,
                *(write_digits(trial.figures[name]) for name in FIGURES),
                *(trial.choices[name] for name in tuning.space),
            )
            for number, trial in enumerate(tuning.trials)
        ),
    )


def _numbers(tuning: Tuning) -> list[int]:
    """Give the trials that are told of: the first, and the best if it is another."""
    return list(dict.fromkeys((0, tuning.best)))
