"""The Parquet file: the rows that the others have, with types, in flat memory."""

import json
import sys
import tracemalloc

import pyarrow as pa
import pytest
from pyarrow import parquet

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.outputs.formats.jsonl_format import JsonlFormat
from trifuse.batch.outputs.formats.parquet_format import (
    ROW_GROUP,
    MissingLibraryError,
    ParquetFormat,
)
from trifuse.batch.outputs.rows import RowLayout, list_columns

LAYOUT = RowLayout(("mel", "nv", "d;f"), 2, probabilities=True, extra=("site", "review_of"))


def make(number):
    """Give an item and a record; every seventh is an error."""
    item = Item(f"in/{number}-\udcff.jpg", columns=(f"site {number % 3}", ""))
    if number % 7 == 3:
        return item, Record(None, f"It is broken, {number}.")
    share = (number + 1) / 100_000
    flaws = ("dark",) if number % 5 == 0 else ()
    chosen = (1, 2, 0)[: number % 4]
    return item, Record((share, 0.7 - share, 0.3), flaws=flaws, prediction_set=chosen)


def write_partial(to_format, path, count):
    with path.open("wb") as file:
        file.write(to_format.header())
        for number in range(count):
            file.write(to_format.row(*make(number)))
    return path


@pytest.fixture
def convert(tmp_path):
    def write_and_finish(count, name="out.parquet", layout=LAYOUT):
        to_parquet = ParquetFormat(layout)
        partial = write_partial(to_parquet, tmp_path / f"{name}.partial", count)
        to_parquet.finish(partial, tmp_path / name)
        return tmp_path / name

    return write_and_finish


def flatten(line):
    """Lay one line of JSON out as the flat table has it."""
    row = json.loads(line)
    flat = {"image": row["image"], "status": row["status"]}
    for rank in range(2):
        scored = row["status"] == "ok"
        flat[f"label_{rank + 1}"] = row["labels"][rank] if scored else None
        flat[f"probability_{rank + 1}"] = row["probabilities"][rank] if scored else None
    flat |= {f"probability_of_{name}": value for name, value in row["class_probabilities"].items()}
    flat |= {name: row[name] for name in ("review", "prediction_set")}
    return flat | row["columns"] | {"message": row["message"]}


def test_the_rows_are_those_of_json_lines(convert, tmp_path):
    lines = write_partial(JsonlFormat(LAYOUT), tmp_path / "x.jsonl", 40)
    expected = [flatten(line) for line in lines.read_bytes().splitlines()]
    rows = parquet.read_table(convert(40)).to_pylist()
    assert rows == expected
    assert rows[4]["image"] == r"in/4-\udcff.jpg"
    assert rows[3]["label_1"] is None


def test_columns_have_types(convert):
    schema = parquet.read_schema(convert(3))
    assert schema.names == list_columns(LAYOUT)
    lists = {"review": pa.list_(pa.string()), "prediction_set": pa.list_(pa.string())}
    for name in schema.names:
        number = pa.float64() if name.startswith("probability_") else pa.string()
        assert schema.field(name).type == lists.get(name, number), name


def test_a_carried_column_is_text_whatever_its_name(convert):
    layout = RowLayout(LAYOUT.classes, 2, extra=("probability_of_rain", "x"))
    assert parquet.read_schema(convert(3, layout=layout)).field("probability_of_rain").type == (
        pa.string()
    )


def test_the_partial_file_has_a_list_a_line():
    rows = [ParquetFormat(LAYOUT).row(*make(number)) for number in (4, 3)]
    assert rows == [
        b'["in/4-\\\\udcff.jpg","ok","nv",0.69995,"d;f",0.3,5e-05,0.69995,0.3,[],[],'
        b'"site 1","",""]\n',
        b'["in/3-\\\\udcff.jpg","error",null,null,null,null,null,null,null,[],[],'
        b'"site 0","","It is broken, 3."]\n',
    ]


def test_no_rows_are_a_table_with_columns(convert):
    table = parquet.read_table(convert(0))
    assert (table.num_rows, table.column_names) == (0, list_columns(LAYOUT))


def test_the_same_rows_are_the_same_bytes(convert):
    assert convert(500, "a").read_bytes() == convert(500, "b").read_bytes()


def test_row_groups_have_one_size(convert):
    file = parquet.ParquetFile(convert(25_000)).metadata
    sizes = [file.row_group(place).num_rows for place in range(file.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, 5_000]
    assert file.row_group(0).column(0).compression == "ZSTD"


def measure_peak(to_parquet, partial, final):
    tracemalloc.start()
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    try:
        to_parquet.finish(partial, final)
        return tracemalloc.get_traced_memory()[1], pool.max_memory()
    finally:
        pa.set_memory_pool(usual)
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("trifuse.batch.outputs.formats.parquet_format.ROW_GROUP", 1_000)
    to_parquet = ParquetFormat(LAYOUT)
    few = write_partial(to_parquet, tmp_path / "few", 2_000)
    many = write_partial(to_parquet, tmp_path / "many", 25_000)
    measure_peak(to_parquet, few, tmp_path / "warm")
    of_few = measure_peak(to_parquet, few, tmp_path / "few.parquet")
    of_many = measure_peak(to_parquet, many, tmp_path / "many.parquet")
    assert parquet.read_metadata(tmp_path / "many.parquet").num_rows == 25_000
    assert of_many[0] < 1.5 * of_few[0] < 20e6
    assert of_many[1] < 1.5 * of_few[1] + 1e6


def test_nothing_is_left_of_a_conversion_that_failed(tmp_path):
    to_parquet = ParquetFormat(LAYOUT)
    partial = tmp_path / "partial"
    partial.write_bytes(to_parquet.row(*make(1)) + b"[\n")
    with pytest.raises(json.JSONDecodeError):
        to_parquet.finish(partial, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == [partial]


def test_a_folder_that_is_gone_is_an_os_error(tmp_path):
    to_parquet = ParquetFormat(LAYOUT)
    partial = write_partial(to_parquet, tmp_path / "partial", 2)
    with pytest.raises(FileNotFoundError):
        to_parquet.finish(partial, tmp_path / "gone" / "out.parquet")


def test_a_missing_library_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingLibraryError) as caught:
        ParquetFormat(LAYOUT)
    assert isinstance(caught.value, FormatError)
    assert str(caught.value) == (
        "Parquet files are written by pyarrow, which cannot be imported; run "
        "pip install 'trifuse[parquet]', or choose another format."
    )


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        (RowLayout(("1", "2"), 1, True, extra=("probability_of_1",)), "probability_of_1"),
        (RowLayout(("a", "b"), 1, extra=("status",)), "status"),
        (RowLayout(("a", "b"), 1, extra=("x", "x")), "x"),
    ],
)
def test_refuses_two_columns_of_one_name(layout, name):
    with pytest.raises(FormatError) as caught:
        ParquetFormat(layout)
    assert str(caught.value) == (
        f"Two columns of the output would be named {name!r}; "
        "rename the column that is carried through."
    )
