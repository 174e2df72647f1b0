"""Folders give all their images, in a stable order, and nothing is passed over in silence."""

import inspect
import os
import socket
import sys
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import InputOptions, Item, Selection
from trifuse.batch.inputs.stream import walk_folder


def test_a_folder_is_sorted_folder_by_folder(tmp_path, warnings, fill, walk_names):
    fill(tmp_path, "b.jpg", "a.PNG", "B/x.tiff", "a/y.webp", "a/c/z.bmp", "b/a.jpeg", "a/d.dcm")
    assert walk_names(tmp_path) == [
        "a.PNG", "b.jpg", "B/x.tiff", "a/d.dcm", "a/y.webp", "a/c/z.bmp", "b/a.jpeg",
    ]  # fmt: skip
    assert warnings == []


@pytest.mark.parametrize("given", [".", "./", "..", "../x//", "/"])
def test_the_folder_stays_as_it_was_named(given, tmp_path, monkeypatch, warnings, fill):
    fill(tmp_path, "x/a.jpg")
    monkeypatch.chdir(tmp_path / "x")
    folder = given if given != "/" else f"{tmp_path}/x"
    options = InputOptions((folder,))
    found = [item.name for item in walk_folder(folder, options, Selection(options), print)]
    expected = {"..": "../x/a.jpg", "/": f"{tmp_path}/x/a.jpg", ".": "./a.jpg"}
    assert found == [expected.get(given, f"{given}a.jpg")]


def test_other_files_are_told(tmp_path, warnings, fill, walk_names):
    fill(tmp_path, "a.jpg", "notes.txt", "b/readme")
    assert walk_names(tmp_path) == ["a.jpg"]
    assert warnings == [f"{tmp_path}: passed over 2 files without an image's suffix."]


def test_dicom_is_found_whatever_its_name(tmp_path, warnings, dicom, fill, walk_names):
    fill(tmp_path, "IM0001", "a/1.2.840.10008", "b.txt", content=dicom)
    fill(tmp_path, "short", content=dicom[:131])
    assert walk_names(tmp_path) == ["IM0001", "b.txt", "a/1.2.840.10008"]
    assert warnings == [f"{tmp_path}: passed over 1 file without an image's suffix."]


def test_files_with_an_image_suffix_are_not_opened(tmp_path, monkeypatch, fill, walk_names):
    fill(tmp_path, "a.jpg", "b.dcm")
    monkeypatch.setattr(Path, "open", None)
    assert walk_names(tmp_path) == ["a.jpg", "b.dcm"]


def test_archives_and_tables_are_left_alone(tmp_path, warnings, dicom, fill, walk_names):
    fill(tmp_path, "a.jpg", "a.zip", "b/c.tar.gz", "d.TBZ2", "list.csv", content=dicom)
    assert walk_names(tmp_path) == ["a.jpg"]
    assert warnings == [
        f"{tmp_path}: passed over 3 archives; name them as inputs.",
        f"{tmp_path}: passed over 1 table; name it as an input if it lists images.",
    ]


def test_an_empty_folder_is_told(tmp_path, walk, warnings):
    assert walk(tmp_path) == []
    assert warnings == [f"{tmp_path}: holds no image."]


def test_hidden_files_and_folders(tmp_path, warnings, fill, walk_names):
    fill(tmp_path, "a.jpg", ".b.jpg", ".git/c.jpg", "d/.e/f.jpg")
    assert walk_names(tmp_path) == ["a.jpg"]
    assert warnings == [
        f"{tmp_path}: passed over 3 hidden files or folders; say --hidden to take them."
    ]
    taken = walk_names(tmp_path, hidden=True)
    assert taken == [".b.jpg", "a.jpg", ".git/c.jpg", "d/.e/f.jpg"]
    assert len(warnings) == 1


def test_pipes_and_sockets_are_told_and_never_opened(
    tmp_path, warnings, monkeypatch, fill, walk_names
):
    fill(tmp_path, "b.jpg")
    os.mkfifo(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "a")
    (tmp_path / "link.jpg").symlink_to("a")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.jpg")
        assert walk_names(tmp_path) == ["b.jpg"]
    assert warnings == [f"{tmp_path}: passed over 4 pipes, sockets or devices."]


def test_names_may_hold_anything(tmp_path, warnings, fill, walk_names):
    expected = ["*.jpg", "-.jpg", "a\nb.jpg", "\udcff.jpg", "\udce9/c.jpg"]
    fill(tmp_path, *expected)
    assert Path(os.fsdecode(bytes(tmp_path) + b"/\xff.jpg")).exists()
    assert walk_names(tmp_path) == expected
    assert walk_names(tmp_path, include=("\udcff*",)) == ["\udcff.jpg"]


def test_a_folder_that_cannot_be_read_becomes_an_item(tmp_path, walk, warnings, monkeypatch, fill):
    fill(tmp_path, "a/b.jpg", "c/d.jpg")
    real = os.scandir

    def scandir(path):
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    fault = "it is a folder that cannot be read (Permission denied)"
    assert walk(tmp_path) == [Item("c/d.jpg"), Item("a", fault=fault, errno=13)]
    assert warnings == [f"{tmp_path}/a: the folder cannot be read: Permission denied."]


def test_an_unreadable_folder_is_not_called_empty(tmp_path, walk, warnings):
    (gone,) = walk(tmp_path / "gone")
    assert gone.fault == "it is a folder that cannot be read (No such file or directory)"
    assert warnings == [f"{tmp_path}/gone: the folder cannot be read: No such file or directory."]


def test_what_the_patterns_leave_out_is_not_told(tmp_path, walk, warnings, fill, walk_names):
    fill(tmp_path, "a.jpg", "b.png", "notes.txt", "c.zip", ".d.txt")
    assert walk_names(tmp_path, include=("*.jpg",)) == ["a.jpg"]
    assert walk_names(tmp_path, exclude=("*.txt", "*.zip", "a.*")) == ["b.png"]
    assert walk(tmp_path, exclude=("*",)) == []
    assert warnings == []


def test_folders_may_be_nested_deeper_than_python_recurses(tmp_path, walk, monkeypatch):
    monkeypatch.chdir(tmp_path)
    depth = 300
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.jpg").touch()
    os.chdir(tmp_path)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + depth // 2)
    try:
        found = [item.name for item in walk(".")]
    finally:
        sys.setrecursionlimit(limit)
    assert found == ["d/" * depth + "a.jpg"]


def test_a_path_that_gets_too_long_becomes_an_item(tmp_path, walk, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    os.chdir(tmp_path)
    (item,) = walk(".")
    assert item.fault == "it is a folder that cannot be read (File name too long)"


def test_a_folder_is_listed_when_its_items_are_asked_for(tmp_path, monkeypatch, warnings, fill):
    fill(tmp_path, "a.jpg", "b/c.jpg")
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or real(path))
    options = InputOptions((str(tmp_path),))
    items = walk_folder(str(tmp_path), options, Selection(options), warnings.append)
    assert listed == []
    next(items)
    assert listed == [str(tmp_path)]
