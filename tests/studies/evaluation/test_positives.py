"""The price of finding some classes: against figures worked out by hand, and scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.matched import match_predictions
from trifuse.studies.evaluation.positive_tables import (
    make_positive_tables,
    positives_csv,
    positives_json,
)
from trifuse.studies.evaluation.positives import measure_positives, tell_positive

# summed probability of the positive classes, label, lesion, review
IMAGES = [
    (0.9, "mel", "1", ""),
    (0.8, "mel", "1", ""),
    (0.7, "nv", "2", ""),
    (0.6, "bcc", "3", ""),
    (0.5, "nv", "4", ""),
    (0.5, "mel", "5", "uncertain"),
    (0.3, "nv", "6", ""),
    (0.2, "nv", "7", "low-quality"),
    (0.1, "mel", "8", ""),
    (0.1, "nv", "9", ""),
]


@pytest.fixture
def match(tmp_path):
    def match_rows(rows, whole=True, reviews=True):
        each = "probability_of_mel,probability_of_nv,probability_of_bcc," if whole else ""
        end = "review,prediction_set," if reviews else ""
        lines = [f"image,status,label_1,probability_1,{each}{end}message"]
        for i, (p, _, _, review) in enumerate(rows):
            cells = f"{p / 2:.9g},{1 - p:.9g},{p / 2:.9g}," if whole else ""
            top = ("nv", 1 - p) if 1 - p > p / 2 else ("mel", p / 2)
            lines.append(f"{i},ok,{top[0]},{top[1]:.9g},{cells}{f'{review},nv,' if end else ''}")
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join(lines) + "\n")
        truth = {str(i): row[1] for i, row in enumerate(rows)}
        return match_predictions(path, truth, {str(i): row[2] for i, row in enumerate(rows)})

    return match_rows


def values(found):
    return {name: estimate.value for name, estimate in found.figures.items()}


def test_figures_are_those_worked_out_by_hand(match):
    found = measure_positives(match(IMAGES), ["MEL", "bcc"])
    assert (found.classes, found.n_images, found.n_positive) == (("mel", "bcc"), 10, 5)
    assert (found.n_lesions, found.n_positive_lesions) == (9, 4)
    told = values(found)
    # 0.9 and 0.8 beat 5 negatives, 0.6 beats 4, 0.5 beats 3 and ties with 1, 0.1 ties with 1.
    assert told["roc_auc"] == pytest.approx((5 + 5 + 4 + 3.5 + 0.5) / 25)
    # Before any negative 2 of 5; with one (0.7) 3 of 5; with two (0.7, 0.5) 4 of 5.
    assert told["sensitivity_at_specificity_95"] == pytest.approx(2 / 5)
    assert told["sensitivity_at_specificity_80"] == pytest.approx(3 / 5)
    assert told["specificity_at_sensitivity_80"] == pytest.approx(3 / 5)
    assert told["specificity_at_sensitivity_90"] == 0
    # 80 % of 4 lesions are all of them: the last stands at the end, tied with a negative.
    assert told["work_80"] == told["work_99"] == 1
    assert told["review_first_99"] == 1


def test_the_work_counts_lesions_and_reviews_come_first(match):
    """Five lesions of two images each, the first of which finds it."""
    rows = [(0.9 - i / 100, "mel", str(i // 2), "") for i in range(10)]
    rows += [(0.4 - i / 100, "nv", f"n{i}", "uncertain" if i < 4 else "") for i in range(10)]
    told = values(measure_positives(match(rows), ["mel"]))
    assert told["work_80"] == 7 / 20  # the first image of the fourth lesion
    assert told["work_90"] == told["work_99"] == 9 / 20
    assert told["review_first_80"] == (4 + 7) / 20
    assert told["roc_auc"] == told["pr_auc"] == 1


def test_they_are_scikit_learns(match):
    rng = np.random.default_rng(0)
    labels = rng.random(200) < 0.3
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1), 2)
    rows = [(s, "mel" if y else "nv", str(i // 2), "") for i, (s, y) in
            enumerate(zip(scores, labels, strict=True))]  # fmt: skip
    told = measure_positives(match(rows), ["mel", "bcc"])
    fallout, sensitivity, _ = roc_curve(labels, scores, drop_intermediate=False)
    expected = {
        "roc_auc": roc_auc_score(labels, scores),
        "pr_auc": average_precision_score(labels, scores),
    }
    for percent in (80, 90, 95):
        high = sensitivity[1 - fallout >= percent / 100].max()
        expected[f"sensitivity_at_specificity_{percent}"] = high
        low = (1 - fallout)[sensitivity >= percent / 100].max()
        expected[f"specificity_at_sensitivity_{percent}"] = low
    for name, value in expected.items():
        assert told.figures[name].value == pytest.approx(value), name
        assert told.figures[name].low < value < told.figures[name].high


def test_intervals_resample_lesions(match):
    single = [(0.9 - i / 60, "mel" if i % 3 else "nv", str(i), "") for i in range(40)]
    double = [row for row in single for _ in range(2)]
    one, two = (measure_positives(match(rows), ["mel"]).figures for rows in (single, double))
    for name in one:
        assert two[name] == pytest.approx(one[name]), name


def test_tables(match):
    found = measure_positives(match(IMAGES), ["mel", "bcc"])
    figures, work = make_positive_tables(found)
    assert figures.caption.startswith("mel + bcc (5 of 10 images, 4 of 9 lesions) against all")
    assert figures.rows[0][0] == "ROC AUC"
    assert figures.rows[0][1][0].value == "0.720"
    assert work.header == ("lesions found", "by probability", "share", "review first", "share")
    assert [cell.value for cell in work.rows[0][1]] == ["10", "1.000", "10", "1.000"]
    assert positives_csv(found).splitlines()[1].startswith("roc_auc,0.720000,0.")
    assert positives_json(found)["figures"]["roc_auc"][0] == pytest.approx(0.72)
    _, work = make_positive_tables(measure_positives(match(IMAGES, reviews=False), ["mel"]))
    assert work.header == ("lesions found", "by probability", "share")


def test_one_lesion_has_no_interval(match):
    rows = [(0.9, "mel", "1", ""), (0.1, "nv", "1", "")]
    estimate = measure_positives(match(rows), ["mel"]).figures["roc_auc"]
    assert estimate.value == 1
    assert math.isnan(estimate.low)


@pytest.mark.parametrize(
    ("names", "rows", "whole", "message"),
    [
        (
            ["scc"],
            IMAGES,
            True,
            "'scc' is none of the classes of the predictions, or may be several: mel,",
        ),
        (["mel", "nv", "bcc"], IMAGES, True, "every class is positive; name those"),
        (["mel"], IMAGES[:2], True, "every image with a truth is of the classes mel$"),
        (["bcc"], IMAGES[:2], True, "no image with a truth is of the classes bcc$"),
        (["mel"], IMAGES, False, "lack the probabilities of all classes, .* --probabilities$"),
    ],
)
def test_refuses_what_cannot_be_measured(match, names, rows, whole, message):
    if not whole:
        rows = [row for row in rows if row[1] != "bcc"]
    with pytest.raises(DatasetError, match=message):
        measure_positives(match(rows, whole), names)


def test_tells_positive_images(match):
    told = tell_positive(match(IMAGES), ["bcc"])
    assert np.flatnonzero(told).tolist() == [3]
