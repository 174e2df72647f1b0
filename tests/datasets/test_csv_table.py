"""Tables of labelled images, as people's programs write them."""

import pytest

from trifuse.datasets.csv_table import read_cells, read_column_names, read_csv_table
from trifuse.datasets.table import DatasetError


def test_rows_come_with_their_lines(write):
    path = write("t.csv", 'a,b\n1,"x, y"\n\n 2 ,\n"3\n3",z\n')
    assert read_cells(path, ["a"]) == [
        (2, {"a": "1", "b": "x, y"}),
        (4, {"a": "2", "b": ""}),
        (5, {"a": "3\n3", "b": "z"}),
    ]


def test_byte_order_mark_and_windows_line_ends(write):
    path = write("t.csv", "path,label\r\na.jpg,nv\r\n", encoding="utf-8-sig")
    assert read_column_names(path) == ["path", "label"]
    assert read_cells(path, ["path"]) == [(2, {"path": "a.jpg", "label": "nv"})]


def test_header_of_an_empty_file_is_empty(write):
    assert read_column_names(write("t.csv", "")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column a and no column b; its columns are: none"),
        ("c;d\n1;2\n", "has no column a and no column b; its columns are: c, d"),
        ("a,b,a\n1,2,3\n", "has two columns named a; rename one"),
        ("a,c\n1,2\n", "has no column b; its columns are: a, c"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells under 2 columns"),
        ("a,b\n1\n", "line 2: 1 cell under 2 columns"),
    ],
)
def test_what_is_wrong_is_told(write, text, message):
    path = write("t.csv", text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_cells(path, ["a", "b"])
    assert str(path) in str(caught.value)


def test_other_encodings_are_told(write):
    with pytest.raises(DatasetError, match="is not a CSV file in UTF-8"):
        read_cells(write("t.csv", "a\né\n", encoding="latin-1"), ["a"])


def test_missing_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        read_column_names(tmp_path / "none.csv")


def test_paths_are_relative_to_the_table_or_absolute(write, touch, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "b.png"
    other.touch()
    folder = touch("images/a.jpg")
    table = read_csv_table(write("t.csv", f"id,label,path\n1,nv,images/a.jpg\n2,mel,{other}\n"))
    assert table.paths == (folder / "images/a.jpg", other)
    assert table.labels == ("nv", "mel")
    assert table.groups == ("images/a.jpg", str(other))


def test_groups_are_read_where_given(write, touch):
    touch("a.jpg", "b.jpg")
    table = read_csv_table(write("t.csv", "path,label,group\na.jpg,nv,L1\nb.jpg,nv,L1\n"))
    assert table.groups == ("L1", "L1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,dx\na.jpg,nv\n",
            "t.csv has no column label; its columns are: path, dx; other "
            "headings are named by --path-column and --label-column$",
        ),
        ("path,label\na.jpg,\nb.jpg,nv\n", "t.csv, line 2: label is empty"),
        ("path,label\n,nv\n", "t.csv, line 2: path is empty"),
        ("path,label,group\na.jpg,nv,\n", "t.csv, line 2: group is empty; give an image"),
        ("path,label\nx.jpg,nv\na.jpg,nv\ny.jpg,nv\n", "t.csv, lines 2, 4: there is no such image"),
        ("path,label\n.,nv\n", "t.csv, line 2: there is no such image file"),
        ("path,label\na.jpg,nv\na.jpg,mel\n", r"more than once: a.jpg \(lines 2 and 3\)"),
        ("path,label,group\na.jpg,nv,L\nb.jpg,mel,L\n", r"more than one class: L \(mel, nv\)"),
        ("path,label\na.jpg,nv\n./a.jpg,nv\n", "1 image listed more than once: .*a.jpg"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(write, touch, text, message):
    touch("a.jpg", "b.jpg")
    with pytest.raises(DatasetError, match=message):
        read_csv_table(write("t.csv", text))
