"""What is known of an image beside its pixels: from the archive's table to that of the inputs."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

from trifuse.classifiers.model_file import load_model, read_about
from trifuse.datasets.load import load_dataset
from trifuse.features.images import read_image
from trifuse.training.train import TrainingOptions, run_training


@pytest.fixture(scope="module")
def table(archive, tmp_path_factory):
    """The archive as a table with ages and sexes: images of the first half of the classes are of
    young women, those of the second half of old men."""
    path = tmp_path_factory.mktemp("metadata") / "table.csv"
    known = load_dataset(archive)
    lines = ["path,label,group,age,sex,name"]
    for place, (image, label) in enumerate(zip(known.paths, known.labels, strict=True)):
        old = known.classes.index(label) >= len(known.classes) / 2
        age, sex = 30 + 40 * old + place % 10, ("female", "male")[old]
        lines.append(f"{image},{label},{place},{age},{sex},Patient {place}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def informed(table, recipe_file):
    path = table.with_name("informed.trifuse")
    run_training(TrainingOptions(str(table), str(path), str(recipe_file), metadata=("age", "sex")))
    return path


def test_it_may_stand_beside_groups_of_the_sets(table, recipe_file, pictures, tmp_path):
    """A column may be of both, and others of one; cells come in the order of `Model.columns`."""
    recipe, output = tmp_path / "both.toml", tmp_path / "both.trifuse"
    more = '[review]\ncoverage = 0.4\ngroups = ["sex"]\n[decision]\npositive = ["{}"]\n'
    label = load_dataset(table).classes[0]
    recipe.write_text(recipe_file.read_text() + more.format(label))
    run_training(TrainingOptions(str(table), str(output), str(recipe), metadata=("age", "sex")))
    model, image = load_model(output), read_image(pictures[0])
    assert model.columns == ("sex", "age")
    told, nothing = model.judge(image, ("male", "75")), model.judge(image)
    images = model.ensemble.project(model.describe(image))
    expected = model.ensemble.judge(images, {"age": ["75"], "sex": ["male"]})[0]
    np.testing.assert_array_equal(told.probabilities, expected)
    assert np.abs(told.probabilities - nothing.probabilities).max() > 1e-4
    assert told.prediction_set == model.review.sets.members(expected, "male")
    assert "sensitivity, images alone" in read_about(output)["card"]


def read(result):
    return list(csv.DictReader(io.StringIO(result.out.decode())))


def test_the_model_says_what_it_takes(informed):
    about, model = read_about(informed), load_model(informed)
    assert model.columns == ("age", "sex")
    card = " ".join(about["card"].split())
    assert re.search(
        r"where it is known: age \(3\d[.\d]* to 7\d[.\d]*\); sex \(female, male\)\.", card
    )
    assert list(about["training"]["metrics"])[-2:] == ["ensemble", "ensemble, images alone"]
    alone = about["review"]["figures"]["alone"]
    assert alone["images"] == about["training"]["images"]
    assert "Were nothing known of these images beside their pixels" in card
    losses = [one["log_loss"] for one in about["training"]["metrics"].values()]
    assert losses[-2] < losses[-1]


def test_predict_takes_it_from_a_table(trifuse, informed, pictures, tmp_path):
    known = [("33", "female"), ("78", "male"), ("78", ""), ("", "")]
    inputs, log = tmp_path / "inputs.csv", tmp_path / "log.jsonl"
    rows = [f"{picture},{sex},{age}" for picture in pictures for age, sex in known]
    inputs.write_text("path,sex,age\n" + "\n".join(rows) + "\n")
    result = trifuse("predict", "-m", informed, inputs, "-o", "-", "--probabilities", "--log", log)
    assert result.code == 0, result.err
    model, found = load_model(informed), read(result)
    columns = [f"probability_of_{name}" for name in model.classes]
    told = np.array([[float(row[name]) for name in columns] for row in found])
    for place, row in enumerate(found):
        image = read_image(pictures[place // len(known)])
        expected = model.judge(image, (row["age"], row["sex"])).probabilities
        np.testing.assert_allclose(told[place], expected, atol=1e-6)
    old = told[:, len(model.classes) // 2 + 1 :].sum(axis=1).reshape(-1, len(known))
    assert np.all(old[:, 1] > old[:, 0])
    assert np.all(old[:, 1] > old[:, 3])
    plain = read(trifuse("predict", "-m", informed, *pictures, "-o", "-", "--probabilities"))
    assert [row[columns[0]] for row in plain] == [row[columns[0]] for row in found[3::4]]
    for text in (log.read_text(), result.err):
        assert "78" not in text
        assert "female" not in text


def test_what_is_missing_is_told_once(trifuse, informed, pictures, tmp_path):
    inputs = tmp_path / "inputs.csv"
    inputs.write_text(f"path,age\n{pictures[0]},33\n")
    result = trifuse("predict", "-m", informed, inputs, "-o", "-")
    assert result.code == 0
    sentence = "no table among the inputs has a column 'sex', of which the model makes use: they"
    assert result.err.count(sentence) == 1


def test_dicom_objects_tell_it_themselves(trifuse, informed, here, write_dicom):
    facts = {"PatientAge": "078Y", "PatientSex": "M"}
    write_dicom("old.dcm", **facts)
    write_dicom("plain.dcm")
    write_dicom("table.dcm", PatientAge="030Y", PatientSex="F")
    Path("inputs.csv").write_text(
        "path,age,sex\nplain.dcm,78,male\ntable.dcm,78,male\nold.dcm,unknown,\n"
    )
    old, _, plain, _ = read(  # two frames each
        trifuse("predict", "-m", informed, "old.dcm", "plain.dcm", "-o", "-", "--probabilities")
    )
    by_table = read(trifuse("predict", "-m", informed, "inputs.csv", "-o", "-", "--probabilities"))
    name = next(name for name in old if name.startswith("probability_of_"))
    assert old[name] != plain[name]
    assert [row[name] for row in by_table[::2]] == [old[name]] * 3


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("Age", "names the column 'Age', which the archive's table does not have; it has: age, "),
        ("label", "names the column 'label', which holds the labels: of new images it is not"),
        ("name", "cannot be used: the column 'name' has neither numbers nor two words of 20"),
    ],
)
def test_a_column_that_cannot_be_is_refused_at_once(
    trifuse, table, recipe_file, tmp_path, column, fault
):
    output = tmp_path / "m.trifuse"
    result = trifuse(
        "train", table, "-o", output, "--recipe", recipe_file, "--metadata", f"sex,{column}"
    )
    assert result.code == 1
    assert f"--metadata {fault}" in result.err
    assert not output.exists()


def test_it_names_something(trifuse, table, tmp_path):
    result = trifuse("train", table, "-o", tmp_path / "m.trifuse", "--metadata", " , ")
    assert result.code == 2
    assert "names nothing." in result.err
