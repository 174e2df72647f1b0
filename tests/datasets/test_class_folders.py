"""A folder a class."""

import os

import pytest

from trifuse.datasets.class_folders import read_folders
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


def test_what_predict_reads_is_read(touch):
    folder = touch("nv/a.JFIF", "nv/b.jpe", "mel/c.dcm", "mel/d.webp")
    (folder / "mel/IM0001").write_bytes(bytes(128) + b"DICM")
    (folder / "mel/IM0002").write_bytes(bytes(132))
    assert read_folders(folder).groups == (
        "mel/IM0001", "mel/c.dcm", "mel/d.webp", "nv/a.JFIF", "nv/b.jpe",
    )  # fmt: skip


def test_what_is_passed_over_is_counted_and_told(touch):
    folder = touch("nv/a.jpg", "nv/a.gif", "mel/b.jpg", "mel/c.HEIC", "mel/notes.txt", "x.zip",
                   ".y/z.jpg", "mel/list.csv")  # fmt: skip
    told = []
    assert len(read_folders(folder, warn=told.append)) == 2
    assert told == [
        f"{folder}: passed over 1 file without an image's suffix.",
        f"{folder}: passed over 2 images in formats that are not read, such as GIF or HEIC.",
        f"{folder}: passed over 1 archive.",
        f"{folder}: passed over 1 table.",
        f"{folder}: passed over 1 hidden file or folder.",
    ]


@pytest.mark.parametrize("link", ["nv/up", "mel/a/again", "bcc/0"])
@pytest.mark.parametrize("target", [".", "mel", "nv/deep", "nv"])
def test_links_within_the_archive_multiply_nothing(touch, link, target):
    folder = touch("bcc/a.jpg", "mel/a/b.jpg", "nv/c.jpg", "nv/deep/d.jpg")
    (folder / link).symlink_to(folder / target)
    told = []
    table = read_folders(folder, warn=told.append)
    assert table.groups == ("bcc/a.jpg", "mel/a/b.jpg", "nv/c.jpg", "nv/deep/d.jpg")
    assert told == [f"{folder}: passed over 1 link to a folder that is searched anyway."]


def test_links_that_lead_elsewhere_are_followed_once(touch, tmp_path_factory):
    folder, other = touch("mel/a.jpg", "nv/b.jpg"), tmp_path_factory.mktemp("other")
    (other / "c.jpg").touch()
    (other / "back").symlink_to(folder)
    (other / "self").symlink_to(other)
    (folder / "bcc").symlink_to(other)
    (folder / "nv" / "too").symlink_to(other)
    assert read_folders(folder).groups == ("bcc/c.jpg", "mel/a.jpg", "nv/b.jpg")


def test_links_to_images_of_the_archive_multiply_nothing(touch):
    folder, told = touch("mel/a.jpg", "nv/b.jpg", "nv/c.jpg", ".store/d.jpg"), []
    (folder / "mel/0.jpg").symlink_to("../nv/b.jpg")
    (folder / "nv/z.jpg").symlink_to(folder / "mel/a.jpg")
    (folder / "nv/d.jpg").symlink_to("../.store/d.jpg")  # hidden, so not found without the link
    (folder / "nv/e.jpg").symlink_to("../.store/d.jpg")
    (folder / "nv/hard.jpg").hardlink_to(folder / "nv/c.jpg")
    table = read_folders(folder, warn=told.append)
    assert table.groups == ("mel/a.jpg", "nv/b.jpg", "nv/c.jpg", "nv/d.jpg", "nv/hard.jpg")
    assert told == [
        f"{folder}: passed over 1 hidden file or folder.",
        f"{folder}: passed over 3 images that are found under other names.",
    ]


def test_an_image_elsewhere_that_links_lead_to_is_found_once(touch, tmp_path_factory):
    folder, other = touch("mel/a.jpg", "nv/b.jpg"), tmp_path_factory.mktemp("other")
    for name in ("c.jpg", "d.jpg", "gone.jpg"):
        (other / name).touch()
        (folder / "mel" / name).symlink_to(other / name)
    (folder / "nv/c2.jpg").symlink_to(other / "c.jpg")
    (folder / "nv/other").symlink_to(other)
    (other / "e.jpg").symlink_to("c.jpg")
    (other / "gone.jpg").unlink()
    (folder / "nv/gone.jpg").symlink_to(other / "gone.jpg")
    told = []
    table = read_folders(folder, warn=told.append)
    assert table.groups == (
        "mel/a.jpg", "mel/c.jpg", "mel/d.jpg", "mel/gone.jpg", "nv/b.jpg", "nv/gone.jpg",
    )  # fmt: skip
    assert told == [f"{folder}: passed over 4 images that are found under other names."]


def test_links_upward_out_of_the_archive_are_not_followed(touch):
    folder, told = touch("foreign/x.jpg", "y.jpg", "arch/a/1.jpg", "arch/b/2.jpg") / "arch", []
    (folder / "a/up").symlink_to("../..")
    (folder / "b/root").symlink_to("/")
    (folder / "b/beside").symlink_to("../../foreign")
    table = read_folders(folder, warn=told.append)
    assert table.groups == ("a/1.jpg", "b/2.jpg", "b/beside/x.jpg")
    assert told == [f"{folder}: passed over 2 links to folders that this one lies in."]


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
        read_folders(folder)
