"""Operating points from the recipe to the column, in every format, and to the morning's page."""

import csv
import io
import json

import pytest

from trifuse.classifiers.model_file import load_model, read_about
from trifuse.datasets.predictions import read_predictions
from trifuse.features.images import read_image
from trifuse.studies.night import read_night

POSITIVE = ("synthetic_a", "synthetic_d")
DECISION = """
[decision]
positive = ["synthetic_d", "synthetic_a"]
sensitivity = [0.6, 0.5]
"""


@pytest.fixture(scope="module")
def alerting_file(archive, recipe_file, tmp_path_factory):
    from trifuse.training.train import TrainingOptions, run_training

    folder = tmp_path_factory.mktemp("alerts")
    recipe, path = folder / "alerts.toml", folder / "alerts.trifuse"
    recipe.write_text(recipe_file.read_text() + DECISION)
    run_training(TrainingOptions(str(archive), str(path), str(recipe)))
    return path


def read_rows(result):
    return list(csv.DictReader(io.StringIO(result.out.decode())))


@pytest.fixture
def predict(trifuse, alerting_file, pictures):
    def run(*options):
        result = trifuse("predict", "-m", str(alerting_file), *pictures[:14], *options)
        assert result.code == 0, result.err
        return result

    return run


def test_the_model_knows_its_points(alerting_file):
    about = read_about(alerting_file)
    points = about["decision"]["points"]
    assert [point["wanted"] for point in points] == [0.5, 0.6]
    assert "To be found: synthetic_d, synthetic_a." in " ".join(about["card"].split())
    assert "| 0.5   |" in about["card"]
    assert "before calibration" in about["card"]


def test_a_row_tells_the_strictest_point(predict, alerting_file, pictures):
    model = load_model(alerting_file)
    rows = read_rows(predict("-o", "-"))
    assert list(rows[0])[-4:] == ["alert", "review", "prediction_set", "message"]
    found = set()
    for row, picture in zip(rows, pictures, strict=False):
        probabilities = model.predict(read_image(picture))
        score = sum(probabilities[model.classes.index(name)] for name in POSITIVE)
        reached = [p.wanted for p in model.decision.findings.points if score >= p.threshold]
        assert row["alert"] == (str(min(reached)) if reached else "")
        found.add(row["alert"])
    assert len(found) > 1


def test_another_prior_changes_no_alert(predict, tmp_path):
    plain = read_rows(predict("-o", "-"))
    prior = tmp_path / "prior.toml"
    prior.write_text(
        "".join(f"synthetic_{one} = {10**place}\n" for place, one in enumerate("abcdefg"))
    )
    shifted = read_rows(predict("-o", "-", "--prior", str(prior)))
    assert [row["alert"] for row in shifted] == [row["alert"] for row in plain]
    assert shifted[0]["probability_1"] != plain[0]["probability_1"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_format_is_read_again(predict, tmp_path, suffix):
    path = tmp_path / f"predictions.{suffix}"
    alerts = [
        float(row["alert"]) if row["alert"] else None for row in read_rows(predict("-o", "-"))
    ]
    predict("-o", str(path), "--probabilities")
    assert list(read_night(path).alerts) == alerts
    assert read_predictions(path).complete


def test_evaluate_copes(predict, trifuse, archive, tmp_path):
    path = tmp_path / "predictions.csv"
    predict("-o", str(path), "--probabilities")
    result = trifuse("evaluate", str(path), str(archive / "metadata.csv"))
    assert result.code == 0, result.err


def test_a_model_without_points_has_no_column(trifuse, model_file, pictures):
    result = trifuse("predict", "-m", str(model_file), *pictures[:2], "-o", "-")
    assert "alert" not in result.out.decode().splitlines()[0]
    assert read_about(model_file)["decision"] is None
    assert "decision" not in read_about(model_file)["recipe"]
    assert "## Alerts" not in read_about(model_file)["card"]


def test_a_carried_column_of_that_name_is_refused(trifuse, alerting_file, pictures, tmp_path):
    table = tmp_path / "inputs.csv"
    table.write_text(f"path,alert\n{pictures[0]},yes\n")
    result = trifuse("predict", "-m", str(alerting_file), str(table), "-o", "-")
    assert (result.code, result.out) == (2, b"") or result.code == 1
    assert "would be named 'alert'" in result.err


@pytest.mark.parametrize("cell", ["soon", "1.5", "-0.9"])
def test_an_alert_that_is_none_is_told(tmp_path, trifuse, cell):
    path = tmp_path / "predictions.jsonl"
    row = {
        "image": "x.jpg", "status": "ok", "labels": ["a", "b"], "probabilities": [0.6, 0.4],
        "alert": cell, "review": [], "prediction_set": ["a"], "message": "",
    }  # fmt: skip
    path.write_text(json.dumps(row) + "\n")
    result = trifuse("report", str(path), "-o", str(tmp_path / "night.html"))
    assert result.code == 1
    assert "line 1" in result.err


def test_a_class_that_the_archive_does_not_have_is_refused_at_once(
    trifuse, archive, recipe_file, tmp_path
):
    recipe, output = tmp_path / "r.toml", tmp_path / "m.trifuse"
    recipe.write_text(recipe_file.read_text() + '[decision]\npositive = ["mel"]\n')
    result = trifuse("train", str(archive), "-o", str(output), "--recipe", str(recipe))
    assert result.code in {1, 2}
    assert "[decision] positive names 'mel', which is none of the classes" in result.err
    assert "looking" not in result.err
    assert not output.exists()
