"""The files of a search."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.output import OutputError
from trifuse.recipes.recipe import Recipe
from trifuse.studies.measured import FIGURES, Measured
from trifuse.studies.tuning.search import Trial, TuningError
from trifuse.studies.tuning.search_figures import draw_importances, draw_trials, name_choice
from trifuse.studies.tuning.search_report import (
    SEARCH,
    SEARCH_FILES,
    make_choices,
    make_figures,
    prepare_folder,
    write_search,
)
from trifuse.studies.tuning.search_space import read_choices, search_space
from trifuse.studies.tuning.tune import Part, Tuning

BASE = Recipe()
SPACE = search_space(BASE)


def measured(value):
    return Measured(
        dict.fromkeys(FIGURES, value),
        {name: np.linspace(value - 0.1, value + 0.1, 201) for name in FIGURES},
    )


def read_report(folder):
    """Its lines, and the cells of those that are rows."""
    lines = (folder / "report.md").read_text("utf-8").splitlines()
    return lines, [[c.strip() for c in line.split("|")[1:-1]] for line in lines if "|" in line]


@pytest.fixture
def tuning():
    own = read_choices(BASE, SPACE)
    better = own | {"svm.C": 0.123456789, "fusion.weights.cnn": 0.0, "ensemble.members": "svm"}
    return Tuning(
        objective="bma",
        space=SPACE,
        base=BASE,
        trials=[
            Trial(choices, dict.fromkeys(FIGURES, value))
            for choices, value in ((own, 0.5), (better, 0.75))
        ],
        best=1,
        importances={name: 1 / len(SPACE) for name in sorted(SPACE)},
        searched=Part(8000, 6000),
        held_out=Part(2000, 1500),
        outer_base=measured(0.5),
        outer_best=measured(0.625),
    )


def test_the_files(tuning, tmp_path):
    write_search(tmp_path, tuning)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SEARCH_FILES)
    best = Recipe.load(str(tmp_path / "best.toml"))
    assert best == tuning.recipe
    assert (best.members["svm"].C, best.ensemble.members) == (0.123456789, ("svm",))
    assert "cnn" not in best.block_weights

    with (tmp_path / "trials.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["trial", *FIGURES, *SPACE]
    assert [row[:2] for row in rows] == [["0", "0.500000"], ["1", "0.750000"]]
    for row, trial in zip(rows, tuning.trials, strict=True):
        assert row[1 + len(FIGURES) :] == [str(trial.choices[name]) for name in SPACE]


def test_the_report(tuning, tmp_path):
    write_search(tmp_path, tuning)
    lines, tables = read_report(tmp_path)
    assert lines[2] == (
        "2 recipes were tried on 8,000 images of 6,000 lesions, by BMA; trial 1 was best. Trial 0 "
        "is the recipe that the search began with. 2,000 images of 1,500 lesions were held out."
    )
    assert tables[0] == [
        "figure", "searched: trial 0", "searched: trial 1", "held out: trial 0",
        "held out: trial 1", "difference",
    ]  # fmt: skip
    assert ["BMA", "0.500", "0.750", "0.500 [0.405, 0.595]", "0.625 [0.530, 0.720]",
            "+0.125 [+0.125, +0.125]"] in tables  # fmt: skip
    share = f"{1 / len(SPACE):.2f}"
    assert ["svm.C", "2", "**0.123**", share] in tables
    assert ["lightgbm.trees", "300", "300", share] in tables
    assert ["ensemble.members", "svm+lightgbm", "**svm**", share] in tables
    assert "![Importance of the choices](importance.png)" in lines


def test_without_importances(tuning, tmp_path):
    write_search(tmp_path, tuning)  # an earlier report, whose picture must not stay
    write_search(tmp_path, replace(tuning, importances={}))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.toml", "report.html", "report.md", "trials.csv",
    ]  # fmt: skip
    lines, tables = read_report(tmp_path)
    assert not any("importance is" in line or ".png" in line for line in lines)
    assert ["svm.C", "2", "**0.123**"] in tables
    n_choices = len(SPACE)
    assert (
        f"Which choices matter is not told: 2 trials of {n_choices} choices cannot tell it, "
        f"{3 * n_choices} that differ could."
    ) in lines


def test_the_first_recipe_stands_there_once_where_it_is_the_best(tuning, tmp_path):
    first = replace(tuning, best=0, importances={}, outer_best=tuning.outer_base)
    write_search(tmp_path, first)
    lines, tables = read_report(tmp_path)
    assert "none was better than trial 0, the recipe that the search began with." in lines[2]
    assert ["figure", "searched: trial 0", "held out: trial 0"] in tables
    assert ["BMA", "0.500", "0.500 [0.405, 0.595]"] in tables
    assert ["choice", "trial 0"] in tables
    assert ["svm.C", "2"] in tables


def test_the_page(tuning, tmp_path, read_page):
    write_search(tmp_path, tuning)
    page = read_page(tmp_path / "report.html")
    assert page.title == "Search for a recipe"
    headings = [heading.text for heading in page.find_elements("css selector", "h2")]
    assert headings == ["Trials", "Figures", "The best recipe"]
    pictures = page.find_elements("tag name", "img")
    assert [picture.get_attribute("alt") for picture in pictures] == [
        "BMA of every trial", "Importance of the choices",
    ]  # fmt: skip
    assert all(picture.get_property("naturalWidth") > 300 for picture in pictures)
    for table in (make_figures(tuning), make_choices(tuning)):
        element = page.find_element("id", table.name)
        titles = element.find_elements("css selector", "thead th")
        assert [title.get_property("textContent") for title in titles] == list(table.header)
        rows = element.find_elements("css selector", "tbody tr")
        assert len(rows) == len(table.rows)
    changed = page.find_elements("css selector", "#choices td.best")
    assert len(changed) == 3


@pytest.mark.parametrize("n_choices", [1, 3, len(SPACE)])
def test_no_label_of_the_figure_runs_into_another(n_choices):
    names = list(SPACE)[-n_choices:]
    figure = draw_importances(dict.fromkeys(names, 1 / n_choices))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = [*axes.get_yticklabels(), axes.xaxis.label]
    boxes = [label.get_window_extent() for label in labels]
    assert [label.get_text() for label in labels[:-1]] == list(map(name_choice, names))
    whole = figure.bbox
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 for box in boxes)
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_the_figure_of_the_trials(tuning):
    (axes,) = draw_trials(tuning).axes
    so_far, others, first = (line.get_ydata() for line in axes.lines)
    assert (list(so_far), list(others), list(np.ravel(first))) == ([0.5, 0.75], [0.75], [0.5])
    loss = replace(tuning, objective="log_loss")
    assert list(draw_trials(loss).axes[0].lines[0].get_ydata()) == [0.5, 0.5]


def test_the_same_bytes_each_time(tuning, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_search(tmp_path / name, tuning)
    for name in SEARCH_FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_folder_of_a_search(tmp_path):
    folder = tmp_path / "some" / "where"
    assert prepare_folder(folder) == folder / SEARCH
    (folder / "cache").mkdir()
    assert prepare_folder(folder) == folder / SEARCH
    (folder / "best.toml").touch()
    sentence = f"{folder} holds best.toml, but no search that it is of; name another folder."
    with pytest.raises(TuningError, match=f"^{re.escape(sentence)}$"):
        prepare_folder(folder)
    (folder / SEARCH).touch()
    assert prepare_folder(folder) == folder / SEARCH


def test_a_search_that_is_a_folder(tmp_path):
    (tmp_path / SEARCH).mkdir()
    with pytest.raises(OutputError, match="is no regular file"):
        prepare_folder(tmp_path)
