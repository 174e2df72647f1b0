"""What is known of images beside their pixels, as numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.classifiers.metadata import (
    LEAST_IMAGES,
    MetadataColumn,
    encode_metadata,
    learn_column,
    metadata_from,
    metadata_to_entry,
)

AGE = MetadataColumn("age", knots=(20.0, 40.0, 80.0))
SEX = MetadataColumn("sex", words=("female", "male"))


@given(number=st.floats(-1e300, 1e300))
def test_a_number_lies_between_two_knots(number):
    (encoded,) = AGE.encode([f"{number!r}"])
    assert encoded.sum() == pytest.approx(1)
    assert np.count_nonzero(encoded) <= 2
    assert encoded @ AGE.knots == pytest.approx(np.clip(number, 20, 80))


@pytest.mark.parametrize(
    "cell", ["", " ", "nan", "NaN", "NA", "missing", "Unknown", "adult", "inf", "-", "?", "85+"]
)
def test_what_is_no_number_says_nothing(cell):
    assert not AGE.encode([cell]).any()


@pytest.mark.parametrize("cell", ["", "unknown", "males", "0"])
def test_a_strange_word_says_nothing(cell):
    assert not SEX.encode([cell]).any()


def test_words_are_compared_without_their_case():
    np.testing.assert_array_equal(SEX.encode([" MALE ", "female"]), [[0, 1], [1, 0]])


def test_a_column_of_numbers_has_knots_at_quantiles():
    cells = [str(number) for number in range(1001)]
    column = learn_column("age", [*cells, "", "unknown", "NA", "85+"])
    assert column.knots == pytest.approx([20, 180, 340, 500, 660, 820, 980])
    assert column.describe() == "of age are known: numbers from 20 to 980"


def test_beyond_the_outer_knots_are_as_many_as_a_word_needs():
    cells = ["101", "102"] + [str(20 + number % 60) for number in range(398)]
    assert max(learn_column("age", cells).knots) < 80


def test_knots_are_rounded():
    rng = np.random.default_rng(0)
    values = rng.normal(5000, 700, size=141)
    knots = learn_column("number", [repr(value) for value in values.tolist()]).knots
    assert not set(knots) & set(values.tolist())
    assert all(knot == round(knot, -2) for knot in knots)


def test_no_word_is_learnt_of_what_is_unknown():
    cells = ["f", "m", "NA", "null", "?"] * 30
    assert learn_column("sex", cells).words == ("f", "m")


def test_few_numbers_are_words():
    types = [str(number) for number in range(1, 7)] * LEAST_IMAGES
    assert learn_column("phototype", types).words == ("1", "2", "3", "4", "5", "6")


def test_numbers_among_words_say_nothing():
    cells = [str(number) for number in range(50)] + ["back", "face"] * LEAST_IMAGES
    assert learn_column("site", cells).words == ("back", "face")


def test_rare_words_stand_nowhere():
    cells = ["Back", "face "] * LEAST_IMAGES + ["Jane Doe"] * (LEAST_IMAGES - 1)
    column = learn_column("site", cells)
    assert column.words == ("back", "face")
    assert not column.encode(["Jane Doe"]).any()


@pytest.mark.parametrize("cells", [[], [""] * 99, ["male"] * 99, [str(n) for n in range(9)]])
def test_a_column_that_says_nothing(cells):
    with pytest.raises(ValueError, match=r"^the column 'sex' has neither numbers nor two words of"):
        learn_column("sex", cells)


def test_columns_that_are_not_there_say_nothing():
    age, sex = encode_metadata([AGE, SEX], {"age": ["20", "x"]}, 2)
    np.testing.assert_array_equal(age, [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(sex, np.zeros((2, 2)))


def test_they_come_back():
    entry = json.loads(json.dumps(metadata_to_entry([AGE, SEX])))
    assert metadata_from(entry) == (AGE, SEX)
    assert metadata_from([]) == ()


SOUND = {"name": "age", "words": [], "knots": [1.0, 2.0]}


@pytest.mark.parametrize(
    "entry",
    [
        None, {}, [None], [{}], [{**SOUND, "more": 1}], [SOUND, SOUND], [{**SOUND, "name": 1}],
        [{**SOUND, "knots": [2.0, 1.0]}], [{**SOUND, "knots": [1.0, 1.0]}],
        [{**SOUND, "knots": [1.0, float("inf")]}], [{**SOUND, "knots": ["1"]}],
        [{**SOUND, "knots": []}], [{**SOUND, "knots": [float(n) for n in range(9)]}],
        [{**SOUND, "knots": [], "words": [f"{n:03d}" for n in range(101)]}],
        [{**SOUND, "words": ["a"]}], [{**SOUND, "words": None}],
        [{**SOUND, "knots": [], "words": ["b", "a"]}], [{**SOUND, "knots": [], "words": ["A"]}],
        [{**SOUND, "knots": [], "words": ["", "a"]}], [{**SOUND, "knots": [], "words": [1]}],
    ],
)  # fmt: skip
def test_what_is_no_column(entry):
    with pytest.raises(ValueError, match=r"^its columns of metadata are not sound$"):
        metadata_from(entry)
