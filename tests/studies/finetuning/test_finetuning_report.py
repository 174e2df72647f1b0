"""What a fine-tuning leaves for people."""

import csv

import numpy as np
import pytest

from trifuse.classifiers.metrics import bootstrap_intervals, compute_metrics
from trifuse.features.images import read_image
from trifuse.studies.finetuning.finetuning_report import (
    OPTIMISM,
    draw_curves,
    render_history,
    render_report,
    write_finetuning,
)
from trifuse.training.networks.checkpoint import Epoch

EPOCHS = [
    Epoch(1.5, {"loss": 1.2, "bma": 0.4, "accuracy": 0.5, "top_3_accuracy": 0.9}, 6e-4),
    Epoch(0.75, {"loss": 1.0, "bma": 0.625, "accuracy": 0.7, "top_3_accuracy": 1.0}, 1 / 3000),
]


@pytest.fixture
def metrics():
    labels = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.eye(3)[[0, 0, 1, 1, 2, 2]] * 0.7 + 0.1
    scored = (probabilities, labels)
    metrics = compute_metrics(*scored, ("a", "b", "c"))
    return metrics, bootstrap_intervals(*scored, range(6), ("a", "b", "c"))


def test_the_history_is_a_row_an_epoch():
    rows = list(csv.DictReader(render_history(EPOCHS).splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert rows[1] == {
        "epoch": "2", "learning_rate": "0.000333333", "training_loss": "0.75",
        "validation_loss": "1", "validation_bma": "0.625", "validation_accuracy": "0.7",
        "validation_top_3_accuracy": "1",
    }  # fmt: skip


def test_the_report_has_each_class_and_says_what_its_figures_are(metrics):
    report = render_report(EPOCHS, 1, *metrics)
    assert report.startswith(
        "# Fine-tuning\n\nEpoch 2 of 2 is kept; on 6 images, with 95 % intervals"
    )
    low, high = metrics[1]["accuracy"]
    assert f"| accuracy       | 0.667 [{low:.3f}, {high:.3f}] |" in report
    assert OPTIMISM in report
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in report.splitlines()
        if line.startswith(("| a ", "| b ", "| c "))
    ]
    assert all("[" in cell for row in rows[:3] for cell in row[2:])
    assert [[cell.split(" [")[0] for cell in row[:4]] for row in rows[:3]] == [
        ["a", "3", "0.667", "1.000"], ["b", "2", "0.500", "0.500"], ["c", "1", "1.000", "0.500"],
    ]  # fmt: skip
    assert rows[3:] == [["a", "2", "1", "0"], ["b", "0", "1", "1"], ["c", "0", "0", "1"]]


def test_the_curves_are_the_figures(metrics):
    losses, figures = draw_curves(EPOCHS, 1).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in [*losses.lines, *figures.lines]}
    assert drawn["training, augmented"] == [1.5, 0.75]
    assert drawn["validation"] == [1.2, 1.0]
    assert (drawn["BMA"], drawn["accuracy"]) == ([0.4, 0.625], [0.5, 0.7])
    for axes in (losses, figures):
        assert [2, 2] in [list(line.get_xdata()) for line in axes.lines]  # the best epoch


def test_the_same_figures_are_the_same_bytes(metrics, tmp_path):
    names = ["confusion.png", "curves.png", "history.csv", "report.md"]
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        write_finetuning(tmp_path / name, EPOCHS, 1, *metrics)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == names
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    for name in names[:2]:
        assert read_image(tmp_path / "1" / name).std() > 10
