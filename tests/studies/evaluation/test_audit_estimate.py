"""Figures of a whole night from a part of it: their intervals hold what they promise."""

import numpy as np
import pytest

from trifuse.studies.evaluation import audit_estimate
from trifuse.studies.evaluation.audit_estimate import (
    UNDECIDED,
    UNSURE,
    Counted,
    audit_night,
    count_known,
    estimate_share,
)

CLASSES = ("mel", "nv", "bkl")
N_NIGHTS = 400


def draw_night(draw, n_images=1000, n_drawn=150, n_doubtful=150):
    """Draw a night in the order of doubts: first classes, truth, what is decided, the audit."""
    shares = draw.dirichlet([0.5, 1.5, 0.6], n_images)
    shares = shares[np.argsort(shares.max(axis=1))]
    truth = (shares.cumsum(axis=1) > draw.random((n_images, 1))).argmax(axis=1)
    is_drawn = np.zeros(n_images, bool)
    is_drawn[draw.choice(n_images, n_drawn, replace=False)] = True
    labels = np.where(is_drawn | (np.arange(n_images) < n_doubtful), truth, UNDECIDED)
    return shares.argmax(axis=1), truth, labels, is_drawn


@pytest.fixture(scope="module")
def nights():
    """Estimates of drawn nights, and what is so; fewer draws an interval than usual are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_estimate, "N_DRAWS", 2000)
        return list(estimate_nights(np.random.default_rng(7)))


def estimate_nights(draw):
    for _ in range(N_NIGHTS):
        first, truth, labels, is_drawn = draw_night(draw)
        right = first == truth
        so = {"accuracy": right.mean()}
        so |= {f"recall {name}": right[truth == place].mean() for place, name in enumerate(CLASSES)}
        yield audit_night(first, labels, is_drawn, CLASSES, 150), so


@pytest.mark.parametrize("kind", ["alone", "weighted"])
def test_intervals_cover_the_night_as_often_as_they_say(nights, kind):
    inside = []
    for night, so in nights:
        for name, value in so.items():
            estimate = getattr(night, kind)[name]
            assert estimate.low <= estimate.value <= estimate.high
            inside.append(estimate.low <= value <= estimate.high)
    assert 0.93 <= np.mean(inside) <= 0.97


def test_estimates_are_unbiased_though_doubt_chose_most(nights):
    for name in nights[0][1]:
        for kind in ("alone", "weighted"):
            errors = [getattr(night, kind)[name].value - so[name] for night, so in nights]
            assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(N_NIGHTS)


def test_doubtful_images_make_intervals_narrower(nights):
    for name in nights[0][1]:
        widths = [
            np.mean([getattr(night, kind)[name].high - getattr(night, kind)[name].low
                     for night, _ in nights])
            for kind in ("weighted", "alone")
        ]  # fmt: skip
        assert widths[0] < 0.98 * widths[1]


def test_weights_are_inverse_probabilities():
    # Of 100 others 20 were drawn: each stands for five.
    found = estimate_share(Counted(3, 7, 2), Counted(12, 4, 4), 100)
    assert found.value == pytest.approx((3 + 5 * 12) / (3 + 7 + 5 * 16))


def test_the_interval_is_jeffreys_where_the_night_is_large():
    from scipy.stats import beta

    found = estimate_share(Counted(0, 0, 0), Counted(45, 5, 0), 10**7)
    assert found[1:] == pytest.approx(beta.ppf([0.025, 0.975], 45.5, 5.5), abs=0.005)


def test_what_is_wholly_known_has_no_interval():
    assert estimate_share(Counted(3, 1, 0), Counted(0, 0, 0), 0) == (0.75, 0.75, 0.75)
    assert estimate_share(Counted(1, 1, 0), Counted(2, 0, 0), 2) == (0.75, 0.75, 0.75)


def test_no_error_drawn_is_no_proof_that_there_is_none():
    value, low, high = estimate_share(Counted(0, 0, 0), Counted(30, 0, 0), 1000)
    assert (value, high) == (1, 1)
    assert 0.9 < low < 0.95


def test_nothing_is_said_without_a_sample():
    assert np.isnan(estimate_share(Counted(5, 1, 0), Counted(0, 0, 0), 10)).all()
    assert np.isnan(estimate_share(Counted(0, 0, 0), Counted(0, 0, 9), 10).value)


def test_unsure_images_are_in_no_figure_and_gaps_end_what_is_known():
    first = np.array([0, 1, 1, 0, 1, 0])
    labels = np.array([0, UNSURE, 1, UNDECIDED, 0, UNDECIDED])
    is_drawn = np.array([False, False, False, False, True, False])
    assert count_known(labels, is_drawn) == 3
    night = audit_night(first, labels, is_drawn, ("a", "b"), 2)
    assert (night.n_known, night.n_drawn, night.n_decided, night.n_unsure) == (3, 2, 1, 0)
    assert night.alone["accuracy"].value == 0
    assert night.weighted["accuracy"].value == pytest.approx(2 / (2 + 3))
    assert night.warning.startswith("1 of the 2 images drawn are not decided: ")


def test_the_draw_itself_does_not_lengthen_what_is_known():
    labels, is_drawn = np.array([0, 0, 0, UNDECIDED]), np.array([False, True, True, False])
    assert count_known(labels, is_drawn) == 1
    assert count_known(labels, np.ones(4, bool)) == 0
