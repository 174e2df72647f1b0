"""What a card tells of calibration and of the reasons for a review, counted by hand."""

import json

import numpy as np
import pytest

from trifuse.classifiers.held_out_figures import describe_held_out
from trifuse.classifiers.review import HeldOut

LABELS = np.array([0, 1, 2, 3, 0, 1])
FIRST = np.array([0, 1, 2, 0, 0, 2])
"""The most probable classes: the fourth and the last are wrong."""
CONFIDENCE = np.array([0.4, 0.5, 0.55, 0.6, 1.0 + 1e-16, 0.91])
GROUPS = np.arange(6)
SIZES = [4, 4, 3, 5, 1, 1]


@pytest.fixture
def held():
    probabilities = np.tile((1 - CONFIDENCE[:, None]) / 4, 5)
    probabilities[np.arange(6), FIRST] = CONFIDENCE
    sets = np.array([[index < size for index in range(5)] for size in SIZES])
    unfamiliar = np.array([False, True, False, False, True, False])
    return HeldOut(np.arange(6), probabilities, sets, unfamiliar)


def test_the_calibration_curve(held):
    curve = describe_held_out(held, LABELS, GROUPS)["calibration"]
    assert [(row["above"], row["images"]) for row in curve] == [(0.0, 2), (0.5, 2), (0.9, 2)]
    assert [row["confidence"] for row in curve] == pytest.approx([0.45, 0.575, 0.955])
    assert [row["accuracy"] for row in curve] == [1.0, 0.5, 0.5]


def test_no_image_is_lost(held):
    above = held.probabilities * (1 + 1e-9)  # sums of float64 may lie above one
    curve = describe_held_out(HeldOut(held.rows, above, held.sets, held.unfamiliar), LABELS, GROUPS)
    assert sum(row["images"] for row in curve["calibration"]) == 6


def test_the_reasons(held):
    found = describe_held_out(held, LABELS, GROUPS)["reasons"]
    counts = {name: (one["images"], one["wrong"]) for name, one in found.items()}
    assert counts == {
        "unfamiliar": (2, 0),
        "uncertain": (3, 1),
        "any": (4, 1),
        "all images": (6, 2),
    }
    assert found["uncertain"]["flagged"][0] == pytest.approx(1 / 3)
    assert found["uncertain"]["lift"][0] == pytest.approx(1)
    assert found["uncertain"]["told"] == "too few to tell"
    json.dumps(found, allow_nan=False)


def test_flaws_are_a_reason_where_they_are_known(held):
    flawed = np.array([True, False, False, True, False, False])
    found = describe_held_out(held, LABELS, GROUPS, flawed)["reasons"]
    assert (found["low-quality"]["images"], found["low-quality"]["wrong"]) == (2, 1)
    assert found["any"]["images"] == 4
