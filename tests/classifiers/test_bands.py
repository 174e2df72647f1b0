"""Groups of images by what is known of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.classifiers.bands import MISSING, find_band, name_stratum

AGES = {"age": (0.0, 40.0, 60.0)}


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("-0.5", "below 0"), ("0", "0 to below 40"), ("39.99", "0 to below 40"),
        ("40.0", "40 to below 60"), ("60", "60 and above"), ("1e9", "60 and above"),
        ("", MISSING), ("nan", MISSING), ("NaN", MISSING), ("missing", MISSING),
    ],
)  # fmt: skip
def test_a_number_is_in_the_band_that_begins_at_it_or_before(cell, name):
    assert find_band(cell, AGES["age"]).name == name


@given(st.floats(-100, 200), st.floats(-100, 200))
def test_bands_are_in_the_order_of_their_numbers(one, other):
    low, high = sorted((one, other))
    assert find_band(str(low), AGES["age"])[:2] <= find_band(str(high), AGES["age"])[:2]


def test_values_without_bands_are_groups_of_their_own():
    cells = ["10", "9", "trunk", "", "9"]
    assert [band.name for band in sorted(map(find_band, cells))] == [
        "9",
        "9",
        "10",
        "trunk",
        MISSING,
    ]


def test_what_is_no_number_has_no_band():
    with pytest.raises(ValueError, match=r"'old' is no number"):
        find_band("old", AGES["age"])


def test_strata_of_several_columns():
    def name(*cells):
        return name_stratum(("age", "sex"), AGES, cells)

    assert name("41", "male") == "40 to below 60, male"
    assert name(" 41 ", "") == "40 to below 60, missing"
    assert name("old", "male") == "missing, male"
    assert name() == "missing, missing"
    assert name_stratum((), {}, ()) == ""
