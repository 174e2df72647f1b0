"""Operating points: fixed by lesions, measured fold by fold, read back or refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.conformal import find_floor
from trifuse.classifiers.decision import (
    AT_SPECIFICITY,
    FIGURES,
    Decision,
    Findings,
    OperatingPoint,
    decision_from,
    decision_to_entry,
    find_positive,
)
from trifuse.classifiers.decision_fitting import fit_decision
from trifuse.classifiers.ensemble import ENSEMBLE, IMAGES_ALONE, OutOfFold
from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe

CLASSES = ("bcc", "mel", "nv")
RECIPE = Recipe.from_dict({"decision": {"positive": ["mel", "bcc"], "sensitivity": [0.9, 0.8]}})


def draw(n_lesions, seed):
    """Draw probabilities of lesions of one to three images, and folds that keep them together."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_lesions), rng.integers(1, 4, n_lesions))
    labels = rng.integers(0, 3, n_lesions)[groups]
    scores = rng.normal(size=(n_lesions, 3))[groups] + rng.normal(size=(len(groups), 3)) / 2
    scores[np.arange(len(labels)), labels] += 1.5
    powers = np.exp(scores)
    tests = [np.flatnonzero(groups % 4 == fold) for fold in range(4)]
    folds = [(np.setdiff1d(np.arange(len(groups)), rows), rows) for rows in tests]
    return powers / powers.sum(axis=1, keepdims=True), labels, groups, folds


def fit(probabilities, labels, groups, folds, before=None, rows=None, alone=None):
    rows = np.arange(len(labels)) if rows is None else rows
    before = probabilities if before is None else before
    judged = {ENSEMBLE: probabilities[rows]}
    if alone is not None:
        judged[IMAGES_ALONE] = alone[rows]
    told = OutOfFold(rows, judged, before[rows], np.empty((0, 0)))
    return fit_decision(labels, groups, folds, told, (0, 1), RECIPE)


def test_thresholds_are_floors_of_all_positive_classes_together():
    probabilities, labels, groups, folds = draw(900, 0)
    points = fit(probabilities, labels, groups, folds).findings.points
    assert [point.wanted for point in points] == [0.8, 0.9]
    positive, scores = labels < 2, probabilities[:, 0] + probabilities[:, 1]
    for point in points:
        expected = find_floor(scores[positive], groups[positive], point.wanted)
        assert point.threshold == pytest.approx(expected, abs=1e-12)
        assert np.mean(scores[positive] >= point.threshold) == pytest.approx(point.wanted, abs=0.01)


def test_the_figures_are_of_thresholds_that_the_other_folds_gave():
    probabilities, labels, groups, folds = draw(300, 1)
    positive, scores = labels < 2, probabilities[:, :2].sum(axis=1)
    for point in fit(probabilities, labels, groups, folds).findings.points:
        alerts = np.zeros(len(labels), bool)
        for others, rows in folds:
            known = others[positive[others]]
            alerts[rows] = scores[rows] >= find_floor(scores[known], groups[known], point.wanted)
        assert point.sensitivity.value == pytest.approx(alerts[positive].mean())
        assert point.specificity.value == pytest.approx(1 - alerts[~positive].mean())
        for found in (point.sensitivity, point.specificity):
            assert found.low < found.value < found.high


def test_points_are_measured_for_images_alone_too():
    """Under the thresholds of images of which more is known."""
    probabilities, labels, groups, folds = draw(300, 1)
    plain = fit(probabilities, labels, groups, folds).findings.points
    assert [point.alone for point in plain] == [None, None]
    alone = probabilities**0.7
    alone /= alone.sum(axis=1, keepdims=True)
    points = fit(probabilities, labels, groups, folds, alone=alone).findings.points
    positive, scores = labels < 2, alone[:, :2].sum(axis=1)
    for one, point in zip(plain, points, strict=True):
        assert replace(point, alone=None) == one
        alerts = np.zeros(len(labels), bool)
        for others, rows in folds:
            known = others[positive[others]]
            sums = probabilities[known][:, :2].sum(axis=1)
            alerts[rows] = scores[rows] >= find_floor(sums, groups[known], point.wanted)
        sensitivity, specificity = point.alone
        assert sensitivity.value == pytest.approx(alerts[positive].mean())
        assert specificity.value == pytest.approx(1 - alerts[~positive].mean())


def test_new_lesions_are_found_as_asked():
    found = []
    for seed in range(6):
        decision = fit(*draw(1200, seed))
        probabilities, labels, _, _ = draw(1200, 100 + seed)
        rows = probabilities[labels < 2]
        alerts = [[decision.alert(row) == 0.8, decision.alert(row) is not None] for row in rows]
        found.append(np.mean(alerts, axis=0))
    np.testing.assert_allclose(np.mean(found, axis=0), [0.8, 0.9], atol=0.02)


def test_only_rows_that_are_judged_count():
    probabilities, labels, groups, folds = draw(300, 2)
    rows = np.flatnonzero(groups % 3 > 0)
    part = fit(probabilities, labels, groups, folds, rows=rows).findings
    inside = [np.flatnonzero(np.isin(rows, test)) for _, test in folds]
    own = [(np.setdiff1d(np.arange(len(rows)), one), one) for one in inside]
    assert part == fit(probabilities[rows], labels[rows], groups[rows], own).findings


def test_what_calibration_did_to_the_first_class():
    """Shifted towards nv the first class finds less; the order of the sums is what it was."""
    before, labels, groups, folds = draw(300, 3)
    after = before * [1, 1, 4]
    after /= after.sum(axis=1, keepdims=True)
    findings = fit(after, labels, groups, folds, before).findings
    positive = labels < 2
    for told, probabilities in ((findings.before, before), (findings.after, after)):
        first = probabilities.argmax(axis=1) < 2
        assert told["sensitivity"].value == pytest.approx(first[positive].mean())
        assert told["specificity"].value == pytest.approx(1 - first[~positive].mean())
    assert findings.after["sensitivity"].value < findings.before["sensitivity"].value
    assert findings.after[AT_SPECIFICITY] == findings.before[AT_SPECIFICITY]


def test_too_few_lesions_for_a_threshold_alert_always():
    probabilities, labels, groups, folds = draw(12, 4)
    assert [point.threshold for point in fit(probabilities, labels, groups, folds).findings.points][
        -1
    ] == 0


def test_the_classes_to_be_found():
    assert find_positive(RECIPE, CLASSES) == (0, 1)
    assert find_positive(Recipe(), CLASSES) == ()
    with pytest.raises(RecipeError, match=r"names 'bcc', which is none .* archive: mel, nv\.$"):
        find_positive(RECIPE, ("mel", "nv"))
    with pytest.raises(RecipeError, match="names every class"):
        find_positive(RECIPE, ("bcc", "mel"))


ONE = Estimate(0.5, 0.25, 1.0)
DECISION = Decision(
    (0, 1),
    Findings(
        (OperatingPoint(0.8, 0.5, ONE, ONE), OperatingPoint(0.9, 0.25, ONE, ONE)),
        dict.fromkeys(FIGURES, ONE),
        dict.fromkeys(FIGURES, ONE),
    ),
)


def test_an_image_has_the_alert_of_the_strictest_point_that_it_reaches():
    for share, alert in ((1, 0.8), (0.5, 0.8), (0.49, 0.9), (0.25, 0.9), (0.2, None), (0, None)):
        assert DECISION.alert(np.array([share / 2, share / 2, 1 - share])) == alert


def test_what_is_written_is_read():
    entry = json.loads(json.dumps(decision_to_entry(DECISION), allow_nan=False))
    assert decision_from(entry, RECIPE, CLASSES) == DECISION
    assert decision_to_entry(None) is None
    assert decision_from(None, Recipe(), CLASSES) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: None, "do not fit"),
        (lambda entry: {**entry, "points": []}, "not those of its recipe"),
        (lambda entry: {**entry, "points": entry["points"][::-1]}, "not those of its recipe"),
        (lambda entry: {**entry, "before": {}}, "not those of its recipe"),
        (lambda entry: {**entry, "after": {"sensitivity": [1, 1]}}, "do not fit"),
        (lambda entry: entry["points"][0].update(threshold=2.0) or entry, "do not fit"),
        (
            lambda entry: entry["points"][0].update(threshold=0.1) or entry,
            "not those of its recipe",
        ),
    ],
)
def test_unsound_points_are_refused(change, message):
    entry = json.loads(json.dumps(decision_to_entry(DECISION)))
    with pytest.raises(ValueError, match=message):
        decision_from(change(entry), RECIPE, CLASSES)


def test_points_that_no_recipe_asks_for_are_refused():
    with pytest.raises(ValueError, match="not those of its recipe"):
        decision_from(decision_to_entry(DECISION), Recipe(), CLASSES)
