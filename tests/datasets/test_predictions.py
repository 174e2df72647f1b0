"""Predictions come back as probabilities by image and class, and wrong ones are refused."""

import numpy as np
import pytest

from trifuse.datasets.predictions import read_predictions
from trifuse.datasets.table import DatasetError

HEADER = "image,status,label_1,probability_1,label_2,probability_2"
BOTH = "image,status,label_1,probability_1,probability_a,probability_b,message"


def test_top_2_without_the_other_probabilities(read):
    table = read(
        f"{HEADER},message",
        "x.jpg,ok,b,0.7,a,0.2,",
        "broken.jpg,error,,,,,the file is truncated",
        "y.jpg,ok,c,0.6,b,0.4,",
    )
    assert table.images == ("x.jpg", "y.jpg")
    assert table.unread == ("broken.jpg",)
    assert table.classes == ("a", "b", "c")
    np.testing.assert_array_equal(table.probabilities, [[0.2, 0.7, np.nan], [np.nan, 0.4, 0.6]])
    assert not table.complete


def test_probability_columns_name_the_classes_in_their_order(read):
    table = read(
        f"{HEADER},probability_nv,probability_1,probability_mel,message",
        "x.jpg,ok,1,0.5,nv,0.300001,0.300001,0.5,0.2,",
    )
    assert table.classes == ("nv", "1", "mel")
    assert table.complete
    assert table.probabilities[0] == pytest.approx([0.3, 0.5, 0.2], abs=1e-6)
    assert table.probabilities.sum() == pytest.approx(1, abs=1e-15)


def test_the_columns_of_all_classes_as_they_were_in_0_1_0(read):
    header = "image,status,label_1,probability_1,probability_1,probability_of_x,probability_0"
    row = "x.jpg,ok,1,0.5,0.5,0.3,0.2,,1;of_x,"
    table = read(f"{header},review,prediction_set,message", row)
    assert table.classes == ("1", "of_x", "0")
    np.testing.assert_array_equal(table.probabilities, [[0.5, 0.3, 0.2]])


def test_the_columns_of_all_classes(read):
    columns = "probability_of_1,probability_of_of_x,probability_of_0"
    table = read(f"{HEADER},{columns},message", "x.jpg,ok,of_x,0.5,0,0.3,0.2,0.5,0.3,")
    assert table.classes == ("1", "of_x", "0")
    np.testing.assert_array_equal(table.probabilities, [[0.2, 0.5, 0.3]])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_may_have_changed_what_separates_cells(read, separator):
    lines = [f"{HEADER},review,prediction_set,message", " x,ok,b,0.7,a,0.3,,b,"]
    table = read(*(line.replace(",", separator) for line in lines))
    assert (table.images, table.classes) == ((" x",), ("a", "b"))


def test_top_2_with_a_review(read):
    table = read(f"{HEADER},review,prediction_set,message", "x,ok,b,0.7,a,0.3,,b,")
    assert table.classes == ("a", "b")
    np.testing.assert_array_equal(table.probabilities, [[0.3, 0.7]])


def test_nothing_scored(read):
    table = read(f"{HEADER},message", "x.jpg,error,,,,,gone")
    assert (table.images, table.classes, table.probabilities.size) == ((), (), 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,fine,a,1,1,0,", "line 3: the status is 'fine' instead of ok or error"),
        ("x,ok,a,1,much,0,", "line 3: 'much' is no probability"),
        ("x,ok,a,1,nan,1,", "line 3: 'nan' is no probability"),
        ("x,ok,a,1,1.5,0,", "line 3: '1.5' is no probability"),
        ("x,ok,a,0.5,0.5,0.4,", "line 3: the probabilities sum to 0.9 instead of 1"),
        ("x,ok,a,1,1,0.1,", "line 3: the probabilities sum to 1.1 instead of 1"),
    ],
)
def test_refuses_broken_rows_by_line(read, row, message):
    with pytest.raises(DatasetError, match=message):
        read(BOTH, "w.jpg,ok,a,1,1,0,", row)


def test_refuses_an_ok_row_without_a_label(read):
    with pytest.raises(DatasetError, match="line 2: the status is ok, but there is no label"):
        read(f"{HEADER},message", "x,ok,,,,,")


@pytest.mark.parametrize("row", ["x,ok,a,0.5,b,0.4,", "x,ok,a,1,,,"])
def test_refuses_rows_that_hide_the_classes(read, row):
    with pytest.raises(DatasetError, match=r"name only a.*run predict with --probabilities"):
        read(f"{HEADER},message", row)


def test_refuses_what_cannot_be_read(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .*gone\.csv: No such file or directory"):
        read_predictions(tmp_path / "gone.csv")
