"""What a file is, by its name."""

import subprocess
import sys

import pytest

from trifuse.batch.inputs import kinds
from trifuse.features.images import DICOM_SUFFIXES, IMAGE_SUFFIXES


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


def test_tables():
    assert [kinds.is_table(name) for name in ("a.csv", "b/a.CSV", "a.csv.gz", "csv")] == [
        True, True, False, False,
    ]  # fmt: skip


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
