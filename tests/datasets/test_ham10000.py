"""HAM10000 as distributed; every way in which rows and images can disagree is told."""

from pathlib import Path

import pytest

from trifuse.datasets.ham10000 import HAM10000_CLASSES, read_ham10000, read_ham10000_metadata
from trifuse.datasets.table import DatasetError

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
ROWS = (
    "HAM_2,ISIC_3,nv,histo,80.0,male,scalp\n"
    "HAM_1,ISIC_1,mel,histo,,male,ear\n"
    "HAM_1,ISIC_2,mel,histo,,male,ear\n"
)
IMAGES = ("images_part_1/ISIC_1.jpg", "images_part_2/deep/ISIC_2.JPG", "ISIC_3.jpg")


def test_images_are_found_in_any_folder_and_rows_keep_their_order(write, touch):
    folder = touch(*IMAGES, "masks/ISIC_1_segmentation.png", ".cache/ISIC_9.jpg", "._ISIC_3.jpg")
    table = read_ham10000(write("HAM10000_metadata.csv", HEADER + ROWS))
    assert table.paths == tuple(folder / IMAGES[place] for place in (2, 0, 1))
    assert table.labels == ("nv", "mel", "mel")
    assert table.groups == ("HAM_2", "HAM_1", "HAM_1")
    assert table.classes == ("mel", "nv")


def test_linked_folders_are_searched(write, touch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder = touch(*IMAGES[1:])
    (elsewhere / "ISIC_1.jpg").touch()
    (folder / "part_1").symlink_to(elsewhere)
    assert len(read_ham10000(write("m.csv", HEADER + ROWS))) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lesion_id,image_id\nHAM_1,ISIC_1\n", "has no column dx; its columns are: lesion_id, im"),
        (HEADER + ROWS.replace("nv", "naevus"), "line 2: dx is 'naevus' and not one of akiec, bcc"),
        (HEADER + ROWS.replace(",mel,", ",,"), "lines 3, 4: dx is '' and not one of"),
        (HEADER + ROWS.replace("HAM_2", ""), "line 2: lesion_id is empty"),
        (HEADER + ROWS.replace("ISIC_3", ""), "line 2: image_id is empty"),
        (
            HEADER + ROWS.replace("ISIC_2", "ISIC_3"),
            r"lists images more than once: ISIC_3 \(lines 2 and 4\); keep one row of each",
        ),
        (HEADER + ROWS.replace("HAM_2", "HAM_1"), r"more than one class: HAM_1 \(mel, nv\)"),
    ],
)
def test_wrong_rows_are_told(write, text, message):
    path = write("m.csv", text)
    with pytest.raises(DatasetError, match=message):
        read_ham10000_metadata(path)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:1], r"m.csv has 2 rows without an image below .*: ISIC_3, ISIC_2; add the .jpg"),
        ((*IMAGES, "x/ISIC_7.jpg"), "has 1 image without a row in m.csv: ISIC_7; add the rows"),
        (
            (*IMAGES, "x/ISIC_1.jpg"),
            r"1 image stored more than once below .*: ISIC_1; keep one copy of "
            r".*images_part_1/ISIC_1.jpg and .*x/ISIC_1.jpg",
        ),
    ],
)
def test_images_that_do_not_fit_the_rows_are_told(write, touch, images, message):
    touch(*images)
    with pytest.raises(DatasetError, match=message):
        read_ham10000(write("m.csv", HEADER + ROWS))


def test_many_problems_are_counted_and_the_first_few_named(write):
    rows = "".join(f"HAM_{i},ISIC_{i},nv,histo,,,\n" for i in range(1500))
    with pytest.raises(DatasetError, match=r"1,500 rows .*: ISIC_0, ISIC_1, ISIC_2 and 1,497 more"):
        read_ham10000(write("m.csv", HEADER + rows))


def test_the_archive_itself():
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ham10000"
    if not folder.exists():
        pytest.skip("the HAM10000 archive is not on this machine")
    table = read_ham10000(folder / "HAM10000_metadata.csv")
    assert len(table) == 4910
    assert table.classes == HAM10000_CLASSES
    assert table.labels.count("nv") == 1600
    assert all(path.name.startswith("ISIC_") for path in table.paths)
