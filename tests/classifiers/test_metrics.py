"""Metrics against plain loops, scikit-learn, and answers worked out by hand."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score, top_k_accuracy_score

from trifuse.classifiers.metrics import (
    baseline_metrics,
    bootstrap_intervals,
    compute_metrics,
)
from trifuse.classifiers.text_tables import json_safe

CLASSES = ["a", "b", "c", "d"]
SCALARS = [
    "bma", "accuracy", "top_2_accuracy", "top_3_accuracy", "macro_auc", "macro_f1", "log_loss",
    "brier",
]  # fmt: skip


def scored(n=200, k=4, seed=0, digits=None):
    """Labels, and probabilities that know something about them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(k, size=n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    logits = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[labels]
    if digits is not None:
        logits = logits.round(digits)
    probabilities = np.exp(logits)
    return probabilities / probabilities.sum(axis=1, keepdims=True), labels


def slow_ece(probabilities, labels, groups=None):
    """The root of the mean product of the gaps of two images of a bin, of two groups."""
    groups = range(len(labels)) if groups is None else groups
    total, n_images = 0.0, 0
    for low in range(15):
        rows = [
            (float(row.argmax() == label) - row.max(), group)
            for row, label, group in zip(probabilities, labels, groups, strict=True)
            if low / 15 < row.max() <= (low + 1) / 15
        ]
        products = [a * b for a, first in rows for b, second in rows if first != second]
        if products:
            total, n_images = total + len(rows) * np.mean(products), n_images + len(rows)
    return math.sqrt(max(total / n_images, 0)) if n_images else math.nan


@pytest.mark.parametrize("digits", [None, 0])
def test_equals_the_references(digits):
    probabilities, labels = scored(digits=digits)  # digits=0 makes many ties between images
    metrics = compute_metrics(probabilities, labels, CLASSES)
    predicted = probabilities.argmax(axis=1)
    assert metrics.n_images == 200
    assert metrics.accuracy == pytest.approx(np.mean(predicted == labels))
    assert metrics.bma == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert metrics.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metrics.macro_auc == pytest.approx(
        roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    )
    for c, name in enumerate(CLASSES):
        assert metrics.auc[name] == pytest.approx(roc_auc_score(labels == c, probabilities[:, c]))
        assert metrics.support[name] == (labels == c).sum()
        assert metrics.recall[name] == pytest.approx((predicted[labels == c] == c).mean())
        assert metrics.precision[name] == pytest.approx((labels[predicted == c] == c).mean())
    assert metrics.ece == pytest.approx(slow_ece(probabilities, labels))
    assert metrics.log_loss == pytest.approx(
        -np.mean([math.log(row[c]) for row, c in zip(probabilities, labels, strict=True)])
    )
    assert metrics.brier == pytest.approx(
        np.mean(
            [
                ((row - np.eye(4)[c]) ** 2).sum()
                for row, c in zip(probabilities, labels, strict=True)
            ]
        )
    )
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (labels, predicted), 1)
    assert metrics.confusion == tuple(map(tuple, confusion.tolist()))


def test_top_k_equals_sklearn_without_ties():
    probabilities, labels = scored()
    metrics = compute_metrics(probabilities, labels, CLASSES)
    assert metrics.top_2_accuracy == pytest.approx(top_k_accuracy_score(labels, probabilities, k=2))
    assert metrics.top_3_accuracy == pytest.approx(top_k_accuracy_score(labels, probabilities, k=3))


def test_ties_go_to_the_earlier_class():
    uniform = np.full((4, 4), 0.25)
    metrics = compute_metrics(uniform, np.arange(4), CLASSES)
    assert (metrics.accuracy, metrics.top_2_accuracy, metrics.top_3_accuracy) == (0.25, 0.5, 0.75)
    assert [row[0] for row in metrics.confusion] == [1, 1, 1, 1]
    assert metrics.macro_auc == 0.5


def test_absent_and_never_predicted_classes():
    probabilities = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.2, 0.6, 0.1]])
    metrics = compute_metrics(probabilities, np.array([0, 1, 1]), CLASSES)
    assert metrics.bma == 0.75  # of a and b alone
    assert metrics.macro_f1 == pytest.approx((1 + 2 / 3) / 2)
    assert math.isnan(metrics.recall["c"])
    assert metrics.precision["c"] == 0.0
    assert math.isnan(metrics.precision["d"])
    assert math.isnan(metrics.auc["c"])
    assert metrics.macro_auc == 1.0
    assert metrics.support == {"a": 1, "b": 2, "c": 0, "d": 0}


def test_a_class_alone_has_no_auc():
    metrics = compute_metrics(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]), ["a", "b"])
    assert math.isnan(metrics.macro_auc)
    assert metrics.bma == 0.5
    assert metrics.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.4)) / 2)


def test_known_calibration_errors():
    labels = np.repeat([0, 1], [750, 250])
    certain = np.tile([1.0, 0.0], (1000, 1))
    assert compute_metrics(certain, labels, ["a", "b"]).ece == pytest.approx(0.25, abs=0.001)
    honest = np.tile([0.75, 0.25], (1000, 1))
    assert compute_metrics(honest, labels, ["a", "b"]).ece == 0.0
    wrong = compute_metrics(np.tile([0.9, 0.1], (8, 1)), np.full(8, 1), ["a", "b"])
    assert wrong.ece == pytest.approx(0.9)


def test_a_bin_holds_its_upper_edge():
    # 0.6 = 9/15 closes the ninth bin
    probabilities = np.repeat([[0.6, 0.4], [0.65, 0.35]], 2, axis=0)
    metrics = compute_metrics(probabilities, np.array([0, 0, 1, 1]), ["a", "b"])
    assert metrics.ece == pytest.approx(math.sqrt((0.4**2 + 0.65**2) / 2))


def test_the_ece_is_the_debiased_estimator_of_kumar_et_al():
    """Their formula, section 5, for a classifier of few different confidences."""
    rng = np.random.default_rng(3)
    confidence = rng.choice([0.55, 0.65, 0.8, 0.95], size=300)
    right = rng.random(300) < confidence - 0.2
    square = 0.0
    for value in np.unique(confidence):
        share, n = right[confidence == value].mean(), (confidence == value).sum()
        square += n / 300 * ((value - share) ** 2 - share * (1 - share) / (n - 1))
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    metrics = compute_metrics(probabilities, np.where(right, 0, 1), ["a", "b"])
    assert metrics.ece == pytest.approx(math.sqrt(square))


def test_images_of_one_lesion_are_no_pairs_of_the_ece():
    probabilities, labels = scored(n=120, digits=1)
    groups = np.arange(120) // 4
    metrics = compute_metrics(probabilities, labels, CLASSES, groups)
    assert metrics.ece == pytest.approx(slow_ece(probabilities, labels, groups))
    assert metrics.ece != pytest.approx(slow_ece(probabilities, labels))
    one = compute_metrics(probabilities, labels, CLASSES, ["x"] * 120)
    assert math.isnan(one.ece)
    assert one.bma == metrics.bma


def draw_confident(rng, n_lesions, too_sure):
    """Images of lesions of one to three, whose answers are right less often than they say."""
    lesions = np.repeat(np.arange(n_lesions), rng.integers(1, 4, n_lesions))
    confidence = 0.5 + 0.5 * rng.beta(2, 2, n_lesions)[lesions]
    luck = np.where(rng.random(len(lesions)) < 0.5, rng.random(n_lesions)[lesions], 2)
    luck = np.where(luck == 2, rng.random(len(lesions)), luck)
    labels = np.where(luck < confidence - too_sure, 0, 1)
    return np.stack([confidence, 1 - confidence], axis=1), labels, lesions


@pytest.mark.parametrize(("too_sure", "n_lesions"), [(0, 60), (0, 400), (0.1, 60), (0.1, 400)])
def test_the_ece_is_near_the_truth_and_its_interval_covers_it(too_sure, n_lesions):
    rng = np.random.default_rng(0)
    squares, covered = [], []
    for _ in range(100):
        probabilities, labels, lesions = draw_confident(rng, n_lesions, too_sure)
        value = compute_metrics(probabilities, labels, ["a", "b"], lesions).ece
        low, high = bootstrap_intervals(probabilities, labels, lesions, ["a", "b"], 200)["ece"]
        assert 0 <= low <= value <= high
        covered.append(low <= too_sure <= high)
        squares.append(value**2)
    plain = 8 * 0.2 / (2 * n_lesions)  # what chance alone adds to the square of 8 bins
    assert np.mean(squares) == pytest.approx(too_sure**2, abs=plain)
    assert np.mean(covered) >= 0.9


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 30), size=st.integers(1, 4))
def test_every_interval_holds_its_figure(seed, n, size):
    probabilities, labels = scored(n=n, seed=seed)
    groups = np.arange(n) // size
    metrics = compute_metrics(probabilities, labels, CLASSES, groups)
    intervals = bootstrap_intervals(probabilities, labels, groups, CLASSES, 50)
    for name, interval in intervals.items():
        value = getattr(metrics, name)
        pairs = (
            [(value, interval)]
            if isinstance(value, float)
            else zip(value.values(), interval.values(), strict=True)
        )
        for one, (low, high) in pairs:
            assert math.isnan(low) or low <= one <= high, name


def test_the_known_top_3_give_what_they_can():
    probabilities, labels = scored(k=5)
    names = list("abcde")
    known = probabilities.copy()
    np.put_along_axis(known, probabilities.argsort(axis=1)[:, :2], np.nan, axis=1)
    whole, part = (
        compute_metrics(probabilities, labels, names),
        compute_metrics(known, labels, names),
    )
    for figure in ["bma", "accuracy", "top_2_accuracy", "top_3_accuracy", "ece", "macro_f1"]:
        assert getattr(part, figure) == pytest.approx(getattr(whole, figure)), figure
    assert part.confusion == whole.confusion
    assert part.recall == whole.recall
    assert all(math.isnan(value) for value in [part.macro_auc, part.log_loss, part.brier])
    assert all(math.isnan(value) for value in part.auc.values())
    np.put_along_axis(known, probabilities.argsort(axis=1)[:, 2:3], np.nan, axis=1)
    assert math.isnan(compute_metrics(known, labels, names).top_3_accuracy)


def test_top_3_of_two_classes_is_everything():
    metrics = compute_metrics(np.array([[0.9, 0.1]]), np.array([1]), ["a", "b"])
    assert (metrics.accuracy, metrics.top_2_accuracy, metrics.top_3_accuracy) == (0.0, 1.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_order_of_images_and_names_of_classes_do_not_matter(seed, n):
    probabilities, labels = scored(n=n, seed=seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(n), rng.permutation(4)
    one = compute_metrics(probabilities, labels, CLASSES)
    other = compute_metrics(
        probabilities[rows][:, columns],
        np.argsort(columns)[labels[rows]],
        [CLASSES[c] for c in columns],
    )
    for figure in ["bma", "accuracy", "top_3_accuracy", "macro_auc", "ece", "log_loss", "brier"]:
        value = getattr(one, figure)
        assert getattr(other, figure) == pytest.approx(value, nan_ok=True), figure
    assert math.isnan(one.ece) or 0 <= one.ece <= 1
    assert 0 <= one.brier <= 2
    assert one.accuracy <= one.top_2_accuracy <= one.top_3_accuracy <= 1


def test_baseline_is_always_the_largest_class():
    _, labels = scored()
    metrics = baseline_metrics(labels, CLASSES)
    shares = np.bincount(labels) / len(labels)
    assert metrics.accuracy == shares.max()
    assert metrics.bma == 0.25
    assert metrics.macro_auc == 0.5
    assert metrics.log_loss == pytest.approx(stats.entropy(shares))


def test_to_dict_is_json():
    metrics = compute_metrics(np.array([[0.9, 0.1, 0.0]]), np.array([0]), ["a", "b", "c"])
    plain = json.loads(json.dumps(metrics.to_dict(), allow_nan=False))
    assert plain == metrics.to_dict()
    assert plain["macro_auc"] is None
    assert plain["recall"] == {"a": 1.0, "b": None, "c": None}
    assert plain["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_json_safe_reaches_into_tuples():
    assert json_safe({"x": (math.nan, [1, "s", math.nan])}) == {"x": [None, [1, "s", None]]}


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.empty((0, 2)), [], "there is no scored image"),
        (np.full((2, 3), 1 / 3), [0, 1], r"shape \(2, 3\), but 2 labels and 2 classes"),
        (np.full((1, 2), 0.5), [2], "labels must be 0 to 1"),
        (np.full((1, 2), 0.5), [-1], "labels must be 0 to 1"),
        (np.array([[0.5, 0.4]]), [0], "sum to 1"),
        (np.array([[1.2, -0.2]]), [0], "at least 0"),
        (np.array([[np.nan, np.nan]]), [0], "sum to 1"),
        (np.array([[np.nan, 1.5]]), [0], "sum to 1"),
    ],
)
def test_refuses_what_does_not_fit(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        compute_metrics(probabilities, np.array(labels, dtype=int), ["a", "b"])


def test_refuses_a_single_class():
    with pytest.raises(ValueError, match="at least two classes"):
        compute_metrics(np.ones((1, 1)), np.array([0]), ["a"])


def slow_resamples(probabilities, labels, groups, n_resamples, seed):
    """The bootstrap that really repeats rows."""
    rng = np.random.default_rng(seed)
    names = list(dict.fromkeys(groups))
    rows = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    results = []
    for _ in range(n_resamples):
        drawn = [names[i] for i in rng.integers(len(names), size=len(names))]
        index = np.concatenate([rows[name] for name in drawn])
        # A group that was drawn twice is two groups.
        groups_of_rows = np.repeat(np.arange(len(drawn)), [len(rows[name]) for name in drawn])
        results.append(
            compute_metrics(probabilities[index], labels[index], CLASSES, groups_of_rows)
        )
    return results


def test_bootstrap_equals_repeating_the_rows():
    probabilities, labels = scored(n=60, digits=0)
    groups = [f"lesion {i // 3}" for i in range(60)]
    fast = bootstrap_intervals(
        probabilities, labels, groups, CLASSES, n_resamples=50, level=0.9, random_state=3
    )
    results = slow_resamples(probabilities, labels, groups, 50, 3)
    for figure in SCALARS:
        quantiles = np.nanquantile([getattr(m, figure) for m in results], [0.05, 0.95])
        assert fast[figure] == pytest.approx(tuple(quantiles)), figure
    for figure in ["recall", "precision", "auc"]:
        for name in CLASSES:
            values = [getattr(m, figure)[name] for m in results]
            assert fast[figure][name] == pytest.approx(tuple(np.nanquantile(values, [0.05, 0.95])))
    assert fast.keys() == {*SCALARS, "recall", "precision", "auc", "ece"}


def test_bootstrap_resamples_groups_not_images():
    probabilities, labels = scored(n=300)
    copies = np.repeat(np.arange(300), 4)
    alone = bootstrap_intervals(
        probabilities[copies], labels[copies], range(1200), CLASSES, n_resamples=200
    )
    together = bootstrap_intervals(
        probabilities[copies], labels[copies], copies, CLASSES, n_resamples=200
    )
    single = bootstrap_intervals(probabilities, labels, range(300), CLASSES, n_resamples=200)
    for name in [*SCALARS, "ece"]:
        assert together[name] == pytest.approx(single[name]), name
    for name in ["recall", "precision", "auc"]:
        for label in CLASSES:
            assert together[name][label] == pytest.approx(single[name][label]), name
    width, naive = (
        {name: part[name][1] - part[name][0] for name in SCALARS} for part in (together, alone)
    )
    assert all(width[name] > 1.6 * naive[name] for name in SCALARS)


def test_bootstrap_has_the_textbook_width():
    probabilities, labels = scored(n=1000)
    low, high = bootstrap_intervals(probabilities, labels, range(1000), CLASSES)["accuracy"]
    accuracy = compute_metrics(probabilities, labels, CLASSES).accuracy
    expected = 2 * 1.96 * math.sqrt(accuracy * (1 - accuracy) / 1000)
    assert low < accuracy < high
    assert high - low == pytest.approx(expected, rel=0.1)


def test_bootstrap_depends_on_random_state_alone():
    probabilities, labels = scored(n=50)
    run = [
        bootstrap_intervals(probabilities, labels, range(50), CLASSES, 20, random_state=seed)
        for seed in (1, 1, 2)
    ]
    assert run[0] == run[1] != run[2]


def test_bootstrap_of_nearly_nothing():
    probabilities, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    one_group = bootstrap_intervals(probabilities, labels, ["x", "x"], ["a", "b"])
    assert all(map(math.isnan, one_group["bma"] + one_group["ece"] + one_group["recall"]["a"]))
    two = bootstrap_intervals(probabilities, labels, ["x", "y"], ["a", "b"], n_resamples=20)
    assert two["accuracy"] == (1.0, 1.0)
    assert two["macro_auc"] == (1.0, 1.0)  # of the resamples that hold both classes
    for measure in (compute_metrics, bootstrap_intervals):
        with pytest.raises(ValueError, match="2 labels but 1 groups"):
            measure(probabilities, labels, groups=["x"], classes=["a", "b"])


def test_bootstrap_of_the_known_top_leaves_the_auc_out():
    probabilities = np.array([[0.9, np.nan, np.nan], [np.nan, 0.8, np.nan]])
    intervals = bootstrap_intervals(probabilities, np.array([0, 1]), [1, 2], ["a", "b", "c"], 20)
    assert all(math.isnan(value) for value in intervals["macro_auc"])
    assert intervals["accuracy"] == (1.0, 1.0)


def test_bootstrap_is_fast():
    probabilities, labels = scored(n=5000, k=7)
    start = time.process_time()
    bootstrap_intervals(probabilities, labels, np.arange(5000) // 2, list("abcdefg"), 100)
    assert time.process_time() - start < 2
