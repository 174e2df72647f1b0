"""Inputs become paths: all of them, in a stable order, and nothing is passed over in silence."""

import io
import os
from pathlib import Path

import pytest

from trifuse.batch.sources import SourceError, iterate_inputs, read_list, walk_folder


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "B/x.tiff", "a/y.webp", "a/c/z.bmp",
        ".git/v.jpg", "empty/readme",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_inputs_keep_their_order(tree, warnings, monkeypatch):
    monkeypatch.chdir(tree)
    inputs = ["b.jpg", "a", "-", "missing.jpg", "notes.txt", "b.jpg"]
    found = list(iterate_inputs(inputs, io.BytesIO(b"p\nq"), b"\n", warnings.append))
    listed = ["p", "q"]
    expected = ["b.jpg", "a/y.webp", "a/c/z.bmp", *listed, "missing.jpg", "notes.txt", "b.jpg"]
    assert found == expected
    assert warnings == []


def test_a_folder_is_sorted_and_its_other_files_are_told(tree, warnings):
    found = list(walk_folder(f"{tree}/", warnings.append))
    names = [path.removeprefix(f"{tree}/") for path in found]
    assert names == ["a.PNG", "b.jpg", "B/x.tiff", "a/y.webp", "a/c/z.bmp"]
    assert warnings == [f"{tree}/: passed over 2 files without an image's suffix."]


def test_an_empty_folder_is_told(tmp_path, warnings):
    assert list(walk_folder(str(tmp_path), warnings.append)) == []
    assert warnings == [f"{tmp_path}: holds no image."]


def test_links_to_folders_are_told(tree, warnings):
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "a" / "link.jpg").symlink_to(tree / "b.jpg")
    found = list(walk_folder(str(tree / "a"), warnings.append))
    assert [Path(path).name for path in found] == ["link.jpg", "y.webp", "z.bmp"]
    assert warnings == [f"{tree}/a: passed over 1 link to folders; name these as inputs."]


def test_a_folder_that_cannot_be_read_becomes_a_row(tree, warnings, monkeypatch):
    real = os.scandir

    def scandir(path):
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(walk_folder(str(tree), warnings.append))
    assert [path.removeprefix(f"{tree}/") for path in found] == ["a.PNG", "b.jpg", "B/x.tiff", "a"]
    assert warnings[-1] == f"{tree}/a: the folder cannot be read: Permission denied."


def test_a_name_that_is_too_long_is_a_path_like_any_other(warnings):
    name = "x" * 5000
    assert list(iterate_inputs([name], io.BytesIO(), b"\n", warnings.append)) == [name]


@pytest.mark.parametrize(
    ("listed", "separator", "paths"),
    [
        (b"a.jpg\nb.jpg\n", b"\n", ["a.jpg", "b.jpg"]),
        (b"a.jpg\r\nb.jpg", b"\n", ["a.jpg", "b.jpg"]),
        (b"\n\n  a b.jpg \n\n", b"\n", ["  a b.jpg "]),
        (b"a\nb.jpg\0\0c\r.jpg\0", b"\0", ["a\nb.jpg", "c\r.jpg"]),
        (b"\xff.jpg\n", b"\n", ["\udcff.jpg"]),
        ("é.jpg".encode(), b"\n", ["é.jpg"]),
        (b"", b"\n", []),
    ],
)
def test_lists(listed, separator, paths):
    assert list(read_list(io.BytesIO(listed), separator)) == paths


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_list_may_come_in_any_pieces(size):
    class Pieces(io.RawIOBase):
        content = io.BytesIO(b"one\r\n\xc3\xa9\nthree")

        def read(self, n=-1):
            return self.content.read(size)

    assert list(read_list(Pieces(), b"\n")) == ["one", "é", "three"]


def test_paths_are_given_while_the_list_is_being_written():
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as stream, os.fdopen(sink, "wb", buffering=0) as writer:
        paths = read_list(stream, b"\n")
        for name in ("a", "b"):
            writer.write(f"{name}\n".encode())
            assert next(paths) == name


def test_a_list_that_cannot_be_read():
    class Folder(io.RawIOBase):
        def read(self, n=-1):
            raise IsADirectoryError(21, "Is a directory")

    message = r"^The list of images on standard input cannot be read: Is a directory\.$"
    with pytest.raises(SourceError, match=message):
        list(read_list(Folder(), b"\n"))
