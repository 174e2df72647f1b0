"""Every file that predict writes comes back row by row, and what is none is refused by line."""

import numpy as np
import pytest

from trifuse.datasets.predictions import read_predictions
from trifuse.datasets.table import DatasetError

HEADER = "image,status,label_1,probability_1,label_2,probability_2"
BOTH = "image,status,label_1,probability_1,probability_a,probability_b,message"
ISIC = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
LINE = '{"image":"x","status":"ok","labels":["a"],"probabilities":[0.75]}'
WHOLE = (
    '{"image":"x","status":"ok","labels":["a"],"probabilities":[0.75],'
    '"class_probabilities":{"a":0.75,"b":0.25}}'
)


def test_the_columns_after_the_probabilities_are_passed_over(read):
    rest = "review,prediction_set,label_3,probability_c,status,message"
    table = read(
        f"image,status,label_1,probability_1,probability_a,probability_b,{rest}",
        "x,ok,a,0.75,0.75,0.25,unfamiliar;uncertain,a;b,c,0.5,error,too dark",
        'y,error,,,,,,,"1,5",=,ok,gone',
    )
    assert (table.images, table.unread, table.classes) == (("x",), ("y",), ("a", "b"))
    np.testing.assert_array_equal(table.probabilities, [[0.75, 0.25]])


def test_places_beyond_the_classes_are_empty(read):
    header = f"{HEADER},label_3,probability_3,message"
    table = read(header, "x,ok,b,0.75,a,0.25,,,", "y,ok,a,0.5,b,0.5,,,")
    assert table.classes == ("a", "b")
    assert table.complete


def test_escaped_names_are_restored(read):
    table = read(
        f"{HEADER},message", "'=1+1.jpg,ok,'-,0.5,'@b,0.4,", "'quoted'.jpg,ok,c,0.5,d,0.4,"
    )
    assert table.images == ("=1+1.jpg", "'quoted'.jpg")
    assert table.classes == ("-", "@b", "c", "d")


def test_a_spreadsheet_may_have_saved_it(read):
    table = read(BOTH + "\r", "\r", '"x, y.jpg",ok,a,1,1,0,\r', encoding="utf-8-sig")
    assert table.images == ("x, y.jpg",)


def test_names_that_are_no_text_survive(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_bytes(BOTH.encode() + b"\nx\xff.jpg,ok,a,1,1,0,\n")
    assert read_predictions(path).images[0].encode(errors="surrogateescape") == b"x\xff.jpg"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "image,label",
        "image,status,message",
        "image,status,label_1,probability_1",
        "image,status,label_1,probability_1,label_2,message",
        "image,status,label_1,probability_1,label_3,probability_3,message",
        "image,status,label_1,probability_1,probability_a,probability_a,message",
        "image,status,label_1,probability_1,review,message",
        "image,status,label_1,probability_1,prediction_set,review,message",
        "image,status,label_1,probability_1,site,review,prediction_set,message",
        "image,MEL,NV,BCC,AKIEC,BKL,DF",
        "status,image,label_1,probability_1,message",
    ],
)
def test_refuses_other_tables(read, header):
    with pytest.raises(DatasetError, match=r"predictions\.csv is no predictions\.csv of trifuse"):
        read(header)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,ok,a,1,1", "line 3: 5 cells where the header has 7"),
        ("x,ok,a,1,1,0,,", "line 3: 8 cells where the header has 7"),
    ],
)
def test_refuses_rows_of_another_width(read, row, message):
    with pytest.raises(DatasetError, match=message):
        read(BOTH, "w.jpg,ok,a,1,1,0,", row)


def test_refuses_an_endless_cell(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(BOTH + "\n" + "x" * 200_000)
    with pytest.raises(DatasetError, match=r"no readable CSV file: line 2 .* \(field larger"):
        read_predictions(path)


def test_a_submission_to_isic(read):
    table = read(ISIC, "ISIC_1,0.5,0.25,0.25,0,0,0,0", "ISIC_2,,,,,,,", "'=x,0,0,0,0,0,0,1.0")
    assert (table.images, table.unread) == (("ISIC_1", "=x"), ("ISIC_2",))
    assert table.classes == ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    assert table.complete
    np.testing.assert_array_equal(table.probabilities[0], [0.5, 0.25, 0.25, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,0.5,0.5,0,0,0,0", "line 2: 7 cells where the header has 8"),
        ("x,0.5,,0,0,0,0,0", "line 2: '' is no probability from 0 to 1"),
        ("x,0.5,0,0,0,0,0,0", "line 2: the probabilities sum to 0.5 instead of 1"),
    ],
)
def test_refuses_a_broken_submission(read, row, message):
    with pytest.raises(DatasetError, match=message):
        read(ISIC, row)


def test_json_lines_of_which_the_first_is_an_error(read):
    error = '{"image":"y","status":"error","labels":[],"probabilities":[]'
    table = read(error + "}", LINE.replace('"a"', '"b"'), LINE)
    assert (table.images, table.unread, table.classes) == (("x", "x"), ("y",), ("a", "b"))
    table = read(error + ',"class_probabilities":{"a":null,"b":null}}', WHOLE)
    assert (table.images, table.unread, table.classes) == (("x",), ("y",), ("a", "b"))
    np.testing.assert_array_equal(table.probabilities, [[0.75, 0.25]])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        WHOLE[:-1],
        LINE,
        LINE.replace("[0.75]", "[]"),
        WHOLE.replace('"b":', '"c":'),
        WHOLE.replace('"x"', "7"),
        WHOLE.replace('["a"]', "null"),
    ],
)
def test_refuses_broken_json_by_line(read, line):
    with pytest.raises(DatasetError, match="line 2: this is no row of predictions in JSON Lines"):
        read(WHOLE, line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (WHOLE.replace("0.25", '"much"'), "line 2: 'much' is no probability"),
        (WHOLE.replace("0.25", "null"), "line 2: None is no probability"),
        (WHOLE.replace("0.25", "0.5"), "line 2: the probabilities sum to 1.25 instead of 1"),
        (WHOLE.replace('"ok"', "1"), "line 2: the status is 1 instead of ok or error"),
    ],
)
def test_refuses_wrong_values_in_json_by_line(read, line, message):
    with pytest.raises(DatasetError, match=message):
        read(WHOLE, line)
