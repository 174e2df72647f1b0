"""The figures of a predictions.csv, with their intervals."""

import json
import math
import re

import numpy as np
import pytest

from trifuse.classifiers.metrics import bootstrap_intervals, compute_metrics
from trifuse.datasets.truth import read_truth
from trifuse.studies.evaluation.evaluate import RUN_WITH_PROBABILITIES, evaluate_predictions

CLASSES = ["df", "mel", "nv", "vasc"]


def test_all_probabilities_give_all_figures(scored, write, truth):
    probabilities, labels = scored
    evaluation = evaluate_predictions(write(probabilities), truth)
    expected = compute_metrics(probabilities, labels, CLASSES)
    for name in [
        "bma",
        "top_2_accuracy",
        "top_3_accuracy",
        "macro_auc",
        "log_loss",
        "brier",
        "ece",
    ]:
        assert getattr(evaluation.metrics, name) == pytest.approx(getattr(expected, name), rel=1e-6)
    assert evaluation.metrics.confusion == expected.confusion
    assert evaluation.metrics.classes == tuple(CLASSES)
    assert evaluation.whole.baseline.accuracy == np.bincount(labels).max() / 60
    assert RUN_WITH_PROBABILITIES not in evaluation.to_text()


def test_the_top_alone_gives_what_it_can(scored, write, truth):
    probabilities, _ = scored
    part = evaluate_predictions(write(probabilities, whole=False), truth)
    whole = evaluate_predictions(write(probabilities), truth)
    for name in ["bma", "accuracy", "top_2_accuracy", "top_3_accuracy", "macro_f1", "ece"]:
        assert getattr(part.metrics, name) == pytest.approx(getattr(whole.metrics, name)), name
    assert part.metrics.confusion == whole.metrics.confusion
    assert part.whole.intervals["bma"] == pytest.approx(whole.whole.intervals["bma"])
    plain = part.to_dict()["metrics"]
    assert [plain[name] for name in ["macro_auc", "log_loss", "brier"]] == [None] * 3
    text = part.to_text()
    assert RUN_WITH_PROBABILITIES in text
    assert "macro AUC" not in text
    assert "AUC\n" not in text


@pytest.mark.parametrize(("top", "missing"), [(1, {2, 3}), (2, {3}), (4, set())])
def test_any_number_of_top_classes(scored, write, top, missing, truth):
    probabilities, _ = scored
    metrics = evaluate_predictions(write(probabilities, top, whole=False), truth).metrics
    unknown = {k for k in (2, 3) if math.isnan(getattr(metrics, f"top_{k}_accuracy"))}
    assert unknown == missing
    assert math.isnan(metrics.macro_auc) == (top < 4)


def test_intervals_resample_lesions(scored, write, truth):
    probabilities, labels = scored
    groups = {key: f"lesion {int(key) // 5}" for key in truth}
    evaluation = evaluate_predictions(write(probabilities), truth, groups)
    expected = bootstrap_intervals(probabilities, labels, list(groups.values()), CLASSES)
    for name, interval in expected.items():
        found = evaluation.whole.intervals[name]
        pairs = interval if isinstance(interval, dict) else {"": interval}
        for label, one in pairs.items():
            assert (found[label] if label else found) == pytest.approx(one, rel=1e-6), name
    value = compute_metrics(probabilities, labels, CLASSES, list(groups.values())).ece
    assert evaluation.metrics.ece == pytest.approx(value, rel=1e-6)
    assert "bootstrap over lesions" in evaluation.to_text()
    assert evaluation.to_dict()["intervals"]["resampled"] == "lesions"
    assert "bootstrap over images" in evaluate_predictions(write(probabilities), truth).to_text()


def test_every_figure_has_an_interval(scored, write, truth):
    probabilities, _ = scored
    evaluation = evaluate_predictions(write(probabilities), truth)
    plain = evaluation.to_dict()
    for name, value in plain["metrics"].items():
        if name in ("classes", "n_images", "support", "confusion"):
            continue
        intervals = plain["intervals"][name]
        each = [(name, value, intervals)]
        if isinstance(value, dict):
            each = [(name, value[label], intervals[label]) for label in CLASSES]
        for told, one, (low, high) in each:
            assert low <= one <= high, told
    _, figures, classes, _ = evaluation.to_text().split("\n\n")
    for line in figures.splitlines()[1:-1]:
        assert re.search(r"\d\.\d{3}  \d\.\d{3} to \d\.\d{3} +\d\.\d{3}$", line), line
    for line in classes.splitlines()[1:]:
        assert len(re.findall(r"\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]", line)) == 3, line


def test_a_truth_file_brings_its_lesions(scored, write, tmp_path):
    probabilities, labels = scored
    lines = [f"{CLASSES[c]}_{i // 2},{i},{CLASSES[c]}" for i, c in enumerate(np.sort(labels))]
    path = tmp_path / "HAM10000_metadata.csv"
    path.write_text("\n".join(["lesion_id,image_id,dx", *lines]) + "\n")
    truth, lesions = read_truth(path)
    evaluation = evaluate_predictions(write(probabilities), truth, lesions)
    assert evaluation.metrics.n_images == 60
    assert evaluation.whole.resampled == "lesions"
    alone = {str(i): str(i) for i in range(60)}
    assert evaluate_predictions(write(probabilities), truth, alone).whole.resampled == "images"


def test_to_dict_is_json(scored, write, truth):
    probabilities, _ = scored
    kept = {key: label for key, label in truth.items() if label != "df"}
    plain = evaluate_predictions(write(probabilities), kept).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["metrics"]["recall"]["df"] is None
    assert plain["largest_class"]["class"] == "nv"
    assert plain["intervals"]["level"] == 0.95
    assert len(plain["intervals"]["bma"]) == 2


def test_the_text_whole(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(
        "image,status,label_1,probability_1,probability_mel,probability_nv,message\n"
        "a,ok,mel,0.8,0.8,0.2,\nb,ok,nv,0.6,0.4,0.6,\nc,ok,nv,1,0,1,\nd,ok,nv,0.6,0.4,0.6,\n"
    )
    truth, lesion = {"a": "mel", "b": "mel", "c": "nv", "d": "nv"}, dict.fromkeys("abcd", "one")
    assert evaluate_predictions(path, truth, lesion).to_text() == (
        "4 images scored and compared with the truth.\n"
        "\n"
        "                         value  95 % interval  always mel\n"
        "BMA (balanced accuracy)  0.750                      0.500\n"
        "accuracy                 0.750                      0.500\n"
        "top-2 accuracy           1.000                      1.000\n"
        "top-3 accuracy           1.000                      1.000\n"
        "macro AUC                0.875                      0.500\n"
        "macro F1                 0.733                      0.333\n"
        "log loss                 0.413                      0.693\n"
        "Brier score              0.280                      0.500\n"
        "Intervals: bootstrap over lesions.\n"
        "\n"
        "class  images  recall  precision    AUC\n"
        "mel         2   0.500      1.000  0.875\n"
        "nv          2   1.000      0.667  0.875\n"
        "\n"
        "truth \\ predicted  mel  nv\n"
        "mel                  1   1\n"
        "nv                   0   2"
    )
