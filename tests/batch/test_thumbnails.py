"""Thumbnails of rows, wherever their images stand, and whatever an image does to its child."""

import io
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from trifuse.batch import thumbnails
from trifuse.batch.inputs.items import InputOptions
from trifuse.batch.scored_inputs import ScoredInputs
from trifuse.batch.thumbnails import SIDE, draw_thumbnails


@pytest.fixture
def colour(tmp_path):
    """Give the content of an image of one colour; the kind is that of a suffix."""

    def make(red, green, blue, suffix=".jpg", size=(450, 600)):
        return cv2.imencode(suffix, np.full((*size, 3), (blue, green, red), np.uint8))[1].tobytes()

    return make


def draw(images, rows=None, jobs=1):
    scored = ScoredInputs(images, Path("none.csv"), {}, InputOptions(()))
    return draw_thumbnails(scored, range(len(images)) if rows is None else rows, jobs)


def tell_colour(content):
    """Give the colour, RGB, and the size (columns, rows) of a JPEG."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return image.reshape(-1, 3).mean(axis=0)[::-1].round(-1).tolist(), image.shape[1::-1]


def test_files_and_members_of_archives(tmp_path, monkeypatch, colour):
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_bytes(colour(200, 0, 0))
    Path("odd#2.png").write_bytes(colour(0, 200, 0, ".png"))
    with zipfile.ZipFile("z.zip", "w") as file:
        for blue in (100, 200):
            file.writestr(f"in/{blue}.jpg", colour(0, 0, blue))
    with tarfile.open("t.tar.gz", "w:gz") as file:
        for red in (50, 150):
            info, content = tarfile.TarInfo(f"{red}.jpg"), colour(red, red, 0)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    images = ["z.zip/in/200.jpg", "a.jpg", "t.tar.gz/150.jpg", "z.zip/none.jpg", "gone.jpg",
              "odd#2.png", "a.jpg", "t.tar.gz/50.jpg", "."]  # fmt: skip
    found = draw(images)
    assert {row: tell_colour(content)[0] for row, content in found.items()} == {
        0: [0, 0, 200], 1: [200, 0, 0], 2: [150, 150, 0], 5: [0, 200, 0], 6: [200, 0, 0],
        7: [50, 50, 0],
    }  # fmt: skip
    assert {tell_colour(content)[1] for content in found.values()} == {(SIDE, 225)}
    assert draw(images, [5]).keys() == {5}


def test_of_a_dicom_object_the_frames_that_are_meant(tmp_path, monkeypatch):
    examples = pytest.importorskip("pydicom.examples")
    monkeypatch.chdir(tmp_path)
    Path("v").write_bytes(examples.get_path("ybr_color").read_bytes())
    found = draw(["v#30", "v#1", "v#31"])
    assert found.keys() == {0, 1}
    assert found[0] != found[1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_hostile_image_costs_its_thumbnail(poison, colour, monkeypatch, jobs):
    monkeypatch.setattr(thumbnails, "TIMEOUT_SECONDS", 3.0)
    images = []
    for number, kind in enumerate(("SIGNAL 9", "HANG", "BUG", "EXIT 1", "HALF")):
        images.append(str(poison(kind)))
        path = Path(f"sound-{number}.jpg")
        path.write_bytes(colour(200, 0, 0))
        images.append(str(path))
    Path("cut.jpg").write_bytes(colour(200, 0, 0)[:2000])
    found = draw([*images, "cut.jpg", *images[1:2]], jobs=jobs)
    assert sorted(found) == [1, 3, 5, 7, 9, 11]


@pytest.mark.parametrize("size", [(3000, 4000), (2, 4000), (450, 600), (300, 299), (20, 30)])
def test_a_reduced_decoding_shows_the_same(tmp_path, size):
    """Against the whole image, decoded and shrunk."""
    from trifuse.features.images import read_image
    from trifuse.features.resize import shrink

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (5, 8, 3), dtype=np.uint8)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    whole, reduced = read_image(content), read_image(content, least_side=SIDE)
    assert max(reduced.shape) >= min(SIDE, max(size))
    assert (max(size) < 2 * SIDE) == (reduced.shape == whole.shape)
    expected, found = (shrink(one, SIDE).astype(float) for one in (whole, reduced))
    rows, columns = (min(one) for one in zip(expected.shape[:2], found.shape[:2], strict=True))
    assert abs(expected.shape[0] - found.shape[0]) <= 1
    assert np.abs(expected[:rows, :columns] - found[:rows, :columns]).mean() < 4
