"""`trifuse duplicates` and `trifuse train --merge-duplicates` on an archive with copies in it."""

import csv
import shutil
import sys
from pathlib import Path

import cv2
import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.features.images import read_image
from trifuse.training.duplicates import find


@pytest.fixture(scope="module")
def large_archive(tmp_path_factory):
    """Seven pictures of seven lesions, large enough for many keypoints."""
    folder = tmp_path_factory.mktemp("large")
    write_synthetic_archive(folder, images_per_class=1, size=(240, 320))
    return folder


@pytest.fixture
def copies(large_archive, tmp_path, monkeypatch):
    """A table.csv of the pictures, a copy, and one of another that is turned, as new groups."""
    monkeypatch.chdir(tmp_path)
    with (large_archive / "metadata.csv").open(newline="") as file:
        rows = [(row["path"], row["label"], row["group"]) for row in csv.DictReader(file)]
    shutil.copytree(large_archive / "images", "images")
    shutil.copy(rows[0][0], "images/copy.jpg")
    turned = cv2.rotate(read_image(rows[1][0])[:, :, ::-1], cv2.ROTATE_180)
    cv2.imwrite("images/turned.jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, 60])
    rows += [("images/copy.jpg", rows[0][1], "=1+1"), ("images/turned.jpg", rows[1][1], "turned")]

    def write(rows):
        with Path("table.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label", "group"), *rows])

    write(rows)
    return rows, write


def run(trifuse, *options):
    return trifuse("duplicates", "table.csv", "-o", "pairs.csv", "-j", "1", *options)


def test_the_pairs_are_listed_and_shown(trifuse, copies):
    result = run(trifuse, "--page", "pairs.html")
    assert (result.code, result.out) == (0, b"")
    assert result.err == (
        "looking for duplicates: 9 images\ncomparing images: 9 images\naligning images: 9 images\n"
        "2 pairs: 1 exact, 0 with two labels.\n"
    )
    exact, near = Path("pairs.csv").read_text().splitlines()[1:]
    assert (
        Path("pairs.csv")
        .read_bytes()
        .startswith(b"image_1,image_2,group_1,group_2,label_1,label_2,kind,score\n")
    )
    assert exact == (
        "images/synthetic_a_0000.jpg,images/copy.jpg,synthetic_a_lesion_0000,'=1+1,"
        "synthetic_a,synthetic_a,exact,1.0"
    )
    front, _, score = near.rpartition(",")
    assert front == (
        "images/synthetic_b_0000.jpg,images/turned.jpg,synthetic_b_lesion_0000,turned,"
        "synthetic_b,synthetic_b,near"
    )
    assert 0.8 < float(score) < 1
    page = Path("pairs.html").read_text()
    assert page.index("copy.jpg") < page.index("turned.jpg")
    assert page.count("<img ") == 4

    before = [Path(name).read_bytes() for name in ("pairs.csv", "pairs.html")]
    assert run(trifuse, "--page", "pairs.html", "--overwrite", "-j", "2").code == 0
    assert [Path(name).read_bytes() for name in ("pairs.csv", "pairs.html")] == before
    assert sorted(map(str, Path().iterdir())) == ["images", "pairs.csv", "pairs.html", "table.csv"]


def test_pairs_of_one_group_and_of_two_labels(trifuse, copies):
    rows, write = copies
    copy, turned = rows[-2][0], rows[-1][0]
    write([*rows[:-2], (copy, *rows[0][1:]), (turned, "synthetic_g", "turned")])
    result = run(trifuse)
    assert result.err.endswith("\n1 pair: 0 exact, 1 with two labels.\n")
    result = run(trifuse, "--within-groups", "--overwrite")
    assert ": 1 exact, 1 with two labels.\n" in result.err


def test_unreadable_images_are_counted(trifuse, copies):
    Path("images/turned.jpg").write_bytes(b"\xff\xd8\xff")
    result = run(trifuse)
    assert result.code == 3
    _, _, _, count, unread, last = result.err.splitlines()
    assert unread.startswith("'images/turned.jpg': cannot read the image: its JPEG data")
    assert [count, last] == [
        "1 pair: 1 exact, 0 with two labels.",
        "1 of 9 images could not be read and are left out.",
    ]


def test_what_cannot_be_done_is_told_before_the_work(trifuse, copies, monkeypatch):
    monkeypatch.setattr(find, "look_at_all", lambda *_: pytest.fail("the work began"))
    result = run(trifuse, "--page", "pairs.csv")
    assert result.code == 2
    assert result.err.endswith(
        "the pairs and the page take a file each; both have the same name.\n"
    )
    Path("pairs.html").write_text("old")
    result = run(trifuse, "--page", "pairs.html")
    assert result.code == 1
    assert result.err.startswith("Error: pairs.html exists already; name another output")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run(trifuse, "--page", "new.html")
    assert (result.code, result.err) == (
        1, 'Error: this needs jinja2, which is not installed; run: pip install "trifuse[studies]"\n'
    )  # fmt: skip
    assert not Path("pairs.csv").exists()
    assert Path("pairs.html").read_text() == "old"


def test_training_warns_once_or_merges(trifuse, archive, recipe_file, tmp_path):
    with (archive / "metadata.csv").open(newline="") as file:
        rows = [(archive / row["path"], row["label"], row["group"]) for row in csv.DictReader(file)]
    groups = [group for _, _, group in rows]
    original = next(row for row in rows if groups.count(row[2]) == 1)
    for name in ("copy.jpg", "third.jpg"):
        shutil.copy(original[0], tmp_path / name)
        rows.append((tmp_path / name, original[1], name))
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "group"), *rows])

    def train(*options):
        model = tmp_path / "m.trifuse"
        result = trifuse("train", tmp_path / "table.csv", "--recipe", recipe_file, "-j", "1",
                         "--overwrite", "-o", model, *options)  # fmt: skip
        assert result.code == 0
        return result.err.splitlines(), read_about(model)["training"]["groups"]

    n_groups = len(set(groups)) + 2
    lines, trained_groups = train()
    warning = (
        f"warning: 2 pairs of images (such as '{original[0].name}' and 'copy.jpg') show the same "
        "thing in different groups, which folds can separate; say --merge-duplicates to keep them "
        "together, or see them with trifuse duplicates"
    )
    assert [line for line in lines if "the same thing" in line] == [warning]
    assert trained_groups == n_groups

    lines, trained_groups = train("--merge-duplicates")
    assert [line for line in lines if "the same thing" in line] == []
    merged = f"merged the groups of duplicates: {n_groups} groups became {n_groups - 2}"
    assert merged in lines
    assert trained_groups == n_groups - 2
