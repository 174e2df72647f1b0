"""What a file is, by its name; and what is passed over is told, a sentence a kind."""

import subprocess
import sys

import pytest

from trifuse.datasets import kinds
from trifuse.datasets.kinds import Kind, Tally
from trifuse.features.files import DICOM_SUFFIXES, IMAGE_SUFFIXES

TOLD = set(Kind) - {Kind.IMAGE, Kind.FOLDER, Kind.LEFT_OUT}


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES | DICOM_SUFFIXES))
def test_images_are_told_by_their_suffix(suffix):
    assert kinds.has_image_suffix(f"a/b{suffix}")
    assert kinds.has_image_suffix(f"a.b{suffix.upper()}")
    assert not kinds.has_image_suffix(f"a{suffix}/b")
    assert not kinds.has_image_suffix(suffix)


@pytest.mark.parametrize("name", ["a", "a.", "a.txt", "a.jpg.gz", "jpg", "", "a\0.txt"])
def test_what_has_no_image_suffix(name):
    assert not kinds.has_image_suffix(name)


@pytest.mark.parametrize(
    "name",
    ["a.zip", "a.ZIP", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.Txz"],
)
def test_archives(name):
    assert kinds.is_archive(name)
    assert kinds.is_zip(name) == (name.lower() == "a.zip")


@pytest.mark.parametrize("name", ["a.gz", "a.7z", "zip", "a.zip/b.jpg", "a.tar.zst", "a.csv"])
def test_what_is_no_archive(name):
    assert not kinds.is_archive(name)


@pytest.mark.parametrize("name", ["a.csv", "b/a.CSV", "a.tsv", "a.tab"])
def test_tables(name):
    assert kinds.is_table(name)
    assert not kinds.is_table(f"{name}.gz")
    assert not kinds.is_table(name[-3:])


@pytest.mark.parametrize("path", [".a", "b/.a", ".b/a", "__MACOSX/b/a", "./.a", "...", "b/..a"])
def test_hidden(path):
    assert kinds.is_hidden(path)


@pytest.mark.parametrize("path", ["a", "./a", "../a", "/a/b", "a./b", "", "b/__MACOSX_/a"])
def test_shown(path):
    assert not kinds.is_hidden(path)


def test_pydicom_is_not_imported():
    code = "import sys, trifuse.batch.inputs.stream; print('pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", sorted(TOLD, key=lambda kind: kind.name))
def test_every_kind_has_a_sentence_for_one_and_for_many(kind, warnings):
    for n in (1, 2):
        tally = Tally("there")
        tally.add(Kind.IMAGE)
        for _ in range(n):
            tally.add(kind)
        tally.tell(warnings.append)
    one, many = warnings
    assert one.startswith("there: passed over 1 ")
    assert many.startswith("there: passed over 2 ")
    assert one.endswith(".")
    assert many.endswith(".")
    assert one.replace(" 1 ", " 2 ") != many


def test_many_are_grouped_by_thousands(warnings):
    tally = Tally("x")
    for _ in range(1234):
        tally.add(Kind.OTHER)
    tally.tell(warnings.append)
    assert warnings[0] == "x: passed over 1,234 files without an image's suffix."


@pytest.mark.parametrize(
    ("found", "whole", "told"),
    [
        ([], True, ["x: holds no image."]),
        ([Kind.FOLDER], True, ["x: holds no image."]),
        ([], False, []),
        ([Kind.IMAGE], True, []),
        ([Kind.LEFT_OUT], True, []),
    ],
)
def test_an_empty_place_is_told(found, whole, told, warnings):
    tally = Tally("x")
    for kind in found:
        tally.add(kind)
    tally.tell(warnings.append, whole=whole)
    assert warnings == told
