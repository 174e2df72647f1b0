"""The bytes of the CSV."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.item import Item
from trifuse.batch.outputs.csv_format import CsvFormat, join_names, write_line
from trifuse.batch.outputs.format import FormatError
from trifuse.batch.outputs.rows import Layout
from trifuse.batch.workers.record import Record
from trifuse.classifiers.tables import make_safe

CLASSES = ("mel", "nv", "df")
FULL = Layout(CLASSES, 2, probabilities=True, extra=("site",))
ITEM = Item("in/a.jpg", columns=("left arm, upper",))


def parse(line):
    return next(csv.reader(io.StringIO(line.decode("utf-8", "surrogateescape"), newline="")))


def test_the_bytes_of_a_file():
    to_csv = CsvFormat(FULL)
    record = Record(
        (0.1, 0.7, 0.2), unfamiliar=True, flaws=("too dark", "blurred"), prediction_set=(1, 2, 0)
    )
    assert to_csv.header() == (
        b"image,status,label_1,probability_1,label_2,probability_2,probability_mel,probability_nv,"
        b"probability_df,review,prediction_set,site,message\n"
    )
    assert to_csv.row(ITEM, record, 1) == (
        b"in/a.jpg,ok,nv,0.7,df,0.2,0.1,0.7,0.2,unfamiliar;uncertain;low-quality,nv;df;mel,"
        b'"left arm, upper","too dark, blurred"\n'
    )
    assert to_csv.row(ITEM, Record(None, "The file is empty."), 2) == (
        b'in/a.jpg,error,,,,,,,,,,"left arm, upper",The file is empty.\n'
    )


def test_the_shortest_layout():
    to_csv = CsvFormat(Layout(("a", "b"), 1), "name")
    assert to_csv.header() == b"image,status,label_1,probability_1,review,prediction_set,message\n"
    assert to_csv.row(ITEM, Record((1.0, 1e-9)), 1) == b"a,ok,a,1.0,,,\n"


@given(st.floats(0, 1, exclude_max=True))
def test_two_numbers_never_look_alike(number):
    to_csv = CsvFormat(Layout(("a", "b"), 2))
    above = math.nextafter(number, 1)
    cells = parse(to_csv.row(ITEM, Record((number, above)), 1))
    assert (float(cells[3]), float(cells[5])) == (above, number)
    assert cells[2::2][:2] == ["b", "a"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'=", "''@"])
def test_a_spreadsheet_runs_no_cell(start):
    to_csv = CsvFormat(Layout((f"{start}c", "b"), 1, extra=(f"{start}e",)))
    item = Item(f"{start}1.jpg", columns=(f"{start}2",))
    assert parse(to_csv.header())[-2] == f"'{start}e"
    scored = parse(to_csv.row(item, Record((1.0, 0.0), prediction_set=(0, 1)), 1))
    assert scored == [
        f"'{start}1.jpg",
        "ok",
        f"'{start}c",
        "1.0",
        "uncertain",
        f"'{start}c;b",
        f"'{start}2",
        "",
    ]
    unread = parse(to_csv.row(item, Record(None, f"{start}cmd"), 1))
    assert unread == [f"'{start}1.jpg", "error", "", "", "", "", f"'{start}2", f"'{start}cmd"]


@given(st.text(st.sampled_from("'=+-@\t\rx"), max_size=5))
def test_a_safe_cell_is_told_from_others(text):
    assert make_safe(text)[:1] not in list("=+-@\t\r")
    assert make_safe(text).removeprefix("'") == text or make_safe(text) == text


@pytest.mark.parametrize(
    ("names", "cell"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b c"), "a;b c"),
        (("a;b", "c"), r"a\;b;c"),
        (("a", "b;c"), r"a;b\;c"),
        (("a\\", "b"), r"a\\;b"),
    ],
)
def test_names_are_joined_so_that_they_can_be_parted(names, cell):
    assert join_names(names) == cell


@pytest.mark.parametrize("name", ["a b.jpg", "a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", "'a'", "é"])
def test_odd_names(name):
    line = write_line([name, "ok"])
    assert parse(line) == [name, "ok"]
    assert line.endswith(b"ok\n")


def test_bytes_that_are_no_text_are_kept():
    row = CsvFormat(Layout(("a", "b"), 1)).row(Item("\udcff.jpg"), Record(None, "gone"), 1)
    assert row == b"\xff.jpg,error,,,,,gone\n"


@pytest.mark.parametrize(
    "name", ["image", "status", "label_1", "probability_b", "review", "prediction_set", "message"]
)
def test_refuses_a_carried_column_with_a_name_of_its_own(name):
    with pytest.raises(FormatError) as caught:
        CsvFormat(Layout(("a", "b"), 1, True, extra=("site", name)))
    assert str(caught.value) == (
        f"Two columns of the output would be named {name!r}; "
        "rename the column that is carried through."
    )


def test_a_class_may_have_a_number_for_a_name():
    header = CsvFormat(Layout(("1", "2"), 1, probabilities=True)).header()
    assert header.startswith(b"image,status,label_1,probability_1,probability_1,probability_2,")
