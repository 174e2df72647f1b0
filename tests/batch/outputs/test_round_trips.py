"""Whatever is said of whatever image can be read back from every format."""

import csv
import io
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats.csv_format import CsvFormat
from trifuse.batch.outputs.formats.jsonl_format import JsonlFormat
from trifuse.batch.outputs.formats.parquet_format import ParquetFormat
from trifuse.batch.outputs.rows import RowLayout, list_cells, list_columns, make_row
from trifuse.datasets.prediction_files import restore_cell, restore_text

# Names as the operating system gives them: any bytes; text as it is found in tables.
NAMES = st.binary(min_size=1, max_size=12).map(lambda name: name.decode("utf-8", "surrogateescape"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", "'=x", r"\udcff", 'a"b', "a;b", "a\\", "x\r", "\r\n", ";", ""]
)


@st.composite
def cases(draw):
    """Give an item, a record and a layout that fit one another."""
    n_classes = draw(st.integers(2, 4))
    classes = draw(
        st.lists(TEXTS.filter(bool), min_size=n_classes, max_size=n_classes, unique=True)
    )
    extra = draw(st.lists(TEXTS.map("x_{}".format), max_size=2, unique=True))
    top = draw(st.integers(1, n_classes))
    layout = RowLayout(tuple(classes), top, draw(st.booleans()), tuple(extra))
    item = Item(
        draw(NAMES), columns=tuple(draw(TEXTS) for _ in range(draw(st.integers(0, len(extra)))))
    )
    numbers = st.lists(st.floats(0, 1), min_size=n_classes, max_size=n_classes).map(tuple)
    places = st.lists(st.integers(0, n_classes - 1), unique=True).map(tuple)
    record = Record(
        probabilities=draw(st.none() | numbers),
        message=draw(TEXTS),
        unfamiliar=draw(st.booleans()),
        flaws=tuple(draw(st.lists(TEXTS, max_size=2))),
        prediction_set=draw(places),
    )
    return item, record, layout


def part_names(cell):
    """Undo the joining of names, character by character."""
    names, escaped = [""], False
    for character in cell:
        if character == ";" and not escaped:
            names.append("")
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            names[-1] += character
        escaped = False
    return tuple(names) if cell else ()


@given(cases())
def test_csv(case):
    item, record, layout = case
    to_csv = CsvFormat(layout)
    content = to_csv.header() + to_csv.row(item, record)
    stream = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")
    header, cells = csv.reader(stream)
    expected = list_cells(make_row(item, record, item.name, layout), layout)
    assert list(map(restore_cell, header)) == list_columns(layout)
    for text, value in zip(map(restore_cell, cells), expected, strict=True):
        if isinstance(value, float):
            assert float(text) == value
        elif isinstance(value, tuple):
            assert part_names(text) == value
        else:
            assert text == (value or "")


@given(cases())
def test_csv_by_column(case):
    item, record, layout = case
    layout = RowLayout(layout.classes, layout.top, extra=layout.extra)
    to_csv = CsvFormat(layout)
    content = to_csv.header() + to_csv.row(item, record)
    stream = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")
    (row,) = csv.DictReader(stream)
    expected = make_row(item, record, item.name, layout)
    assert restore_cell(row["image"]) == item.name
    assert row["status"] == expected.status
    assert restore_cell(row["message"]) == expected.message
    assert row["review"] == ";".join(expected.review)
    assert tuple(row[name] for name in layout.extra) == tuple(
        f"'{cell}" if re.match(r"'*[=+\-@\t\r]", cell) else cell for cell in expected.columns
    )


@given(cases())
def test_json_lines(case):
    item, record, layout = case
    line = JsonlFormat(layout).row(item, record)
    expected = make_row(item, record, item.name, layout)
    row = json.loads(line.decode("utf-8", "strict"))
    decoded = {name: tuple(map(restore_text, row[name])) for name in ("labels", "prediction_set")}
    assert decoded == {"labels": expected.labels, "prediction_set": expected.prediction_set}
    assert (restore_text(row["image"]), row["status"]) == (item.name, expected.status)
    assert tuple(row["probabilities"]) == expected.probabilities
    assert tuple(row["review"]) == expected.review
    assert restore_text(row["message"]) == expected.message
    each = {restore_text(name): value for name, value in row.get("class_probabilities", {}).items()}
    assert each == dict(zip(layout.classes, expected.class_probabilities, strict=False))
    columns = {
        restore_text(name): restore_text(cell) for name, cell in row.get("columns", {}).items()
    }
    assert columns == dict(zip(layout.extra, expected.columns, strict=True))


@given(cases())
def test_the_partial_file_of_parquet(case):
    item, record, layout = case
    layout = RowLayout(layout.classes, layout.top, extra=layout.extra)
    line = ParquetFormat(layout).row(item, record)
    expected = list_cells(make_row(item, record, item.name, layout), layout)
    for found, value in zip(json.loads(line), expected, strict=True):
        if isinstance(value, str):
            assert restore_text(found) == value
        elif isinstance(value, tuple):
            assert tuple(map(restore_text, found)) == value
        else:
            assert found == value
