"""Every table that is written: numbers are numbers, and only names are kept from being formulas."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trifuse.cli import duplicates, project
from trifuse.cli.labelled import write_rows
from trifuse.datasets.duplicates import DuplicatePair
from trifuse.datasets.load import load_dataset
from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.comparison_tables import csv_files
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.comparison.statistics import compute_statistics
from trifuse.studies.finetuning.finetuning_report import render_history
from trifuse.studies.measured import FIGURES, Measured
from trifuse.studies.projection.faithfulness import Faithfulness, Recall
from trifuse.studies.projection.plane import ImageMap
from trifuse.studies.projection.vectors import ImageVectors
from trifuse.studies.tuning.search import Trial
from trifuse.studies.tuning.search_report import write_search
from trifuse.studies.tuning.tune import Part, Tuning
from trifuse.training.networks.checkpoint import Epoch


def read(content):
    return list(csv.DictReader(content.decode().splitlines()))


@pytest.fixture
def write(tmp_path):
    """Write rows as the commands do, and read them back."""

    def write_and_read(header, rows):
        write_rows(tmp_path / "rows.csv", header, rows)
        return read((tmp_path / "rows.csv").read_bytes())

    return write_and_read


@pytest.fixture
def table(tmp_path, pictures):
    """Three images of a class and a group whose names are formulas."""
    rows = [(pictures[n], label, f"@{n}") for n, label in enumerate(("=a", "=a", "+b"))]
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "group"), *rows])
    return load_dataset(str(tmp_path / "table.csv"))


def test_predictions(here, trifuse):
    Path("list.csv").write_text("path,shift,note\na.jpg,-1.5,=1+1\nb.jpg,+2e-3,-x\n")
    assert trifuse("predict", "list.csv", "-m", "m.trifuse", "-o", "out.csv").code == 0
    rows = read(Path("out.csv").read_bytes())
    assert [(row["shift"], row["note"]) for row in rows] == [("-1.5", "'=1+1"), ("+2e-3", "'-x")]


def test_explanations(here, trifuse):
    Path("-a.jpg").write_bytes(Path("a.jpg").read_bytes())
    # Of the least probable class the evidence is negative.
    scores = ("predict", "a.jpg", "-m", "m.trifuse", "--top", "7", "-o", "-")
    (row,) = read(trifuse(*scores).out)
    options = ("-m", "m.trifuse", "-o", "out", "-j", "1", "--class", row["label_7"])
    assert trifuse("explain", *options, "--", "-a.jpg").code == 0
    (row,) = read(Path("out/explanations.csv").read_bytes())
    assert row["image"] == "'-a.jpg"
    assert float(row["evidence"]) < 0
    blocks = ("sift_fisher", "color_fisher")
    assert sum(float(row[name]) for name in ("constant", *blocks)) == pytest.approx(
        float(row["evidence"])
    )


def test_duplicates(table, write):
    rows = duplicates._list_rows(table, [DuplicatePair(0, 2, "near", -0.25)])
    (row,) = write(duplicates.COLUMNS, rows)
    assert row["score"] == "-0.25"
    assert [row[f"{name}_{n}"] for n in (1, 2) for name in ("group", "label")] == [
        "'@0", "'=a", "'@2", "'+b",
    ]  # fmt: skip


def test_points(table, write):
    known = np.array([True, False, False])
    images = ImageVectors(table, "cnn", np.eye(3, dtype=np.float32), ("=a",) * 3, ("",) * 3, known)
    points = np.array([(-1.5, 2.0), (0.0, -3e-5), (4.0, 1.0)], np.float32)
    image_map = ImageMap(images, points, Faithfulness(1.0, Recall(1.0, 1.0)), "tsne", 5, 0)
    rows = write(project.COLUMNS, project._list_rows(image_map))
    np.testing.assert_array_equal([(float(r["x"]), float(r["y"])) for r in rows], points)
    assert {row["predicted"] for row in rows} == {"'=a"}
    assert [row["trained_on"] for row in rows] == ["1", "0", "0"]


def test_comparison():
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    methods = {}
    for name, strength in (("-good", 4.0), ("=bad", 0.1)):
        logits = strength * np.eye(3)[labels] + rng.normal(size=(1, 60, 3))
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
        methods[name] = MethodScores(probabilities, probabilities, 10, 0.1)
    scores = ComparisonScores(("a", "b", "c"), labels, np.arange(60), methods, 5, "f")
    files = csv_files(scores, compute_statistics(scores, {}, {}, "-good", "bma"))
    (row,) = read(files["differences.csv"])
    assert (row["method"], row["baseline"]) == ("'=bad", "'-good")
    assert float(row["bma"]) < 0
    assert [r["method"] for r in read(files["comparison.csv"])] == ["'-good", "'=bad"]


def test_trials(tmp_path):
    figures = dict.fromkeys(FIGURES, -0.5)
    measured = Measured(figures, {name: np.full(201, -0.5) for name in FIGURES})
    space = {"svm.C": (1.0, 2.0)}
    tuning = Tuning(
        "bma", space, Recipe(), [Trial({"svm.C": 1.0}, figures)], 0, {}, Part(8, 8), Part(2, 2),
        measured, measured,
    )  # fmt: skip
    write_search(tmp_path, tuning)
    (row,) = read((tmp_path / "trials.csv").read_bytes())
    assert {row[name] for name in FIGURES} == {"-0.500000"}


def test_learning_curves_of_a_network():
    (row,) = read(render_history([Epoch(-1.5, {"loss": -0.25}, 1e-3)]).encode())
    assert (row["training_loss"], row["validation_loss"]) == ("-1.5", "-0.25")
