"""The card says what a model is."""

import copy

import pytest

from trifuse.classifiers.card import render_card, render_metrics

METRICS = {
    "svm": {
        "bma": 0.5, "accuracy": 0.25, "top_3_accuracy": 0.75, "macro_auc": None, "ece": 0.0004,
        "log_loss": 1.5, "macro_f1": 0.4, "brier": 0.9, "confusion": [[1]],
        "intervals": {
            "bma": [0.4, 0.625], "accuracy": [None, None], "top_3_accuracy": [0.5, 1.0],
            "macro_auc": [None, None], "macro_f1": [0.3, 0.5], "log_loss": [1.25, 1.75],
            "brier": [0.8, 1.0], "ece": [0.0, 0.01],
        },
    },
}  # fmt: skip
OF_CLASSES = {"mel": [0.25, 0.75], "a|b": [None, None]}
METRICS["ensemble"] = METRICS["svm"] | {
    "recall": {"mel": 0.5, "a|b": 0.75}, "precision": {"mel": 0.625, "a|b": None},
    "auc": {"mel": 0.875, "a|b": 0.875}, "support": {"mel": 9, "a|b": 20},
    "intervals": {
        **METRICS["svm"]["intervals"],
        "recall": OF_CLASSES, "precision": OF_CLASSES, "auc": OF_CLASSES,
    },
}  # fmt: skip
ABOUT = {
    "classes": ["mel", "a|b"],
    "recipe": {
        "review": {"coverage": 0.9, "false_alarm_rate": 0.02},
        "fusion": {"weights": {"sift_fisher": 1.0, "cnn": 0.5}},
    },
    "recipe_fingerprint": "abc",
    "temperatures": {"svm": 0.123456, "lightgbm": 2.0},
    "member_weights": {"svm": 0.75, "lightgbm": 0.25},
    "metadata": [],
    "review": {
        "novelty_threshold": 99.0,
        "figures": {
            "coverage": [0.9125, 1.0], "set_size": 1.5, "large_sets": 0.03, "false_alarms": 0.0196,
        },
    },
    "training": {
        "images": 30, "groups": 20, "fingerprint": "def", "class_counts": {"mel": 10, "a|b": 20},
        "metrics": METRICS, "networks": [], "held_out": [30, 20],
        "doubts": [], "unread": [],
        "calibration": [
            {"above": 0.0, "images": 12, "confidence": 0.4125, "accuracy": 0.5},
            {"above": 0.9, "images": 18, "confidence": 0.95, "accuracy": 1.0},
        ],
        "reasons": {
            "unfamiliar": {
                "images": 0, "wrong": 0, "share": [0.0, 0.0, 0.0], "lift": [None, None, None],
                "found": [0.0, 0.0, 0.0], "told": "too few to tell",
            },
            "uncertain": {
                "images": 6, "wrong": 4, "share": [0.2, 0.1, 0.3], "lift": [4.0, 2.5, 6.0],
                "found": [0.8, 0.5, 1.0], "told": "wrong more often",
            },
            "all images": {"images": 30, "wrong": 5},
        },
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
    assert "Fingerprint of the recipe: `abc`." in flat
    assert "fused with these weights: sift_fisher 1, cnn 0.5. Weights of the members: svm" in flat
    assert "Temperatures: svm 0.123, lightgbm 2." in flat
    assert "prediction set of 90.0 % of the images is to hold the class, and 2.0 % of the" in flat
    assert "| mel   |   91.2 % |" in card
    assert r"| a\|b  |  100.0 % |" in card
    assert "A set held 1.50 classes on average, and more than 3 for 3.0 % of the images; " in flat
    assert "2.0 % of the images were called unfamiliar" in flat
    assert "Classes of fewer than 200 groups get wider sets" in flat
    assert card.endswith("numpy 2.4, lightgbm 4.6\n")
    assert "{" not in card


def test_the_card_of_a_model_that_takes_metadata():
    assert "The probabilities are of an image's pixels alone." in " ".join(
        render_card(ABOUT).split()
    )
    columns = [
        {"name": "age", "words": [], "knots": [0.0, 45.0, 85.5]},
        {"name": "sex", "words": ["female", "male"], "knots": []},
    ]
    alone = {"name": "", "images": 30, "groups": 20, "coverage": 0.885, "set_size": 1.75}
    review = {"figures": ABOUT["review"]["figures"] | {"alone": alone}}
    flat = " ".join(render_card(ABOUT | {"metadata": columns, "review": review}).split())
    assert "where it is known: age (0 to 85.5); sex (female, male)." in flat
    assert "beside their pixels, 88.5 % of the sets would hold the class, and 1.75 classes" in flat


@pytest.mark.parametrize(("held_out", "is_all"), [([30, 20], True), ([29, 19], False)])
def test_networks_say_by_which_images_they_are_judged(held_out, is_all):
    networks = [{"backbone": "efficientnet-lite0", "images_seen": 15}]
    training = ABOUT["training"] | {"networks": networks, "held_out": held_out}
    flat = " ".join(render_card(ABOUT | {"training": training}).split())
    assert "are a member as well: efficientnet-lite0 (15 images seen). " in flat
    assert ("Each image was scored by those that had not seen its group; new" in flat) == is_all
    assert ("come from the 29 images of 19 groups that they have not seen" in flat) != is_all


def cells(card, first):
    """The rows of the table whose first header is called so."""
    table = next(part for part in card.split("\n\n") if part.startswith(f"| {first} "))
    lines = table.strip().splitlines()
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in lines[2:]]


def test_the_sections_of_a_model_card():
    sections = [line[3:] for line in render_card(ABOUT).splitlines() if line.startswith("## ")]
    assert sections == [
        "Intended use", "Data", "How it was fitted", "Out-of-fold performance", "Doubt", "Limits",
        "Licence", "Made with",
    ]  # fmt: skip


def test_the_figures_of_each_class():
    by_class = render_card(ABOUT).partition("class by class")[2]
    assert cells(by_class, "class") == [
        ["mel", "9", "0.500 [0.250, 0.750]", "0.625 [0.250, 0.750]", "0.875 [0.250, 0.750]"],
        [r"a\|b", "20", "0.750", "-", "0.875"],
    ]


def test_calibration_and_reasons():
    card = render_card(ABOUT)
    assert cells(card, "probability") == [
        ["above 0.0", "12", "41.2 %", "50.0 %"],
        ["above 0.9", "18", "95.0 %", "100.0 %"],
    ]
    assert cells(card, "reason") == [
        ["unfamiliar", "0", "0.0 %", "-", "-", "0.0 %", "too few to tell"],
        [
            "uncertain",
            "6",
            "20.0 %",
            "66.7 %",
            "4.000 [2.500, 6.000]",
            "80.0 %",
            "wrong more often",
        ],
        ["all images", "30", "100.0 %", "16.7 %", "", "", ""],
    ]
    assert "`low-quality`, which pixels alone tell, is not counted here." in card
    unknown = ABOUT["training"] | {"calibration": (), "reasons": {}}  # of an older model
    card = render_card(ABOUT | {"training": unknown})
    assert "| probability" not in card
    assert "| reason" not in card
    none_wrong = {"all images": {"images": 30, "wrong": 0}}
    card = render_card(ABOUT | {"training": unknown | {"reasons": none_wrong}})
    assert cells(card, "reason") == [["all images", "30", "100.0 %", "0.0 %", "", "", ""]]


def test_it_is_read_on_two_pages():
    """Of 66 lines each, without the rows of classes."""
    assert len(render_card(ABOUT).splitlines()) < 132


def test_the_metrics():
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in render_metrics({"svm": METRICS["svm"], "ensemble": METRICS["svm"]}).splitlines()
    ]
    assert rows[0] == ["figure", "svm", "ensemble"]
    assert {row[0]: row[1] for row in rows[2:]} == {
        "BMA": "0.500 [0.400, 0.625]",
        "accuracy": "0.250",
        "top-3 accuracy": "0.750 [0.500, 1.000]",
        "macro AUC": "-",
        "macro F1": "0.400 [0.300, 0.500]",
        "log loss": "1.500 [1.250, 1.750]",
        "Brier score": "0.900 [0.800, 1.000]",
        "ECE": "0.000 [0.000, 0.010]",
    }
    assert all(row[1] == row[2] for row in rows[2:])


def test_rendering_changes_nothing():
    before = copy.deepcopy(ABOUT)
    assert render_card(ABOUT) == render_card(ABOUT)
    assert before == ABOUT


@pytest.mark.parametrize("name", ["{classes}", "%s", "<b>"])
def test_names_are_not_templates(name):
    about = {**ABOUT, "training": {**ABOUT["training"], "class_counts": {name: 1}}}
    assert f"| {name}" in render_card(about)


def test_operating_points_have_a_section():
    told = {"sensitivity": [0.75, 0.5, 1.0], "specificity": [0.5, 0.25, 0.75]}
    figures = {**told, "sensitivity_at_specificity_90": [0.25, 0.125, 0.5]}
    lost = figures | {"sensitivity": [0.25, 0.0, 0.5]}
    decision = {
        "points": [{"wanted": 0.9, "threshold": 0.28471, **told}],
        "before": figures, "after": lost,
    }  # fmt: skip
    recipe = ABOUT["recipe"] | {"decision": {"positive": ["mel"], "sensitivity": [0.9]}}
    card = render_card(ABOUT | {"decision": decision, "recipe": recipe})
    assert "To be found: mel. An image has the alert" in " ".join(card.split())
    assert cells(card, "alert") == [
        ["0.9", "0.2847", "0.750 [0.500, 1.000]", "0.500 [0.250, 0.750]"]
    ]
    assert cells(card, "figure                                 ")[0] == [
        "first class positive: sensitivity", "0.750 [0.500, 1.000]", "0.250 [0.000, 0.500]",
    ]  # fmt: skip
