"""What is found when an archive is looked at before it is split: duplicates, unreadable images."""

import hashlib

import pytest

from trifuse.datasets.duplicates import separated_pairs
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import DatasetError
from trifuse.features.files import file_sha256
from trifuse.training.duplicates.find import find_duplicates
from trifuse.training.duplicates.guard import inspect_archive


@pytest.fixture
def guard():
    def run(table, merge):
        said = []
        return inspect_archive(table, merge=merge, say=said.append).table, said

    return run


@pytest.fixture
def table(draw, make_archive):
    """Eight pictures in groups of their own; three show one thing, under one label."""
    pictures = {f"{seed}.png": draw(seed) for seed in range(8)}
    pictures |= {"2.png": draw(0)[8:], "4.png": draw(0)[:, 8:]}
    return make_archive(pictures, "abababab", "stuvwxyz")


@pytest.mark.parametrize("merge", [False, True])
def test_without_duplicates_nothing_is_said(merge, draw, make_archive, guard):
    table = make_archive({f"{seed}.png": draw(seed) for seed in range(4)})
    assert guard(table, merge) == (table, [])


def test_pairs_are_told_in_one_line(table, guard):
    same, said = guard(table, merge=False)
    assert same is table
    first, second = find_duplicates(table)[0][:2]
    assert said == [
        f"warning: 3 pairs of images (such as '{first}.png' and '{second}.png') show the same "
        "thing in different groups, which folds can separate; say --merge-duplicates to keep them "
        "together, or see them with trifuse duplicates"
    ]


def test_merged_groups_are_in_one_fold(table, guard):
    pairs = find_duplicates(table)

    def separated(groups, seed):
        return separated_pairs(pairs, grouped_stratified_folds(table.labels, groups, 2, seed))

    assert any(separated(table.groups, seed) for seed in range(5))
    merged, said = guard(table, merge=True)
    assert merged.groups == tuple("stsvsxyz")
    assert said == ["merged the groups of duplicates: 8 groups became 6"]
    assert not any(separated(merged.groups, seed) for seed in range(5))


def test_two_labels_of_one_thing_are_told(draw, make_archive, guard):
    pictures = {f"{seed}.png": draw(seed) for seed in range(4)} | {"copy.png": draw(1)}
    table = make_archive(pictures, "ababa")
    merged, said = guard(table, merge=True)
    assert merged == table
    assert said == [
        "merged the groups of duplicates: 5 groups became 5",
        "warning: 1 pair of images (such as '1.png' and 'copy.png') shows the same thing under two "
        "labels and cannot be merged; correct the labels, or leave the images out",
    ]


@pytest.fixture
def broken(draw, make_archive, tmp_path):
    """Two images that can be read, and four that cannot: of class a, b, a, b, a, b."""
    pictures = {"a.png": draw(0), "b.jpg": b"\xff\xd8\xff", "c.jpg": b"", "d.png": draw(1)}
    table = make_archive({**pictures, "e.txt": b"no image", "gone.png": draw(2)})
    (tmp_path / "archive" / "gone.png").unlink()
    return table


def test_all_unreadable_images_are_told_at_once(broken):
    said = []
    with pytest.raises(DatasetError) as caught:
        inspect_archive(broken, say=said.append)
    names = [repr(str(broken.paths[row])) for row in (1, 2, 4, 5)]
    assert str(caught.value) == (
        f"4 images of 6 cannot be read: {names[0]}, {names[1]}, {names[2]} and 1 more; mend or "
        "remove them, or leave them out by --skip-unreadable"
    )
    assert [line.split(": cannot read the image: ")[0] for line in said] == names
    assert said[1].endswith("it is empty")
    assert said[3].endswith("there is no such file")


def test_unreadable_images_are_left_out_on_request(broken):
    found = inspect_archive(broken, skip=True)
    assert found.table == broken.subset([0, 3])
    assert list(found.images) == [file_sha256(path) for path in found.table.paths]
    assert [image.path for image in found.unread] == [broken.paths[row] for row in (1, 2, 4, 5)]
    assert found.unread[1].sha256 == hashlib.sha256(b"").hexdigest()
    assert found.unread[3].sha256 == ""
    assert all(str(broken.paths[0].parent) not in image.reason for image in found.unread)


def test_a_class_without_a_readable_image_is_refused(draw, make_archive):
    table = make_archive({"a.png": draw(0), "b.jpg": b"", "c.png": draw(1)})
    with pytest.raises(DatasetError, match=r"no image of the class b can be read: .*b\.jpg'; mend"):
        inspect_archive(table, skip=True)


def test_duplicates_are_found_in_what_is_left(table, make_archive, draw):
    pictures = {path.name: path.read_bytes() for path in table.paths}
    broken = make_archive({"broken.jpg": b"", **pictures}, "aabababab", "rstuvwxyz")
    found = inspect_archive(broken, merge=True, skip=True)
    assert found.table.groups == tuple("stsvsxyz")
