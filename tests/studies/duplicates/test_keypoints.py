"""Alignment finds the known movement or none, and detail is compared whatever the light."""

import cv2
import numpy as np
import pytest

from trifuse.features.images import read_image
from trifuse.studies.duplicates.keypoints import (
    MOST_KEYPOINTS,
    align,
    correlate_detail,
    detect_keypoints,
    mirror,
    root_sift,
    to_grey,
)

STAY = np.eye(2, 3)


@pytest.fixture
def detect(tmp_path):
    def write_and_detect(image):
        path = tmp_path / "image.png"
        cv2.imwrite(str(path), image[:, :, ::-1])
        return detect_keypoints(path)

    return write_and_detect


def test_keypoints_have_places_and_descriptors(detect, draw):
    found = detect(draw(0))
    assert 100 < len(found.positions) <= MOST_KEYPOINTS + 1
    assert found.descriptors.shape == (len(found.positions), 128)
    assert found.longest_side == 300
    assert (found.positions <= (300, 225)).all()
    assert np.linalg.norm(root_sift(found.descriptors), axis=1) == pytest.approx(1, abs=1e-3)


def test_pixels_are_told_from_others_whatever_the_format(tmp_path, draw):
    digests = []
    for name, image in (("a.png", draw(0)), ("a.bmp", draw(0)), ("b.png", draw(1))):
        cv2.imwrite(str(tmp_path / name), image)
        digests.append(detect_keypoints(tmp_path / name).pixels)
    assert digests[0] == digests[1] != digests[2]


def test_what_cannot_be_read_has_none(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    assert detect_keypoints(tmp_path / "broken.jpg") is None
    assert detect_keypoints(tmp_path / "absent.jpg") is None


def test_a_plain_image_has_no_keypoints(detect, draw):
    plain = detect(np.full((60, 80, 3), 120, np.uint8))
    assert plain.positions.shape == (0, 2)
    assert plain.descriptors.shape == (0, 128)
    assert align(plain, plain) is None
    assert align(plain, detect(draw(0))) is None


@pytest.mark.parametrize(("angle", "zoom"), [(0, 1), (30, 1), (90, 0.8), (180, 1.25), (-75, 0.7)])
def test_the_movement_is_found(detect, draw, angle, zoom):
    movement = cv2.getRotationMatrix2D((150, 112), angle, zoom)
    moved = cv2.warpAffine(draw(0), movement, (300, 225), borderMode=cv2.BORDER_REPLICATE)
    found = align(detect(draw(0)), detect(moved))
    corners = np.array([[50, 50, 1], [250, 50, 1], [150, 180, 1]])
    assert corners @ found.T == pytest.approx(corners @ movement.T, abs=3)


def test_a_mirrored_image_is_aligned_only_as_such(detect, draw):
    image, mirrored = detect(draw(0)), detect(draw(0)[:, ::-1])
    assert align(image, mirrored) is None
    found = align(image, mirrored, mirrored=True)
    assert found == pytest.approx(np.array([[-1, 0, 299], [0, 1, 0]]), abs=0.7)


def test_mirroring_twice_changes_nothing(detect, draw):
    image = detect(draw(0))
    again = mirror(mirror(image))
    assert np.array_equal(again.positions, image.positions)
    assert np.array_equal(again.descriptors, image.descriptors)


@pytest.mark.parametrize("mirrored", [False, True])
def test_unlike_images_are_not_aligned(detect, draw, mirrored):
    images = [detect(draw(seed)) for seed in range(8)]
    for one in images:
        assert all(align(one, other, mirrored) is None for other in images if other is not one)


def test_detail_is_compared_whatever_the_light(draw):
    image = to_grey(draw(0))
    assert correlate_detail(image, image, STAY) == pytest.approx(1)
    light = np.linspace(0.5, 0.9, 300)
    assert correlate_detail(image, (image * light + 20).astype(np.uint8), STAY) > 0.9
    assert correlate_detail(image, 255 - image, STAY) == 0


def test_equal_spots_with_other_detail_are_not_alike(draw):
    one, other = to_grey(draw(0)), to_grey(draw(1))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.7
    assert correlate_detail(one, other, STAY) < 0.2


def test_only_what_overlaps_is_compared(draw):
    image = to_grey(draw(0))
    shift = np.array([[1, 0, 100], [0, 1, 0]], float)
    shifted = np.full_like(image, 7)
    shifted[:, 100:] = image[:, :-100]
    assert correlate_detail(image, shifted, shift) > 0.95
    assert correlate_detail(image, image, shift * (1, 1, 9)) == 0
    assert correlate_detail(np.full_like(image, 9), image, STAY) == 0


def test_images_of_any_size_become_grey_and_small(tmp_path, draw):
    cv2.imwrite(str(tmp_path / "large.png"), draw(0, (450, 600)))
    assert to_grey(read_image(tmp_path / "large.png")).shape == (225, 300)
    assert to_grey(draw(0, (60, 80))).shape == (60, 80)
