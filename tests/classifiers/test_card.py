"""The card says what a model is."""

import copy

import pytest

from trifuse.classifiers.card import render_card, render_metrics

METRICS = {
    "svm": {
        "bma": 0.5, "accuracy": 0.25, "top_3_accuracy": 0.75, "macro_auc": 0.8125, "ece": 0.0004,
        "log_loss": 1.5, "confusion": [[1]],
    },
}  # fmt: skip
ABOUT = {
    "classes": ["mel", "a|b"],
    "recipe": {"review": {"coverage": 0.9, "false_alarm_rate": 0.02}},
    "recipe_fingerprint": "abc",
    "temperatures": {"svm": 0.123456, "lightgbm": 2.0},
    "member_weights": {"svm": 0.75, "lightgbm": 0.25},
    "review": {
        "novelty_threshold": 99.0,
        "figures": {
            "coverage": [0.9125, 1.0], "set_size": 1.5, "large_sets": 0.03, "false_alarms": 0.0196,
        },
    },
    "training": {
        "images": 30, "groups": 20, "fingerprint": "def", "class_counts": {"mel": 10, "a|b": 20},
        "metrics": METRICS, "networks": [], "held_out": [30, 20],
    },
    "versions": {"numpy": "2.4", "lightgbm": "4.6"},
}  # fmt: skip


def test_the_card():
    card = render_card(ABOUT)
    flat = " ".join(card.split())
    assert "is not a medical device and must not be used to diagnose or treat" in flat
    assert "ranks images by 2 classes" in flat
    assert "| mel   |     10 |" in card
    assert r"| a\|b  |     20 |" in card
    assert "30 images of 20 groups" in flat
    assert "Fingerprint of images and labels: `def`." in flat
    assert "Fingerprint `abc`" in flat
    assert "Temperatures: svm 0.123, lightgbm 2. Weights of the members: svm 0.75" in flat
    assert "prediction set of 90.0 % of the images is to hold the class, and 2.0 % of the" in flat
    assert "| mel   |   91.2 % |" in card
    assert r"| a\|b  |  100.0 % |" in card
    assert "A set held 1.50 classes on average, and more than 3 for 3.0 % of the images; " in flat
    assert "2.0 % of the images were called unfamiliar" in flat
    assert "Classes of fewer than 200 images get wider sets" in flat
    assert card.endswith("numpy 2.4, lightgbm 4.6\n")
    assert "{" not in card


def test_the_metrics():
    header, _, row = render_metrics(METRICS).splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == [
        "member", "BMA", "accuracy", "top-3 accuracy", "macro AUC", "ECE", "log loss",
    ]  # fmt: skip
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "svm", "0.500", "0.250", "0.750", "0.812", "0.000", "1.500",
    ]  # fmt: skip


def test_rendering_changes_nothing():
    before = copy.deepcopy(ABOUT)
    assert render_card(ABOUT) == render_card(ABOUT)
    assert before == ABOUT


@pytest.mark.parametrize("name", ["{classes}", "%s", "<b>"])
def test_names_are_not_templates(name):
    about = {**ABOUT, "training": {**ABOUT["training"], "class_counts": {name: 1}}}
    assert f"| {name}" in render_card(about)
