"""The cells of predictions.csv."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.scorer import Record
from trifuse.batch.table import header, row, write_row

CLASSES = ("a", "b", "c")


def parse(line):
    return next(csv.reader(io.StringIO(line.decode("utf-8", "surrogateescape"), newline="")))


def test_the_columns_that_were_promised():
    assert ",".join(header(CLASSES, 3, all_probabilities=False)) == (
        "image,status,label_1,probability_1,label_2,probability_2,label_3,probability_3,message"
    )


@pytest.mark.parametrize("top", [1, 2, 3])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("probabilities", [np.array([0.2, 0.3, 0.5]), None])
def test_a_row_fits_its_header(top, every, probabilities):
    record = Record("x.jpg", probabilities, "" if probabilities is not None else "gone")
    cells = dict(zip(header(CLASSES, top, every), row(record, CLASSES, top, every), strict=True))
    assert cells["image"] == "x.jpg"
    if probabilities is None:
        assert (cells["status"], cells["message"]) == ("error", "gone")
        assert set(cells.values()) == {"x.jpg", "error", "gone", ""}
    else:
        assert (cells["status"], cells["message"]) == ("ok", "")
        ranked = [(cells[f"label_{k}"], cells[f"probability_{k}"]) for k in range(1, top + 1)]
        assert ranked == [("c", "0.5"), ("b", "0.3"), ("a", "0.2")][:top]
        assert [cells.get(f"probability_{name}") for name in CLASSES] == (
            ["0.2", "0.3", "0.5"] if every else [None] * 3
        )


def test_the_first_of_equally_probable_classes_comes_first():
    cells = row(Record("x", np.full(3, 1 / 3)), CLASSES, 3, all_probabilities=False)
    assert cells[2::2] == ["a", "b", "c", ""]


@given(st.floats(1e-12, 1))
def test_six_significant_digits_at_least(probability):
    cells = row(Record("x", np.array([probability])), ("a",), 1, all_probabilities=False)
    assert float(cells[3]) == pytest.approx(probability, rel=1e-8)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'=", "''@"])
def test_a_spreadsheet_runs_no_cell(start):
    image, label, message = f"{start}1.jpg", f"{start}SUM(A1)", f"{start}cmd"
    scored = row(Record(image, np.ones(1)), (label,), 1, all_probabilities=False)
    assert (scored[0], scored[2]) == (f"'{image}", f"'{label}")
    unread = row(Record(image, None, message), (label,), 1, all_probabilities=False)
    assert (unread[0], unread[-1]) == (f"'{image}", f"'{message}")


def test_numbers_are_no_formulas():
    cells = row(Record("x", np.array([1e-9, 1.0])), ("a", "b"), 2, all_probabilities=True)
    assert cells[3:] == ["1", "a", "1e-09", "1e-09", "1", ""]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2))
def test_any_text_comes_back(cells):
    line = write_row(cells)
    assert line.endswith(b"\n")
    assert not line.endswith(b"\r\n")
    assert parse(line) == cells


@pytest.mark.parametrize("name", ["a b.jpg", "a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", "'a'", "é"])
def test_odd_names(name):
    assert parse(write_row([name, "ok"])) == [name, "ok"]


def test_bytes_that_are_no_text_are_kept():
    assert write_row(["\udcff.jpg", "ok"]) == b"\xff.jpg,ok\n"
