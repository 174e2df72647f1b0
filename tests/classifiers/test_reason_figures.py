"""Whether a reason for a review tells more than chance."""

import math

import numpy as np
import pytest

from trifuse.classifiers.reason_figures import ANY, FEW_LESIONS, measure_reasons

N = 400
WRONG = np.arange(N) % 4 == 0
"""A quarter of the images."""
GROUPS = np.arange(N) // 2


def flag(*rows):
    return np.isin(np.arange(N), np.concatenate(rows))


def test_figures_are_those_counted_by_hand():
    chosen = flag(np.flatnonzero(WRONG)[:30], np.flatnonzero(~WRONG)[:10])
    one = measure_reasons({"odd": chosen}, WRONG, GROUPS)["odd"]
    assert (one.images, one.wrong) == (40, 30)
    assert one.lesions == len(set(GROUPS[chosen]))
    assert one.share.value == 40 / 400
    assert one.flagged.value == 30 / 40
    assert one.unflagged.value == 70 / 360
    assert one.lift.value == pytest.approx(3)
    assert one.found.value == 30 / 100
    assert one.cost == 40 / 30
    assert one.judge() == "wrong more often"
    assert one.lift.low <= one.lift.value <= one.lift.high


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (np.arange(200), "no better than chance"),
        (np.flatnonzero(~WRONG)[:200], "wrong less often"),
        (np.arange(2 * FEW_LESIONS - 2), "too few to tell"),
        (np.array([], int), "too few to tell"),
    ],
)
def test_what_is_told_of_a_reason(rows, told):
    assert measure_reasons({"odd": flag(rows)}, WRONG, GROUPS)["odd"].judge() == told


def test_images_of_one_lesion_are_no_independent_evidence():
    """Twenty lesions of ten images each tell as little as twenty images."""
    chosen = np.arange(N) < 100
    wrong = (np.arange(N) // 10) % 3 == 0
    alone, together = (
        measure_reasons({"odd": chosen}, wrong, groups)["odd"].lift
        for groups in (np.arange(N), np.arange(N) // 10)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_any_reason():
    first, second = flag(np.arange(20)), flag(np.arange(10, 50))
    found = measure_reasons({"one": first, "other": second}, WRONG, GROUPS)
    assert list(found) == ["one", "other", ANY]
    assert found[ANY].images == 50
    assert measure_reasons({}, WRONG, GROUPS) == {}


def test_nothing_wrong_and_nothing_flagged():
    one = measure_reasons({"odd": flag(np.arange(40))}, np.zeros(N, bool), GROUPS)["odd"]
    assert one.flagged.value == 0
    assert math.isnan(one.lift.value)
    assert math.isnan(one.cost)
    assert one.judge() == "no better than chance"
    none = measure_reasons({"odd": np.zeros(N, bool)}, WRONG, GROUPS)["odd"]
    assert math.isnan(none.flagged.value)
    assert none.share.value == 0
