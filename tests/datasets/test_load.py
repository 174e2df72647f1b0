"""The kind of an archive is found out, and what fits none is told what would."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from trifuse.datasets.csv_table import Columns
from trifuse.datasets.load import EXPECTED, load_dataset
from trifuse.datasets.table import DatasetError

HAM = "lesion_id,image_id,dx\nL1,ISIC_1,nv\nL2,ISIC_2,mel\n"
TABLE = "path,label\nISIC_1.jpg,nv\nISIC_2.jpg,mel\n"


@pytest.fixture
def images(touch):
    return touch("ISIC_1.jpg", "ISIC_2.jpg")


@pytest.mark.parametrize(
    "name",
    ["HAM10000_metadata.csv", "HAM10000_metadata", "other.csv", "HAM10000_metadata (1).csv",
     "HAM10000_metadata (2)", "HAM10000_metadata.tab", "ham.TXT", "x.tsv"],
)  # fmt: skip
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


@pytest.mark.parametrize("name", ["HAM10000_metadata.tab", "meta.txt", "HAM10000_metadata (1).csv"])
def test_the_metadata_goes_before_the_folders_of_images(touch, write, name):
    folder = touch("HAM10000_images_part_1/ISIC_1.jpg", "HAM10000_images_part_2/ISIC_2.jpg")
    (folder / "README.txt").write_bytes(b"\xff\xfe not a table")
    write(name, 'lesion_id\timage_id\tdx\n"L1"\t"ISIC_1"\t"nv"\n"L2"\t"ISIC_2"\t"mel"\n')
    assert load_dataset(folder).labels == ("nv", "mel")


def test_folders_that_hold_the_classes_are_refused(touch):
    names = ("nv/a.jpg", "mel/b.jpg")
    for parts in (("train", "val", "test"), ("Training", "Validation"), ("site 1", "site 2")):
        folder = touch(*(f"{'+'.join(parts)}/{part}/{name}" for part in parts for name in names))
        with pytest.raises(DatasetError) as caught:
            load_dataset(folder / "+".join(parts))
        assert str(caught.value) == (
            f"{folder / '+'.join(parts)} has the folders {', '.join(sorted(parts))}, each with the "
            "folders mel, nv in it, which seem to be parts of an archive and not its classes; name "
            "one of them whose own folders are the classes, or a CSV table of the images with the "
            "columns path and label"
        )


def test_folders_that_share_half_of_their_folders_are_refused(touch):
    folder = touch(
        "x/mel/a.jpg", "x/nv/b.jpg", "x/bcc/c.jpg", "y/nv/d.jpg", "y/df/e.jpg", "z/q/f.jpg"
    )
    with pytest.raises(DatasetError) as caught:
        load_dataset(folder)
    assert str(caught.value).startswith(
        f"{folder} has the folders x, y, z, several with the folders nv in them, which seem to be "
    )


@pytest.mark.parametrize(
    "names",
    ["train_images test_images", "ISIC_2019_Training_Input ISIC_2019_Test_Input", "part_1 part_2",
     "validation_data Training", "images_001 images_002 images_003", "fold_1 fold2 hold-out"],
)  # fmt: skip
@pytest.mark.parametrize("inner", ["", "mel/"])
def test_names_of_parts_are_no_classes(touch, names, inner):
    folder = touch(*(f"{name}/{inner}a.jpg" for name in names.split()))
    with pytest.raises(DatasetError, match="which seem to be parts of an archive and not its cla"):
        load_dataset(folder)


def test_image_folders_of_ham10000_without_its_metadata_are_refused(touch):
    folder = touch("HAM10000_images_part_1/ISIC_1.jpg", "ham10000_images_part_2/ISIC_2.jpg")
    with pytest.raises(DatasetError, match="which seem to be parts of an archive and not its cla"):
        load_dataset(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("nv/2019/a.jpg", "nv/2020/b.jpg", "nv/2022/e.jpg", "mel/2019/c.jpg", "mel/2021/d.jpg",
         "mel/2023/f.jpg"),
        ("nv/part_1/a.jpg", "mel/part_2/b.jpg"),
        ("images_1/a.jpg", "nevus/b.jpg"),
        ("nv/left/a.jpg", "nv/right/b.jpg", "mel/left/c.jpg", "mel/right/d.jpg", "mel/e.jpg"),
        ("nv/images/a.jpg", "mel/images/b.jpg"),
        ("test/a.jpg", "nevus/b.jpg"),
    ],
)  # fmt: skip
def test_classes_may_have_folders_in_them(touch, names):
    assert len(load_dataset(touch(*names))) == len(names)


def test_a_table_that_names_the_images_of_class_folders_is_told(touch, write):
    folder = touch("nv/a.jpg", "mel/b.jpg")
    write("sizes.csv", "folder,bytes\nnv,1\nmel,2\n")
    told = []
    assert load_dataset(folder, warn=told.append).classes == ("mel", "nv")
    assert told == [f"{folder}: passed over 1 table."]
    write("truth.txt", "image;diagnosis\nx/a;nv\nx/b;mel\n")
    with pytest.raises(DatasetError, match=r"has the folders mel, nv, and beside them truth.txt, "):
        load_dataset(folder)


def test_a_table_that_names_the_images_late_is_told(touch, write):
    folder = touch("nv/a.jpg", "mel/b.jpg")
    rows = "".join(f"{n:08}_000.png,none\n" for n in range(5_000))
    write("Data_Entry_2017.csv", f"Image Index,Finding\n{rows}a.jpg,nv\n")
    with pytest.raises(DatasetError, match=r"beside them Data_Entry_2017.csv, which names their"):
        load_dataset(folder)


def test_classes_that_differ_by_case_only_are_told(touch):
    folder, told = touch("Benign/a.jpg", "benign/b.jpg", "mel/c.jpg"), []
    assert load_dataset(folder, warn=told.append).classes == ("Benign", "benign", "mel")
    assert told == [f"{folder}: the classes Benign and benign differ by their case only."]


def test_a_table_goes_before_class_folders(touch, write):
    folder = touch("images/a.jpg", "images/b.jpg", "models/x.png")
    write("t.csv", "path,label\nimages/a.jpg,nv\nimages/b.jpg,mel\n")
    assert load_dataset(folder).classes == ("mel", "nv")


@pytest.mark.parametrize("separator", [";", "\t", ", "])
@pytest.mark.parametrize("text", [HAM, TABLE])
def test_other_separators(images, write, text, separator):
    write("t.csv", text.replace(",", separator))
    assert load_dataset(images).labels == ("nv", "mel")


@pytest.mark.parametrize("text", [HAM, TABLE])
def test_two_columns_of_one_name_are_refused(images, write, text):
    header, *rows = text.splitlines()
    last = header.rpartition(",")[2]
    path = write("t.csv", "\n".join([f"{header},{last}", *(f"{row},bkl" for row in rows)]))
    for source in (path, images):
        with pytest.raises(DatasetError, match=rf"t.csv has two columns named {last}; rename one"):
            load_dataset(source)


def test_a_table_with_other_headings(images, write):
    text = "image_id;diagnosis;path;lesion_id\nISIC_1.jpg;nv;x;L1\nISIC_2.jpg;mel;y;L2\n"
    path = write("t.csv", text)
    columns = Columns(path="image_id", label="diagnosis", group="lesion_id")
    for source in (path, images):
        table = load_dataset(source, columns)
        assert table.paths == (images / "ISIC_1.jpg", images / "ISIC_2.jpg")
        assert (table.labels, table.groups) == (("nv", "mel"), ("L1", "L2"))
    assert load_dataset(path, replace(columns, group=None)).groups == ("ISIC_1.jpg", "ISIC_2.jpg")
    with pytest.raises(DatasetError, match="has no column patient; its columns are: image_id, dia"):
        load_dataset(path, replace(columns, group="patient"))
    with pytest.raises(DatasetError, match=r"is no labelled archive .its columns are: image_id, d"):
        load_dataset(path, replace(columns, path="file"))


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
    assert "--path-column and --label-column" in EXPECTED
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    assert str(caught.value) == (
        f"{path} is no labelled archive (its columns are: file, class); {EXPECTED}"
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
