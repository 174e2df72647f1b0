"""The kind of an archive is found out, and what fits none is told what would."""

import time
from pathlib import Path

import pytest

from trifuse.datasets.load import EXPECTED, load_dataset
from trifuse.datasets.table import DatasetError

HAM = "lesion_id,image_id,dx\nL1,ISIC_1,nv\nL2,ISIC_2,mel\n"
TABLE = "path,label\nISIC_1.jpg,nv\nISIC_2.jpg,mel\n"


@pytest.fixture
def images(touch):
    return touch("ISIC_1.jpg", "ISIC_2.jpg")


@pytest.mark.parametrize("name", ["HAM10000_metadata.csv", "HAM10000_metadata", "other.csv"])
def test_ham10000_folder(images, write, name):
    write(name, HAM)
    write("hmnist_28_28_L.csv", "pixel0000,pixel0001,label\n1,2,3\n")
    assert load_dataset(images).groups == ("L1", "L2")


def test_table_in_a_folder(images, write):
    write("anything.csv", TABLE)
    assert load_dataset(str(images)).groups == ("ISIC_1.jpg", "ISIC_2.jpg")


@pytest.mark.parametrize("text", [HAM, TABLE])
def test_a_csv_itself(images, write, text):
    write("first.csv", HAM)
    assert load_dataset(write("second.csv", text)).labels == ("nv", "mel")


def test_class_folders(touch):
    assert load_dataset(touch("nv/a.jpg", "mel/a.jpg")).classes == ("mel", "nv")


def test_a_table_goes_before_class_folders(touch, write):
    folder = touch("images/a.jpg", "images/b.jpg", "models/x.png")
    write("t.csv", "path,label\nimages/a.jpg,nv\nimages/b.jpg,mel\n")
    assert load_dataset(folder).classes == ("mel", "nv")


def test_a_missing_column_is_told_even_so(images, write):
    write("m.csv", "image_id,dx\nISIC_1,nv\n")
    with pytest.raises(DatasetError, match="has no column lesion_id"):
        load_dataset(images)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: folder.rmdir(), "^there is no .*archive; expected a folder with HAM10000"),
        (lambda folder: None, "archive is no labelled archive; expected a folder with HAM10000"),
        (lambda folder: (folder / "a.jpg").touch(), "is no labelled archive; expected a folder"),
        (
            lambda folder: [(folder / f"{name}.csv").write_text(HAM) for name in "ab"],
            "has more than one table: a.csv, b.csv; say which by giving the path",
        ),
    ],
)
def test_what_fits_no_kind_is_told(tmp_path, prepare, message):
    folder = tmp_path / "archive"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(DatasetError, match=message):
        load_dataset(folder)


def test_a_csv_of_another_kind_is_told(write):
    path = write("x.csv", "file;class\na;b\n")
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    assert str(caught.value) == (
        f"{path} is no labelled archive (its columns are: file;class); {EXPECTED}"
    )


def test_one_class_is_too_few(touch):
    with pytest.raises(DatasetError, match="has only the class nv; a classifier needs two"):
        load_dataset(touch("nv/a.jpg", "nv/b.jpg"))


def test_the_archive_itself_loads_quickly():
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ham10000"
    if not folder.exists():
        pytest.skip("the HAM10000 archive is not on this machine")
    start = time.process_time()
    table = load_dataset(folder)
    assert len(table) == 4910
    assert len(set(table.groups)) == 3368
    assert time.process_time() - start < 1
