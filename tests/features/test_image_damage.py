"""Damaged bytes give an image or one ImageError; many threads read the same and leave no trace."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from trifuse.features.images import ImageError, read_image

FORMATS = ["JPEG", "PNG", "TIFF", "BMP", "WEBP"]


@pytest.fixture(scope="module")
def pixels(picture):
    """No two neighbours alike, and no symmetry that would hide a turned or mirrored image."""
    return picture(12, 20, seed=7)


class TestThreads:
    def test_many_threads_read_the_same_and_leave_no_trace(self, encode, pixels):
        data = {name: encode(pixels, name) for name in FORMATS}
        expected = {name: read_image(content) for name, content in data.items()}
        filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
        with ThreadPoolExecutor(8) as pool:
            jobs = [(name, pool.submit(read_image, data[name])) for name in FORMATS * 40]
            for name, job in jobs:
                np.testing.assert_array_equal(job.result(), expected[name])
        assert warnings.filters == filters
        assert limit == Image.MAX_IMAGE_PIXELS


@pytest.fixture(scope="module")
def seeds(encode):
    """One or more small valid files of each format and of the modes that take other paths."""
    picture = np.random.default_rng(1).integers(0, 256, (9, 11, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    rgb, rgba = picture[:, :, :3], picture
    palette = Image.fromarray(rgb).quantize(8)
    return [
        encode(rgb, "JPEG", exif=exif),
        encode(rgb, "JPEG", progressive=True),
        encode(rgba, "PNG", exif=exif),
        encode(palette, "PNG", transparency=1),
        encode(rgb[:, :, 0].astype(np.uint16), "PNG"),
        encode(rgb, "TIFF", exif=exif),
        encode(rgb, "TIFF", compression="tiff_lzw"),
        encode(rgb[:, :, 0].astype(np.uint16), "TIFF"),
        encode(rgb, "BMP"),
        encode(palette, "BMP"),
        encode(rgba, "WEBP", exif=exif),
        encode(rgb, "WEBP", lossless=False),
    ]


@st.composite
def damaged_files(draw, files):
    data = bytearray(draw(st.sampled_from(files)))
    # Headers decide most: half of the changes fall into the first 64 bytes.
    places = st.integers(0, min(63, len(data) - 1)) | st.integers(0, len(data) - 1)
    interesting = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    for place, value in draw(st.lists(st.tuples(places, interesting), max_size=6)):
        data[place] = value
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_bytes_give_an_image_or_an_image_error(data, seeds):
    try:
        image = read_image(data.draw(damaged_files(seeds)), max_pixels=1_000_000)
    except ImageError as error:
        message = str(error)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        return
    assert message.startswith("cannot read the image: ")
    assert "\n" not in message
