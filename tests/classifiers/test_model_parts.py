"""The parts of a model file: what was saved comes back, misfits are refused cheaply."""

import copy
import tracemalloc

import numpy as np
import pytest

from trifuse.classifiers.card import Training
from trifuse.classifiers.model_file import load_model, save_model


def test_a_saved_review_comes_back(model_file, tmp_path, about):
    model = load_model(model_file)
    path = tmp_path / "again.trifuse"
    save_model(path, model, Training(1, 1, "f", {"a": 1}, {}))
    one, other = model.review, load_model(path).review
    np.testing.assert_array_equal(one.sets.floors, other.sets.floors, strict=True)
    np.testing.assert_array_equal(one.novelty.means, other.novelty.means, strict=True)
    np.testing.assert_array_equal(one.novelty.deviations, other.novelty.deviations, strict=True)
    assert one.novelty.threshold == other.novelty.threshold == about["review"]["novelty_threshold"]
    assert one.figures == other.figures
    assert one.pooling.power == other.pooling.power == about["review"]["pooling"]["power"]
    np.testing.assert_array_equal(one.pooling.sets.floors, other.pooling.sets.floors, strict=True)


def test_the_card_tells_the_measured_coverage(parts, about):
    card, figures = parts["CARD.md"].decode(), about["review"]["figures"]
    for name, coverage in zip(about["classes"], figures["coverage"], strict=True):
        assert f"| {name} | {100 * coverage:6.1f} % |" in card
    assert f"A set held {figures['set_size']:.2f} classes on average" in card
    assert f"{100 * figures['false_alarms']:.1f} % of the images were called unfamiliar" in card


@pytest.mark.parametrize(
    "review",
    [
        None,
        [],
        "review",
        {},
        {"novelty_threshold": 1.0},
        {"novelty_threshold": 1.0, "figures": None},
        {"novelty_threshold": 1.0, "figures": {}},
    ],
)
def test_a_review_that_is_none(refused, variant, review):
    refused(variant({"review": review}), "its review does not fit")


@pytest.mark.parametrize(
    "threshold", [None, "1", True, [1.0], -1e300, float("nan"), float("inf"), 1e300, 10**400]
)
def test_thresholds_out_of_range(refused, variant, about, threshold):
    refused(variant({"review": {**about["review"], "novelty_threshold": threshold}}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("coverage", [0.9] * 6 + [1.1]),
        ("coverage", [0.9] * 6 + [-0.1]),
        ("coverage", [0.9] * 6 + [None]),
        ("coverage", [0.9] * 6 + [float("nan")]),
        ("coverage", 0.9),
        ("set_size", 0.5),
        ("set_size", float("inf")),
        ("large_sets", 2),
        ("false_alarms", "none"),
    ],
)
def test_figures_out_of_range(refused, variant, about, key, value):
    review = copy.deepcopy(about["review"])
    review["figures"][key] = value
    refused(variant({"review": review}), "its review does not fit")


@pytest.mark.parametrize(
    ("pooling", "sentence"),
    [
        ({"power": 1.5, "floors": [0.1] * 7}, "its review does not fit"),
        ({"power": 0.5, "floors": [0.1] * 6 + [2]}, "its review does not fit"),
        ({"floors": [0.1] * 7}, "its review does not fit"),
        ({"power": 0.5, "floors": [0.1] * 6}, "its pooling does not have a floor for each class"),
    ],
)
def test_pooling_that_does_not_fit(refused, variant, about, pooling, sentence):
    refused(variant({"review": {**about["review"], "pooling": pooling}}), sentence)


@pytest.mark.parametrize("classes", [0, 6, 8])
def test_figures_of_other_classes(refused, variant, about, classes):
    review = copy.deepcopy(about["review"])
    review["figures"]["coverage"] = [0.9] * classes
    refused(variant({"review": review}), "does not have a coverage for each class")


def test_floors_that_are_no_probabilities(refused, variant, arrays):
    for number in (-0.1, 1.1):
        floors = arrays["review.floors"].copy()
        floors[-1] = number
        reason = "'review.floors' holds numbers that are no probabilities"
        refused(variant(arrays={**arrays, "review.floors": floors}), reason)


def test_deviations_that_are_not_positive(refused, variant, arrays):
    for number in (0.0, -1.0):
        changed = arrays["review.residual_deviations"].copy()
        changed[-1] = number
        reason = "'review.residual_deviations' must be positive"
        refused(variant(arrays={**arrays, "review.residual_deviations": changed}), reason)


def test_numbers_that_make_no_finite_score(refused, variant, arrays):
    means = np.full_like(arrays["review.residual_means"], -1e300)
    deviations = np.full_like(means, 1e-300)
    changed = {"review.residual_means": means, "review.residual_deviations": deviations}
    refused(variant(arrays={**arrays, **changed}), "numbers are out of range")


def test_arrays_missing_renamed_or_extra(refused, variant, arrays):
    for name in arrays:
        fewer = {key: array for key, array in arrays.items() if key != name}
        refused(variant(arrays=fewer))
        refused(variant(arrays={**fewer, f"{name}2": arrays[name]}))
    extra = {**arrays, "extra": np.ones(1)}
    refused(variant(arrays=extra), "it must not hold the array 'extra'")
    refused(variant(arrays={}))


def test_arrays_of_other_shapes(refused, variant, arrays):
    for name, array in arrays.items():
        others = [array[..., :-1], array[None], array[..., None], array.ravel()[:1], array.T]
        others += [array.astype("<f8" if array.dtype == np.float32 else "<f4")]
        # On the number of components, or of training images, nothing else depends.
        if not name.startswith(("block", "training")):
            others += [array[:-1], np.concatenate([array, array])]
        for other in others:
            if other.shape != array.shape or other.dtype != array.dtype:
                refused(variant(arrays={**arrays, name: np.ascontiguousarray(other)}))


def test_arrays_that_numpy_would_stretch_cost_no_memory(refused, variant, arrays):
    large = {
        "stream.sift.fisher.means": np.ones((20_000, 1), np.float32),
        "stream.sift.fisher.variances": np.ones((1, 20_000), np.float32),
    }
    path = variant(arrays={**arrays, **large})
    tracemalloc.start()
    refused(path, "does not fit the others")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_numbers_out_of_range(refused, variant, arrays):
    for name in ("prior", "stream.sift.fisher.variances", "stream.color.fisher.weights"):
        for number in (0, -1):
            changed = arrays[name].copy()
            changed.flat[0] = number
            refused(variant(arrays={**arrays, name: changed}), f"'{name}' must be positive")
    refused(variant(arrays={**arrays, "prior": arrays["prior"] * 2}), "numbers are out of range")
    huge = np.full_like(arrays["svm.intercepts"], 1e308)
    huge[0] = -1e308
    small = variant(
        {"temperatures": {"svm": 1e-3, "lightgbm": 1}}, {**arrays, "svm.intercepts": huge}
    )
    refused(small, "numbers are out of range")


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"tree", b"num_class=7\n", b"num_class=7\nsplit_feature=1e999\n"]
)
def test_trees_that_are_none(refused, variant, text):
    refused(variant(lightgbm_txt=text))


def test_trees_that_ask_for_other_features(refused, variant, parts):
    text = parts["lightgbm.txt"].replace(b"split_feature=", b"split_feature=99 ", 1)
    refused(variant(lightgbm_txt=text))
