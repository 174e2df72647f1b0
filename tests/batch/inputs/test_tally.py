"""What is passed over is told, a sentence a kind."""

import pytest

from trifuse.batch.inputs.kinds import Kind
from trifuse.batch.inputs.tally import Tally

TOLD = set(Kind) - {Kind.IMAGE, Kind.FOLDER, Kind.LEFT_OUT}


@pytest.mark.parametrize("kind", sorted(TOLD, key=lambda kind: kind.value))
def test_every_kind_has_a_sentence_for_one_and_for_many(kind, warnings):
    for n in (1, 2):
        tally = Tally("there")
        tally.add(Kind.IMAGE)
        for _ in range(n):
            tally.add(kind)
        tally.tell(warnings.append)
    one, many = warnings
    assert one.startswith("there: passed over 1 ")
    assert many.startswith("there: passed over 2 ")
    assert one.endswith(".")
    assert many.endswith(".")
    assert one.replace(" 1 ", " 2 ") != many


def test_many_are_grouped_by_thousands(warnings):
    tally = Tally("x")
    for _ in range(1234):
        tally.add(Kind.OTHER)
    tally.tell(warnings.append)
    assert warnings[0] == "x: passed over 1,234 files without an image's suffix."


@pytest.mark.parametrize(
    ("kinds", "whole", "told"),
    [
        ([], True, ["x: holds no image."]),
        ([Kind.FOLDER], True, ["x: holds no image."]),
        ([], False, []),
        ([Kind.IMAGE], True, []),
        ([Kind.LEFT_OUT], True, []),
    ],
)
def test_an_empty_place_is_told(kinds, whole, told, warnings):
    tally = Tally("x")
    for kind in kinds:
        tally.add(kind)
    tally.tell(warnings.append, whole=whole)
    assert warnings == told
