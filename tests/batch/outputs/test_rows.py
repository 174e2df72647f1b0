"""What a row says of an image, before it has a format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.rows import RowLayout, list_cells, list_columns, make_row
from trifuse.classifiers.reasons import rank_classes

CLASSES = ("a", "b", "c")
ITEM = Item("x.jpg", columns=("left", ""))
RECORD = Record((0.2, 0.3, 0.5))


def test_the_columns_that_were_promised():
    layout = RowLayout(CLASSES, 2, probabilities=True, extra=("site", "age"))
    assert ",".join(list_columns(layout)) == (
        "image,status,label_1,probability_1,label_2,probability_2,"
        "probability_of_a,probability_of_b,probability_of_c,review,prediction_set,site,age,message"
    )
    assert ",".join(list_columns(RowLayout(CLASSES, 1))) == (
        "image,status,label_1,probability_1,review,prediction_set,message"
    )


@pytest.mark.parametrize("top", [1, 3, 5])
def test_no_two_columns_have_one_name(top):
    classes = ("0", "1", "2", "of_1", "3", "label_1")
    columns = list_columns(RowLayout(classes, top, probabilities=True))
    assert len(set(columns)) == len(columns) == 2 + 2 * top + len(classes) + 3


@pytest.mark.parametrize("top", [1, 2, 3])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("extra", [(), ("site", "age")])
@pytest.mark.parametrize("record", [RECORD, Record(None, "gone")])
def test_a_row_fits_its_columns(top, every, extra, record):
    layout = RowLayout(CLASSES, top, every, extra)
    row = make_row(ITEM, record, "x", layout)
    cells = dict(zip(list_columns(layout), list_cells(row, layout), strict=True))
    assert cells["image"] == "x"
    assert [cells.get(name) for name in ("site", "age")] == (
        ["left", ""] if extra else [None, None]
    )
    ranked = [(cells[f"label_{k}"], cells[f"probability_{k}"]) for k in range(1, top + 1)]
    each = [cells.get(f"probability_of_{name}") for name in CLASSES]
    if record is RECORD:
        assert (cells["status"], cells["message"]) == ("ok", "")
        assert ranked == [("c", 0.5), ("b", 0.3), ("a", 0.2)][:top]
        assert each == ([0.2, 0.3, 0.5] if every else [None] * 3)
    else:
        assert (cells["status"], cells["message"]) == ("error", "gone")
        assert ranked == [(None, None)] * top
        assert each == [None] * 3
        assert (cells["review"], cells["prediction_set"]) == ((), ())


def test_the_first_of_equally_probable_classes_comes_first():
    assert make_row(ITEM, Record((1 / 3,) * 3), "x", RowLayout(CLASSES, 3)).labels == CLASSES


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, np.nextafter(0.5, 1)]), max_size=7))
def test_ranking_is_a_stable_sort(probabilities):
    expected = np.argsort(-np.array(probabilities), kind="stable").tolist()
    assert rank_classes(probabilities) == expected


def test_numbers_become_plain_floats():
    row = make_row(ITEM, Record(tuple(np.array([0.25, 0.75]))), "x", RowLayout(("a", "b"), 2, True))
    assert {type(number) for number in row.probabilities + row.class_probabilities} == {float}


@pytest.mark.parametrize(
    ("change", "top", "review"),
    [
        ({}, 1, ()),
        ({"unfamiliar": True}, 1, ("unfamiliar",)),
        ({"prediction_set": (2,)}, 1, ()),
        ({"prediction_set": (2, 0)}, 1, ("uncertain",)),
        ({"prediction_set": (2, 0)}, 2, ()),
        ({"prediction_set": (2, 0, 1)}, 3, ()),
        ({"prediction_set": (1,)}, 3, ("prior-conflict",)),
        ({"prediction_set": (1, 0)}, 1, ("uncertain", "prior-conflict")),
        ({"flaws": ("too dark",)}, 1, ("low-quality",)),
        (
            {"flaws": ("too dark",), "prediction_set": (2, 0), "unfamiliar": True},
            1,
            ("unfamiliar", "uncertain", "low-quality"),
        ),
    ],
)
def test_reasons_to_look_at_an_image(change, top, review):
    assert make_row(ITEM, RECORD._replace(**change), "x", RowLayout(CLASSES, top)).review == review


def test_a_prediction_set_keeps_its_order():
    row = make_row(ITEM, RECORD._replace(prediction_set=(2, 0)), "x", RowLayout(CLASSES, 1))
    assert row.prediction_set == ("c", "a")


def test_flaws_are_the_message_of_an_image_that_was_scored():
    record = RECORD._replace(flaws=("too dark", "blurred"))
    assert make_row(ITEM, record, "x", RowLayout(CLASSES, 1)).message == "too dark, blurred"


def test_an_error_needs_no_review():
    record = Record(None, "gone", unfamiliar=True, flaws=("dark",), prediction_set=(0, 1))
    row = make_row(ITEM, record, "x", RowLayout(CLASSES, 1))
    assert (row.review, row.prediction_set, row.message) == ((), (), "gone")


@pytest.mark.parametrize(
    ("columns", "carried"), [((), ("", "")), (("a",), ("a", "")), (("a", "b"), ("a", "b"))]
)
def test_an_input_from_no_table_has_empty_columns(columns, carried):
    layout = RowLayout(CLASSES, 1, extra=("p", "q"))
    assert make_row(Item("x", columns=columns), RECORD, "x", layout).columns == carried
