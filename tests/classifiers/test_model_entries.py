"""The review in a model file: what was saved comes back, and what does not fit is refused."""

import copy

import numpy as np
import pytest

from trifuse.classifiers.model_file import Training, load_model, save_model


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
