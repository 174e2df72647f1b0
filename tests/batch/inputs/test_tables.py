"""Tables of inputs: no row is lost, and a header that cannot be used is told before the run."""

import os

import pytest

from trifuse.batch.inputs.items import Item, SourceError
from trifuse.batch.inputs.tables import is_reserved, read_columns, read_table
from trifuse.batch.outputs.rows import RowLayout, list_columns


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write t.csv in the working folder; gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(content, name="t.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
        return name

    return write


@pytest.fixture
def items(table, warnings):
    def items(content, name="t.csv"):
        name = table(content, name)
        return list(read_table(name, read_columns([name]), warnings.append))

    return items


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_columns_are_carried_through(mark, end, items):
    lines = [f"{mark}site,path,id,age", "arm,a.jpg,1,20", 'leg,b/c.jpg,,"3,5"', ""]
    assert items(end.join(lines)) == [
        Item("a.jpg", id="1", columns=("arm", "20")),
        Item("b/c.jpg", columns=("leg", "3,5")),
    ]


def test_a_path_alone_is_enough(items, warnings):
    assert items("path\na.jpg\nb.zip\n-\n") == [Item("a.jpg"), Item("b.zip"), Item("-")]
    assert warnings == []


def test_paths_are_relative_to_the_table(items):
    content = "path\na.jpg\n../b.jpg\n/c/d.jpg\n"
    found = [item.name for item in items(content, "x/t.csv")]
    assert found == ["x/a.jpg", "x/../b.jpg", "/c/d.jpg"]


def test_cells_stay_as_they_are(items):
    found = items(' path , note\n a.jpg ," two\nlines"\nb\0.jpg,=1\n')
    assert found == [Item("a.jpg ", columns=(" two\nlines",)), Item("b\0.jpg", columns=("=1",))]


@pytest.mark.parametrize("separator", [";", "\t", ", "])
def test_other_separators(separator, items):
    lines = ["site|path|id", '"a, b"|x.jpg|1', "leg|y.jpg|"]
    assert items("\n".join(lines).replace("|", separator)) == [
        Item("x.jpg", id="1", columns=("a, b",)),
        Item("y.jpg", columns=("leg",)),
    ]


def test_the_column_of_the_paths_may_have_another_name(table, warnings):
    name = table("image,path,id\na.jpg,x,1\n,y,2\n")
    assert read_columns([name], path_column="image") == ("path",)
    first, second = read_table(name, ("path",), warnings.append, "image")
    assert first == Item("a.jpg", id="1", columns=("x",))
    assert second.fault == "line 3 of the table has no image"
    with pytest.raises(SourceError, match="has no column 'file', only image, path, id; name the"):
        read_columns([name], path_column="file")


def test_the_columns_of_several_tables(table, warnings):
    first = table("path,site,age\na,arm,1\n", "1.csv")
    second = table("sex,age,path\nf,2,b\n", "2.csv")
    columns = read_columns([first, second])
    assert columns == ("site", "age", "sex")
    (a,) = read_table(first, columns, warnings.append)
    (b,) = read_table(second, columns, warnings.append)
    assert (a.columns, b.columns) == (("arm", "1", ""), ("", "2", "f"))
    assert read_columns([]) == ()


def test_rows_that_make_no_sense_become_items(items):
    found = items('path,id,x,y\na,1,2,3\nb,1,2\n\nc,1,2,3,4\n,7,8,9\n"d\ne",1\n,,,\nf,4,5,6\n')
    assert found == [
        Item("a", id="1", columns=("2", "3")),
        Item("t.csv:3", fault="line 3 of the table has 3 cells under 4 columns"),
        Item("t.csv:5", fault="line 5 of the table has 5 cells under 4 columns"),
        Item("t.csv:6", fault="line 6 of the table has no path", id="7", columns=("8", "9")),
        Item("t.csv:7", fault="line 7 of the table has 2 cells under 4 columns"),
        Item("f", id="4", columns=("5", "6")),
    ]


def test_one_cell_is_not_cells(items):
    (item,) = items("path,x\na\n")
    assert item.fault == "line 2 of the table has 1 cell under 2 columns"


def test_what_cannot_be_decoded_becomes_one_item(items):
    first, last = items("path\na.jpg\n\udcff.jpg\nb.jpg\n")
    assert first == Item("a.jpg")
    assert last.name == "t.csv:3"
    assert last.fault == "line 3 of the table is not in UTF-8, and the rest is not read"


def test_a_table_that_lists_nothing_is_told(items, warnings):
    assert items("path,x\n\n") == []
    assert warnings == ["t.csv: lists no image."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The table t.csv has no column 'path', only none; name the column of the images by "
             "--path-column."),
        ("Path;id\n", "The table t.csv has no column 'path', only Path, id; name the column of "
                      "the images by --path-column."),
        ("path,,x\n", "The table t.csv has no name for column 2; give it one."),
        ("path,x, \n", "The table t.csv has no name for column 3; give it one."),
        ("path,x,x\n", "The table t.csv has two columns named x; rename one."),
        ("path,id,path\n", "The table t.csv has two columns named path; rename one."),
        ("path,age,status\n", "The table t.csv has a column named status, as the output has; "
                              "rename it."),
        ("path,\udcff\n", "The table t.csv is not a CSV file in UTF-8: line 1 of the table is not "
                          "in UTF-8, and the rest is not read."),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_used(content, message, table):
    with pytest.raises(SourceError) as error:
        read_columns([table(content)])
    assert str(error.value) == message


def test_every_column_of_the_output_is_reserved():
    layout = RowLayout(("nv", "a\nb"), top=2, probabilities=True)
    assert all(map(is_reserved, [*list_columns(layout), "frame"]))
    assert not any(map(is_reserved, ["path", "id", "Status", "label", "label_", "probability"]))


def test_the_caller_may_reserve_other_names(table):
    name = table("path,status,age\n")
    assert read_columns([name], lambda _: False) == ("status", "age")
    with pytest.raises(SourceError, match="has a column named age, as"):
        read_columns([name], "age".__eq__)


def test_tables_that_cannot_be_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.csv")
    for name, message in {
        "gone.csv": "The table gone.csv cannot be read: No such file or directory.",
        "pipe.csv": "The table pipe.csv is not a regular file; name one.",
        "\0.csv": "The table \0.csv cannot be read: embedded null byte.",
        f"{'x' * 300}.csv": f"The table {'x' * 300}.csv cannot be read: File name too long.",
    }.items():
        with pytest.raises(SourceError) as error:
            read_columns([name])
        assert str(error.value) == message


def test_a_table_that_has_changed_becomes_an_item(table, warnings):
    fault = "it is a table that has changed since its header was read"
    assert list(read_table("gone.csv", (), warnings.append)) == [Item("gone.csv", fault=fault)]
    assert list(read_table(table("x\n1\n"), (), warnings.append)) == [Item("t.csv", fault=fault)]
    assert warnings == []
