"""Curves are scikit-learn's at every point, and their bands resample lesions."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from trifuse.studies.evaluation.detection_curves import GRID, measure_detection
from trifuse.studies.evaluation.matched import match_predictions

CLASSES = ["df", "mel", "nv", "vasc"]


@pytest.fixture
def scored():
    """Probabilities that often are wrong, and labels, of 60 images."""
    draw = np.random.default_rng(0)
    labels = draw.choice(4, size=60, p=[0.1, 0.2, 0.5, 0.2])
    raw = draw.dirichlet(np.ones(4), 60) + 0.15 * np.eye(4)[labels]
    return raw / raw.sum(axis=1, keepdims=True), labels


@pytest.fixture
def match(scored, write, truth):
    def match_images(whole=True, **options):
        return match_predictions(write(scored[0], whole=whole), truth, **options)

    return match_images


def test_each_class_has_its_curves(match, scored):
    probabilities, labels = scored
    curves = measure_detection(match())
    assert [one.name for one in curves] == CLASSES
    for column, one in enumerate(curves):
        positive, scores = labels == column, probabilities[:, column]
        assert (one.n_positive, one.n_images) == (positive.sum(), 60)
        assert one.roc_auc.value == pytest.approx(roc_auc_score(positive, scores))
        assert one.pr_auc.value == pytest.approx(average_precision_score(positive, scores))
        for place in (0, 20, 57, 133, 200):
            expected = slow_point(scores, positive, GRID[place])
            found = (one.sensitivity[0, place], one.precision[0, place])
            assert found == pytest.approx(expected), (column, place)


def slow_point(scores, positive, rate):
    """The best sensitivity with at most this fallout, and precision where recall first is it."""
    thresholds = np.unique(scores)[::-1]
    taken = [scores >= threshold for threshold in thresholds]
    sensitivity = max(
        [positive[one].sum() / positive.sum() for one in taken
         if (one & ~positive).sum() / (~positive).sum() <= rate + 1e-9], default=0,
    )  # fmt: skip
    first = next(one for one in taken if positive[one].sum() / positive.sum() >= rate - 1e-9)
    return sensitivity, positive[first].mean()


def test_positive_classes_have_one_curve(match, scored):
    probabilities, labels = scored
    (one,) = measure_detection(match(), ["VASC", "mel"])
    assert one.name == "mel + vasc"
    positive, scores = np.isin(labels, [1, 3]), probabilities[:, [1, 3]].sum(axis=1)
    assert one.roc_auc.value == pytest.approx(roc_auc_score(positive, scores))


def test_bands_hold_the_curve_and_resample_lesions(scored, write):
    """Each image twice, as one lesion or as two: the curve is the same, its band is not."""
    probabilities, labels = scored
    truth = {str(row): CLASSES[label] for row, label in enumerate(np.repeat(labels, 2))}
    pairs = {str(row): str(row // 2) for row in range(120)}
    (once,) = measure_detection(
        match_predictions(
            write(probabilities), {str(row): CLASSES[label] for row, label in enumerate(labels)}
        ),
        ["nv"],
    )
    path = write(np.repeat(probabilities, 2, axis=0))
    (lesions,) = measure_detection(match_predictions(path, truth, pairs), ["nv"])
    (images,) = measure_detection(match_predictions(path, truth), ["nv"])
    for one in (images, lesions):
        for value, low, high in (one.sensitivity, one.precision):
            assert (low <= value).all()
            assert (value <= high).all()
    np.testing.assert_allclose(once.sensitivity, lesions.sensitivity)
    np.testing.assert_allclose(once.precision, lesions.precision)
    widths = [np.mean(one.sensitivity[2] - one.sensitivity[1]) for one in (images, lesions)]
    assert widths[1] > 1.2 * widths[0]


def test_of_a_few_probabilities_there_are_none(match):
    assert measure_detection(match(whole=False)) == []


def test_a_class_without_images_has_none(scored, write, truth):
    left = {image: name for image, name in truth.items() if name != "df"}
    images = match_predictions(write(scored[0]), left)
    assert [one.name for one in measure_detection(images)] == CLASSES[1:]
