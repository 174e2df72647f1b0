"""A folder a class."""

import os

import pytest

from trifuse.datasets.folders import list_images, read_folders
from trifuse.datasets.table import DatasetError


def test_images_below_each_class_are_sorted_and_grouped_alone(touch):
    folder = touch(
        "nv/b.jpg", "nv/a/z.PNG", "mel/c.tiff", "nv/notes.txt", "nv/.hidden.jpg", "nv/._a.jpg",
        ".git/x.jpg", "mel/.thumbs/c.jpg", "README.md",
    )  # fmt: skip
    table = read_folders(folder)
    assert table.paths == (folder / "mel/c.tiff", folder / "nv/a/z.PNG", folder / "nv/b.jpg")
    assert table.labels == ("mel", "nv", "nv")
    assert table.groups == ("mel/c.tiff", "nv/a/z.PNG", "nv/b.jpg")


def test_a_class_without_images_is_told(touch):
    folder = touch("nv/a.jpg", "mel/a.gif", "bcc/a.txt")
    with pytest.raises(DatasetError, match="has 2 folders without images: bcc, mel; each folder"):
        read_folders(folder)


def test_an_image_outside_of_the_classes_is_told(touch):
    with pytest.raises(DatasetError, match=r"has 1 image outside of the class folders: a.jpg"):
        read_folders(touch("nv/a.jpg", "a.jpg"))


def test_a_folder_that_cannot_be_listed_is_told(touch, monkeypatch):
    folder = touch("nv/a.jpg")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match=f"cannot list {folder}: Permission denied"):
        list_images(folder)


def test_only_the_suffixes_asked_for_are_listed(touch):
    folder = touch("a.jpg", "b.JPG", "c.png")
    assert [path.name for path in list_images(folder, {".jpg"})] == ["a.jpg", "b.JPG"]
