"""What a table says of its images beside their labels."""

import pytest

from trifuse.datasets.csv_table import Columns
from trifuse.datasets.image_columns import read_image_columns
from trifuse.datasets.table import DatasetError


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["image_id", "path", "image"])
def test_reads_every_column_by_image(table, name):
    found = read_image_columns(table(f"age,{name}\n40,a.jpg\n,b.jpg\n"))
    assert found == {
        "age": {"a.jpg": "40", "b.jpg": ""},
        name: {"a.jpg": "a.jpg", "b.jpg": "b.jpg"},
    }


def test_the_column_of_images_may_be_named(table):
    found = read_image_columns(table("image,file\n1,a\n1,b\n"), Columns(path="file"))
    assert found["image"] == {"a": "1", "b": "1"}


def test_a_table_of_other_names_calls_images_by_its_path(table):
    found = read_image_columns(table("image_id,path,class\na,b.jpg,nv\n"), Columns(label="class"))
    assert found["class"] == {"b.jpg": "nv"}


def test_corrections_call_images_as_predictions_do(table):
    rows = "'=x.jpg,nv,nv,accept,40,other\n b.jpg,nv,mel,change,50,\n b.jpg,nv,mel,change,60,\n"
    found = read_image_columns(table(f"image,predicted,label,decision,age,path\n{rows}"))
    assert found["age"] == {"=x.jpg": "40", " b.jpg": "50"}


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            "file,age\na,1\n",
            Columns(),
            "no column image_id or path or image to name the images; its",
        ),
        ("path,age\na,1\n", Columns(path="file"), "no column file to name the images; its columns"),
        ("path,age\na,1\na,2\n", Columns(), "lists images more than once: a; keep one row of each"),
    ],
)
def test_refuses_what_names_no_images(table, text, columns, message):
    with pytest.raises(DatasetError, match=message):
        read_image_columns(table(text), columns)
