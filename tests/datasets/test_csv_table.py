"""A CSV table of images."""

import pytest

from trifuse.datasets.csv_table import read_csv_table
from trifuse.datasets.table import DatasetError


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
        ("path,dx\na.jpg,nv\n", "t.csv has no column label; its columns are: path, dx"),
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
def test_what_is_wrong_is_told(write, touch, text, message):
    touch("a.jpg", "b.jpg")
    with pytest.raises(DatasetError, match=message):
        read_csv_table(write("t.csv", text))
