"""CSV files as people's programs write them; what is wrong is told with its line."""

import pytest

from trifuse.datasets.csv_file import read_header, read_rows
from trifuse.datasets.table import DatasetError


def test_rows_come_with_their_lines(write):
    path = write("t.csv", 'a,b\n1,"x, y"\n\n 2 ,\n"3\n3",z\n')
    assert read_rows(path, ["a"]) == [
        (2, {"a": "1", "b": "x, y"}),
        (4, {"a": "2", "b": ""}),
        (6, {"a": "3\n3", "b": "z"}),
    ]


def test_byte_order_mark_and_windows_line_ends(write):
    path = write("t.csv", "path,label\r\na.jpg,nv\r\n", encoding="utf-8-sig")
    assert read_header(path) == ["path", "label"]
    assert read_rows(path, ["path"]) == [(2, {"path": "a.jpg", "label": "nv"})]


def test_header_of_an_empty_file_is_empty(write):
    assert read_header(write("t.csv", "")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column a and no column b; its columns are: none"),
        ("b;a\n1;2\n", "has no column a and no column b; its columns are: b;a"),
        ("a,c\n1,2\n", "has no column b; its columns are: a, c"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells under 2 columns"),
        ("a,b\n1\n", "line 2: 1 cells under 2 columns"),
    ],
)
def test_what_is_wrong_is_told(write, text, message):
    path = write("t.csv", text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_rows(path, ["a", "b"])
    assert str(path) in str(caught.value)


def test_other_encodings_are_told(write):
    with pytest.raises(DatasetError, match="is not a CSV file in UTF-8"):
        read_rows(write("t.csv", "a\né\n", encoding="latin-1"), ["a"])


def test_missing_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        read_header(tmp_path / "none.csv")
