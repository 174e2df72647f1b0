"""The files of a search."""

import csv
import re

import numpy as np
import pytest

from trifuse.classifiers.output import OutputError
from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.measured import FIGURES, Measured
from trifuse.studies.tuning.report import FILES, SEARCH, prepare_folder, write_report
from trifuse.studies.tuning.space import read_choices, search_space
from trifuse.studies.tuning.study import Trial, TuningError
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
    write_report(tmp_path, tuning)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    best = Recipe.load(str(tmp_path / "best.toml"))
    assert best == tuning.recipe
    assert (best.svm.C, best.ensemble.members) == (0.123456789, ("svm",))
    assert "cnn" not in best.block_weights

    with (tmp_path / "trials.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["trial", *FIGURES, *SPACE]
    assert [row[:2] for row in rows] == [["0", "0.500000"], ["1", "0.750000"]]
    for row, trial in zip(rows, tuning.trials, strict=True):
        assert row[1 + len(FIGURES) :] == [str(trial.choices[name]) for name in SPACE]


def test_the_report(tuning, tmp_path):
    write_report(tmp_path, tuning)
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
    assert ["`svm.C`", "2", "0.123", f"{1 / len(SPACE):.2f}"] in tables
    assert ["`ensemble.members`", "svm+lightgbm", "svm", f"{1 / len(SPACE):.2f}"] in tables
    assert "![Importance of the choices](importance.png)" in lines


def test_without_importances(tuning, tmp_path):
    object.__setattr__(tuning, "importances", {})
    write_report(tmp_path, tuning)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.toml", "report.md", "trials.csv",
    ]  # fmt: skip
    lines, tables = read_report(tmp_path)
    assert not any("importance is" in line or ".png" in line for line in lines)
    assert ["`svm.C`", "2", "0.123", ""] in tables


def test_the_same_bytes_each_time(tuning, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_report(tmp_path / name, tuning)
    for name in FILES:
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
