"""The evaluation of a predictions.csv counts every image once and says what it left out."""

import json
import math

import numpy as np
import pytest

from trifuse.classifiers.metrics import bootstrap_intervals, compute_metrics
from trifuse.datasets.table import DatasetError
from trifuse.datasets.truth import read_truth, read_truth_groups
from trifuse.studies.evaluation import RUN_WITH_PROBABILITIES, evaluate_predictions

CLASSES = ["df", "mel", "nv", "vasc"]


@pytest.fixture
def scored():
    """Probabilities and labels of 60 images."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=60, p=[0.1, 0.2, 0.5, 0.2])
    raw = rng.dirichlet(np.ones(4), 60) + 0.6 * np.eye(4)[labels]
    return raw / raw.sum(axis=1, keepdims=True), labels


@pytest.fixture
def write(tmp_path):
    """Write a predictions.csv as predict does."""

    def write_predictions(probabilities, top=3, whole=True, extra=()):
        header = ["image", "status"]
        for k in range(1, top + 1):
            header += [f"label_{k}", f"probability_{k}"]
        header += [f"probability_{name}" for name in CLASSES if whole] + ["message"]
        lines = [",".join(header)]
        for i, row in enumerate(probabilities):
            cells = [f"photos/{i}.jpg", "ok"]
            for c in np.argsort(-row, kind="stable")[:top]:
                cells += [CLASSES[c], f"{row[c]:.9g}"]
            cells += [f"{value:.9g}" for value in row if whole] + [""]
            lines.append(",".join(cells))
        lines += [f"{name},error{',' * (len(header) - 2)}gone" for name in extra]
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_predictions


def truth_of(labels):
    return {str(i): CLASSES[c] for i, c in enumerate(labels)}


def test_all_probabilities_give_all_figures(scored, write):
    probabilities, labels = scored
    evaluation = evaluate_predictions(write(probabilities), truth_of(labels))
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
    assert evaluation.baseline.accuracy == np.bincount(labels).max() / 60
    assert RUN_WITH_PROBABILITIES not in evaluation.to_text()


def test_the_top_alone_gives_what_it_can(scored, write):
    probabilities, labels = scored
    part = evaluate_predictions(write(probabilities, whole=False), truth_of(labels))
    whole = evaluate_predictions(write(probabilities), truth_of(labels))
    for name in ["bma", "accuracy", "top_2_accuracy", "top_3_accuracy", "macro_f1", "ece"]:
        assert getattr(part.metrics, name) == pytest.approx(getattr(whole.metrics, name)), name
    assert part.metrics.confusion == whole.metrics.confusion
    assert part.intervals["bma"] == pytest.approx(whole.intervals["bma"])
    plain = part.to_dict()["metrics"]
    assert [plain[name] for name in ["macro_auc", "log_loss", "brier"]] == [None] * 3
    text = part.to_text()
    assert RUN_WITH_PROBABILITIES in text
    assert "macro AUC" not in text
    assert "AUC\n" not in text


@pytest.mark.parametrize(("top", "missing"), [(1, {2, 3}), (2, {3}), (4, set())])
def test_any_number_of_top_classes(scored, write, top, missing):
    probabilities, labels = scored
    metrics = evaluate_predictions(write(probabilities, top, whole=False), truth_of(labels)).metrics
    unknown = {k for k in (2, 3) if math.isnan(getattr(metrics, f"top_{k}_accuracy"))}
    assert unknown == missing
    assert math.isnan(metrics.macro_auc) == (top < 4)


def test_counts_what_is_left_out(scored, write):
    probabilities, labels = scored
    truth = truth_of(labels)
    del truth["0"], truth["1"]
    truth |= {"broken": "nv", "elsewhere": "mel"}
    path = write(probabilities, extra=["photos/broken.jpg", "photos/unknown.jpg", "x.jpg"])
    evaluation = evaluate_predictions(path, truth)
    assert evaluation.metrics == evaluate_predictions(write(probabilities), truth).metrics
    assert evaluation.to_dict()["images"] == {
        "scored": 58,
        "unread": 3,
        "without_truth": 2,
        "without_prediction": 1,
    }
    assert evaluation.to_text().startswith(
        "58 images scored and compared with the truth.\n"
        "3 images could not be read: in no figure below.\n"
        "2 images scored without a truth: left out.\n"
        "1 image of the truth without a prediction.\n\n"
    )


def test_intervals_resample_lesions(scored, write):
    probabilities, labels = scored
    truth = truth_of(labels)
    groups = {key: f"lesion {int(key) // 5}" for key in truth}
    evaluation = evaluate_predictions(write(probabilities), truth, groups)
    expected = bootstrap_intervals(probabilities, labels, list(groups.values()), CLASSES)
    for name, interval in expected.items():
        assert evaluation.intervals[name] == pytest.approx(interval, rel=1e-6), name
    assert "bootstrap over lesions" in evaluation.to_text()
    assert evaluation.to_dict()["intervals"]["resampled"] == "lesions"
    assert "bootstrap over images" in evaluate_predictions(write(probabilities), truth).to_text()


def test_a_truth_file_brings_its_lesions(scored, write, tmp_path):
    probabilities, labels = scored
    lines = [f"{CLASSES[c]}_{i // 2},{i},{CLASSES[c]}" for i, c in enumerate(np.sort(labels))]
    path = tmp_path / "HAM10000_metadata.csv"
    path.write_text("\n".join(["lesion_id,image_id,dx", *lines]) + "\n")
    evaluation = evaluate_predictions(
        write(probabilities), read_truth(path), read_truth_groups(path)
    )
    assert evaluation.metrics.n_images == 60
    assert evaluation.resampled == "lesions"
    alone = {str(i): str(i) for i in range(60)}
    assert evaluate_predictions(write(probabilities), read_truth(path), alone).resampled == "images"


def test_classes_match_in_any_letter_case(scored, write):
    probabilities, labels = scored
    path, truth = write(probabilities), truth_of(labels)
    upper = {key: label.upper() for key, label in truth.items()}
    one, other = evaluate_predictions(path, truth), evaluate_predictions(path, upper)
    assert one.to_dict() == other.to_dict()


def test_classes_that_differ_in_case_alone_match_exactly(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(
        "image,status,label_1,probability_1,probability_A,probability_a,message\n"
        "x,ok,A,0.9,0.9,0.1,\ny,ok,a,0.7,0.3,0.7,\n"
    )
    assert evaluate_predictions(path, {"x": "A", "y": "a"}).metrics.accuracy == 1.0
    assert evaluate_predictions(path, {"x": "a", "y": "A"}).metrics.accuracy == 0.0


def test_refuses_an_unknown_class_of_the_truth(scored, write):
    probabilities, labels = scored
    truth = truth_of(labels) | {"5": "scc"}
    with pytest.raises(DatasetError, match=r"'scc' of the truth is none .*: df, mel, nv, vasc$"):
        evaluate_predictions(write(probabilities), truth)
    with pytest.raises(DatasetError, match=r"'scc' .*vasc; predict --probabilities names every"):
        evaluate_predictions(write(probabilities, whole=False), truth)


def test_refuses_two_rows_of_one_image(scored, write):
    path = write(scored[0])
    path.write_text(path.read_text() + path.read_text().splitlines()[8].replace("photos", "copy"))
    with pytest.raises(DatasetError, match=r"'photos/7\.jpg' and 'copy/7\.jpg', for one .*'7'"):
        evaluate_predictions(path, truth_of(scored[1]))


def test_refuses_the_same_one_letter_name_twice(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text("image,status,label_1,probability_1,message\nx,ok,a,0.9,\nx,ok,b,0.8,\n")
    with pytest.raises(DatasetError, match="two rows, 'x' and 'x'"):
        evaluate_predictions(path, {"x": "a"})


def test_says_why_nothing_can_be_compared(scored, write):
    path = write(scored[0])
    with pytest.raises(DatasetError, match=r"it names 'photos/0\.jpg', but .* like 'ISIC_1'$"):
        evaluate_predictions(path, {"ISIC_1": "nv"})
    with pytest.raises(DatasetError, match="but the truth is empty"):
        evaluate_predictions(path, {})
    with pytest.raises(DatasetError, match=r"no scored image \(1 image could not be read\)"):
        evaluate_predictions(write([], extra=["x.jpg"]), {"x": "nv"})


def test_to_dict_is_json(scored, write):
    probabilities, labels = scored
    kept = {key: label for key, label in truth_of(labels).items() if label != "df"}
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
        "ECE (15 bins)            0.100                      0.000\n"
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
