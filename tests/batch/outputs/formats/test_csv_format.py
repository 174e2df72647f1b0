"""The bytes of the CSV."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.outputs.formats.csv_format import CsvFormat, join_names, write_line
from trifuse.batch.outputs.rows import RowLayout
from trifuse.classifiers.text_tables import make_safe
from trifuse.datasets.prediction_files import restore_cell

CLASSES = ("mel", "nv", "df")
FULL = RowLayout(CLASSES, 2, probabilities=True, extra=("site",))
ITEM = Item("in/a.jpg", columns=("left arm, upper",))


def is_number(text):
    """Of any country: a comma may stand for the point, or part thousands."""
    try:
        return math.isfinite(float(text.replace(",", "").replace(".", "")))
    except ValueError:
        return False


def parse(line):
    return next(csv.reader(io.StringIO(line.decode("utf-8", "surrogateescape"), newline="")))


def test_the_bytes_of_a_file():
    to_csv = CsvFormat(FULL)
    record = Record(
        (0.1, 0.7, 0.2), unfamiliar=True, flaws=("too dark", "blurred"), prediction_set=(1, 2, 0)
    )
    assert to_csv.header() == (
        b"image,status,label_1,probability_1,label_2,probability_2,probability_of_mel,"
        b"probability_of_nv,probability_of_df,review,prediction_set,site,message\n"
    )
    assert to_csv.row(ITEM, record) == (
        b"in/a.jpg,ok,nv,0.7,df,0.2,0.1,0.7,0.2,unfamiliar;uncertain;low-quality,nv;df;mel,"
        b'"left arm, upper","too dark, blurred"\n'
    )
    assert to_csv.row(ITEM, Record(None, "The file is empty.")) == (
        b'in/a.jpg,error,,,,,,,,,,"left arm, upper",The file is empty.\n'
    )


def test_the_shortest_layout():
    to_csv = CsvFormat(RowLayout(("a", "b"), 1), "name")
    assert to_csv.header() == b"image,status,label_1,probability_1,review,prediction_set,message\n"
    assert to_csv.row(ITEM, Record((1.0, 1e-9))) == b"a,ok,a,1.0,,,\n"


@given(st.floats(0, 1, exclude_max=True))
def test_two_numbers_never_look_alike(number):
    to_csv = CsvFormat(RowLayout(("a", "b"), 2))
    above = math.nextafter(number, 1)
    cells = parse(to_csv.row(ITEM, Record((number, above))))
    assert (float(cells[3]), float(cells[5])) == (above, number)
    assert cells[2::2][:2] == ["b", "a"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'=", "''@"])
def test_a_spreadsheet_runs_no_cell(start):
    to_csv = CsvFormat(RowLayout((f"{start}c", "b"), 1, extra=(f"{start}e",)))
    item = Item(f"{start}1.jpg", columns=(f"{start}x2",))
    assert parse(to_csv.header())[-2] == f"'{start}e"
    scored = parse(to_csv.row(item, Record((1.0, 0.0), prediction_set=(0, 1))))
    assert scored == [
        f"'{start}1.jpg",
        "ok",
        f"'{start}c",
        "1.0",
        "uncertain",
        f"'{start}c;b",
        f"'{start}x2",
        "",
    ]
    unread = parse(to_csv.row(item, Record(None, f"{start}cmd")))
    assert unread == [f"'{start}1.jpg", "error", "", "", "", "", f"'{start}x2", f"'{start}cmd"]


@given(st.text(st.sampled_from("'=+-@\t\rx1.,e"), max_size=6))
def test_a_safe_cell_is_told_from_others(text):
    assert make_safe(text)[:1] not in list("=+-@\t\r") or is_number(make_safe(text))
    assert restore_cell(make_safe(text)) == text
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
    row = CsvFormat(RowLayout(("a", "b"), 1)).row(Item("\udcff.jpg"), Record(None, "gone"))
    assert row == b"\xff.jpg,error,,,,,gone\n"


@pytest.mark.parametrize(
    "name",
    ["image", "status", "label_1", "probability_of_b", "review", "prediction_set", "message"],
)
def test_refuses_a_carried_column_with_a_name_of_its_own(name):
    with pytest.raises(FormatError) as caught:
        CsvFormat(RowLayout(("a", "b"), 1, True, extra=("site", name)))
    assert str(caught.value) == (
        f"Two columns of the output would be named {name!r}; "
        "rename the column that is carried through."
    )


def test_a_class_may_have_a_number_for_a_name():
    header = CsvFormat(RowLayout(("1", "2"), 1, probabilities=True)).header()
    start = b"image,status,label_1,probability_1,probability_of_1,probability_of_2,review,"
    assert header.startswith(start)
