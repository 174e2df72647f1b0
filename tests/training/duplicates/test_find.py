"""Changed copies are found, unlike images of the same kind are not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from trifuse.datasets.duplicates import merge_groups
from trifuse.datasets.load import load_dataset
from trifuse.training.duplicates import find
from trifuse.training.duplicates.find import find_duplicates

pytestmark = pytest.mark.slow


def encode(image, suffix=".jpg", quality=95):
    data = cv2.imencode(suffix, image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return data.tobytes()


def turn(image, angle, zoom=1.0):
    rows, columns = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, zoom)
    return cv2.warpAffine(image, matrix, (columns, rows), borderMode=cv2.BORDER_REFLECT)


CHANGES = {
    "quality 50": lambda image: encode(image, quality=50),
    "half the size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5),
    "twice the size": lambda image: cv2.resize(image, None, fx=2, fy=2),
    "cropped": lambda image: image[15:-15, 25:-10],
    "turned by 90": np.rot90,
    "turned by 180": lambda image: np.rot90(image, 2),
    "turned by 35": lambda image: turn(image, 35),
    "magnified": lambda image: turn(image, 0, 1.6),
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "another tint": lambda image: (image * (1, 0.7, 0.9)).astype(np.uint8),
}


@pytest.fixture
def others(draw):
    """A dozen pictures of the same kind."""
    return {f"other{seed}.png": draw(seed) for seed in range(1, 13)}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change, draw, make_archive, others):
    picture = draw(0)
    table = make_archive({**others, "a.png": picture, "b.jpg": CHANGES[change](picture)})
    [pair] = find_duplicates(table)
    assert (pair.first, pair.second, pair.kind) == (12, 13, "near")
    assert 0.5 < pair.score <= 1


def test_equal_pixels_are_exact_whatever_the_file(draw, make_archive, others):
    picture = draw(0)
    same = {"a.png": picture, "b.bmp": encode(picture, ".bmp"), "c.png": picture}
    pairs = find_duplicates(make_archive({**others, **same}))
    assert [pair[:3] for pair in pairs] == [(12, 14, "exact"), (13, 14, "exact")]  # by class


def test_equal_pixels_of_one_class_are_joined_past_another_class(make_archive):
    table = make_archive({f"{row}.png": np.full((40, 60, 3), 90, np.uint8) for row in range(4)})
    table = replace(table, labels=("a", "b", "a", "b"))
    merged, [contradiction] = merge_groups(table, find_duplicates(table))
    assert merged.groups == (*table.groups[:2], *table.groups[:2])
    assert contradiction[:2] == (1, 2)


def test_plain_images_can_be_exact_only(make_archive):
    plain = np.full((40, 60, 3), 90, np.uint8)
    table = make_archive({"a.png": plain, "b.png": plain, "c.png": plain + 1})
    assert [tuple(pair) for pair in find_duplicates(table)] == [(0, 1, "exact", 1.0)]


def test_pairs_of_one_group_are_given_on_request(draw, make_archive):
    pictures = {"a.png": draw(0), "b.png": draw(0), "c.png": draw(0)[10:], "d.png": draw(1)}
    table = make_archive(pictures, "aaaa", "xxyy")
    assert [pair[:3] for pair in find_duplicates(table)] == [(0, 2, "near"), (1, 2, "near")]
    assert [pair[:3] for pair in find_duplicates(table, within_groups=True)] == [
        (0, 1, "exact"), (0, 2, "near"), (1, 2, "near")
    ]  # fmt: skip


def test_what_is_one_through_another_is_compared_too(draw, make_archive, monkeypatch):
    copies = {f"{quality}.jpg": encode(draw(0), quality=quality) for quality in (95, 80, 60)}
    monkeypatch.setattr(find, "likely_pairs", lambda *_: [(0, 1, False), (1, 2, False)])
    pairs = find_duplicates(make_archive(copies))
    assert sorted(pair[:2] for pair in pairs) == [(0, 1), (0, 2), (1, 2)]
    monkeypatch.setattr(find, "MOST_FOLLOWED", 2)
    assert sorted(pair[:2] for pair in find_duplicates(make_archive(copies))) == [(0, 1), (1, 2)]


def test_unreadable_images_are_in_no_pair(draw, make_archive):
    pictures = {"a.jpg": b"\xff\xd8\xff", "b.png": draw(0), "c.jpg": b"\xff\xd8\xff"}
    table = make_archive({**pictures, "d.png": draw(0)})
    assert [tuple(pair) for pair in find_duplicates(table)] == [(1, 3, "exact", 1.0)]
    assert find_duplicates(make_archive({"a.jpg": b"", "c.jpg": b""})) == []


def test_the_most_alike_come_first(draw, make_archive, others):
    picture = draw(0)
    changed = {"a.png": picture, "b.jpg": encode(picture, quality=10), "c.jpg": encode(picture)}
    pairs = find_duplicates(make_archive({**others, **changed}))
    assert [pair[:2] for pair in pairs] == [(12, 14), (12, 13), (13, 14)]
    assert [pair.score for pair in pairs] == sorted((pair.score for pair in pairs), reverse=True)


def test_other_pictures_of_the_same_classes_are_no_duplicates(archive, monkeypatch):
    """And each time, in whatever way images are mapped, the same is found."""
    table, titles = load_dataset(archive), []

    def backwards(function, items, title, jobs):
        titles.append(title)
        return [function(item) for item in items[::-1]][::-1]

    assert find_duplicates(table) == []
    found = find_duplicates(table, within_groups=True)
    monkeypatch.setattr(find, "map_images", backwards)
    assert found == find_duplicates(table, within_groups=True)
    assert {table.groups[pair.first] == table.groups[pair.second] for pair in found} == {True}
    assert titles == ["looking for duplicates", "aligning images"]
