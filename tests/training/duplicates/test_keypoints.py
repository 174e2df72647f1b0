"""Alignment finds the known movement or none."""

import cv2
import numpy as np
import pytest

from trifuse.features.files import file_sha256
from trifuse.features.images import read_image
from trifuse.training.duplicates.keypoints import (
    MOST_KEYPOINTS,
    MOST_MIRRORED,
    Unread,
    align,
    detect_keypoints,
    look_at,
    to_grey,
)

STAY = np.eye(2, 3)


def detect(image):
    return detect_keypoints(to_grey(image))[0]


def test_keypoints_have_places_and_descriptors(draw):
    found = detect(draw(0))
    assert 100 < len(found.positions) <= MOST_KEYPOINTS
    assert found.descriptors.shape == (len(found.positions), 32)
    assert (found.positions <= (300, 225)).all()
    assert found.turns.shape == found.scales.shape == (len(found.positions),)
    assert len(np.unique(found.turns // 64)) == 4
    assert set(found.scales) <= set(range(8))
    assert found.tolerance == pytest.approx(4)


def test_pixels_are_told_from_others_whatever_the_format(tmp_path, draw):
    digests = []
    for name, image in (("a.png", draw(0)), ("a.bmp", draw(0)), ("b.png", draw(1))):
        cv2.imwrite(str(tmp_path / name), image)
        digests.append(look_at(tmp_path / name).pixels)
    assert digests[0] == digests[1] != digests[2]


def test_what_cannot_be_read_has_none(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    broken, absent = (look_at(tmp_path / name) for name in ("broken.jpg", "absent.jpg"))
    assert broken.sha256 == file_sha256(tmp_path / "broken.jpg")
    assert broken.reason.startswith("cannot read the image: its JPEG data cannot be decoded")
    assert absent == Unread(
        tmp_path / "absent.jpg", "", "cannot read the image: there is no such file"
    )


def test_a_plain_image_has_no_keypoints(draw):
    plain = detect(np.full((60, 80, 3), 120, np.uint8))
    assert plain.positions.shape == (0, 2)
    assert plain.descriptors.shape == (0, 32)
    assert align(plain, plain) is None
    assert align(plain, detect(draw(0))) is None


@pytest.mark.parametrize(("angle", "zoom"), [(0, 1), (30, 1), (90, 0.8), (180, 1.25), (-75, 0.7)])
def test_the_movement_is_found(draw, angle, zoom):
    movement = cv2.getRotationMatrix2D((150, 112), angle, zoom)
    moved = cv2.warpAffine(draw(0), movement, (300, 225), borderMode=cv2.BORDER_REPLICATE)
    found = align(detect(draw(0)), detect(moved))
    corners = np.array([[50, 50, 1], [250, 50, 1], [150, 180, 1]])
    assert corners @ found.matrix.T == pytest.approx(corners @ movement.T, abs=3)


def test_a_mirrored_image_is_aligned_only_as_such(tmp_path, draw):
    cv2.imwrite(str(tmp_path / "image.png"), draw(0))
    image, mirrored = look_at(tmp_path / "image.png"), detect(draw(0)[:, ::-1])
    assert len(image.mirrored.positions) <= MOST_MIRRORED
    assert align(image.own, mirrored) is None
    assert align(image.mirrored, mirrored).matrix == pytest.approx(STAY, abs=0.7)


def test_unlike_images_are_not_aligned(draw):
    images = [detect(draw(seed)) for seed in range(8)]
    mirrored = [detect(draw(seed)[:, ::-1]) for seed in range(8)]
    for row, one in enumerate(images):
        others = images[:row] + images[row + 1 :] + mirrored
        assert all(align(one, other) is None for other in others)


def test_images_of_any_size_become_grey_and_small(tmp_path, draw):
    cv2.imwrite(str(tmp_path / "large.png"), draw(0, (450, 600)))
    assert to_grey(read_image(tmp_path / "large.png")).shape == (225, 300)
    assert to_grey(draw(0, (60, 80))).shape == (60, 80)


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (20, 20), (30, 300)])
def test_thin_images_have_no_keypoints(shape):
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for found in detect_keypoints(grey):
        assert len(found.positions) == len(found.descriptors) == 0
