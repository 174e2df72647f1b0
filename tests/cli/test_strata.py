"""Prediction sets by class and age: from the table of the archive to that of the inputs."""

import csv
import io
from zipfile import ZipFile

import pytest

from trifuse.classifiers.archive import unpack_arrays
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.classifiers.review_parts import review_from
from trifuse.datasets.load import load_dataset
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe
from trifuse.training.train import TrainingOptions, run_training

STRATA = """
[review]
coverage = 0.4
groups = ["age"]
bands = {age = [0, 40]}
"""


@pytest.fixture(scope="module")
def table(archive, tmp_path_factory):
    """The archive as a table with ages."""
    path = tmp_path_factory.mktemp("strata") / "table.csv"
    known = load_dataset(archive)
    lines = ["path,label,group,age,sex"]
    for place, (image, label) in enumerate(zip(known.paths, known.labels, strict=True)):
        lines.append(f"{image},{label},{place},{('20', '70')[place % 2]},f")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def strata_file(table, recipe_file):
    recipe, path = table.with_name("strata.toml"), table.with_name("strata.trifuse")
    recipe.write_text(recipe_file.read_text() + STRATA)
    run_training(TrainingOptions(str(table), str(path), str(recipe)))
    return path


def test_the_model_knows_strata(strata_file):
    model, about = load_model(strata_file), read_about(strata_file)
    assert set(model.review.sets.strata) <= {"0 to below 40", "40 and above"}
    assert len(model.review.sets.strata) > 0
    figures = about["review"]["figures"]["strata"]
    assert [one["name"] for one in figures] == ["0 to below 40", "40 and above"]
    assert "| 0 to below 40 |" in about["card"]
    assert "in groups by age" in about["card"]


def test_sets_are_those_of_the_age_that_a_table_tells(trifuse, strata_file, pictures, tmp_path):
    """Nothing of it is in a log; without a column the images are missing one."""
    ages = ["20", "70", "", "unknown", "20.5"]
    inputs, log = tmp_path / "inputs.csv", tmp_path / "log.jsonl"
    rows = [f"{picture},{age}" for picture in pictures for age in ages]
    inputs.write_text("path,age\n" + "\n".join(rows) + "\n")
    result = trifuse("predict", "-m", strata_file, inputs, "-o", "-", "--log", log)
    assert result.code == 0, result.err
    model = load_model(strata_file)
    found = list(csv.DictReader(io.StringIO(result.out.decode())))
    names = {"20": "0 to below 40", "70": "40 and above", "20.5": "0 to below 40"}
    different = 0
    for place, row in enumerate(found):
        probabilities = model.predict(read_image(pictures[place // len(ages)]))
        assert row["age"] == ages[place % len(ages)]
        members = model.review.sets.members(probabilities, names.get(row["age"], "missing"))
        assert row["prediction_set"] == ";".join(model.classes[index] for index in members)
        different += members != model.review.sets.members(probabilities)
    assert different > 0
    assert "20.5" not in log.read_text() + result.err
    plain = trifuse("predict", "-m", strata_file, *pictures, "-o", "-")
    sets = [row["prediction_set"] for row in csv.DictReader(io.StringIO(plain.out.decode()))]
    assert sets == [row["prediction_set"] for row in found[2 :: len(ages)]]


def test_a_table_without_the_column_is_told_of(trifuse, strata_file, pictures, tmp_path):
    inputs = tmp_path / "inputs.csv"
    inputs.write_text(f"path,Age\n{pictures[0]},20\n")
    result = trifuse("predict", "-m", strata_file, inputs, "-o", "-")
    assert result.code == 0
    assert result.err.count("warning: no table among the inputs has a column 'age', of which") == 1
    assert "warning" not in trifuse("predict", "-m", strata_file, pictures[0], "-o", "-").err


@pytest.mark.parametrize(
    ("column", "fault"),
    [("Age", ", which the archive's table"), ("label", ", which holds the labels: of new images")],
)
def test_a_column_that_cannot_be_is_refused_at_once(
    trifuse, table, recipe_file, tmp_path, column, fault
):
    recipe, output = tmp_path / "r.toml", tmp_path / "m.trifuse"
    recipe.write_text(recipe_file.read_text() + f'[review]\ngroups = ["{column}"]\n')
    result = trifuse("train", table, "-o", output, "--recipe", recipe)
    assert result.code in {1, 2}
    assert f"[review] groups names the column {column!r}{fault}" in result.err
    assert not output.exists()


def test_strata_come_back_or_are_refused(strata_file):
    recipe, entry = (
        Recipe.from_dict(read_about(strata_file)["recipe"]),
        read_about(strata_file)["review"],
    )
    with ZipFile(strata_file) as file:
        arrays = unpack_arrays(file.read("arrays.npz"), "it")
    found = review_from(arrays, entry, recipe).sets.strata
    assert {name: tuple(floors) for name, floors in found.items()} == {
        name: tuple(floors) for name, floors in entry["strata"].items()
    }
    with pytest.raises(ValueError, match="a floor for each class in each stratum"):
        review_from(arrays, {**entry, "strata": {"young": [0.5]}}, recipe)
    for wrong in ([0.5, 1.5], "young", None):
        with pytest.raises(ValueError, match="does not fit"):
            review_from(arrays, {**entry, "strata": {"young": wrong}}, recipe)
