"""Names, and what is no image or too large a one: it gives one ImageError with its reason."""

import os
import warnings

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from trifuse.features.files import IMAGE_SUFFIXES, MAX_PIXELS
from trifuse.features.images import ImageError, read_image

FORMATS = ["JPEG", "PNG", "TIFF", "BMP", "WEBP"]
ROWS, COLUMNS = 12, 20


@pytest.fixture(scope="module")
def pixels(picture):
    """No two neighbours alike, and no symmetry that would hide a turned or mirrored image."""
    return picture(12, 20, seed=7)


class TestNames:
    @pytest.mark.parametrize("format_name", FORMATS)
    def test_the_suffix_does_not_matter(self, encode, pixels, tmp_path, format_name):
        data = encode(pixels, format_name)
        expected = read_image(data)
        for suffix in [*IMAGE_SUFFIXES, ".JPG", ".gif", ".txt", ""]:
            path = tmp_path / f"image{suffix}"
            path.write_bytes(data)
            np.testing.assert_array_equal(read_image(path), expected)
            np.testing.assert_array_equal(read_image(str(path)), expected)

    def test_error_names_the_file(self, tmp_path):
        path = tmp_path / "broken.jpg"
        path.write_bytes(b"no image")
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert str(caught.value) == (
            f"cannot read {path}: it is not a JPEG, PNG, TIFF, BMP or WebP image"
        )

    def test_error_names_no_file_for_bytes(self):
        with pytest.raises(ImageError) as caught:
            read_image(b"no image")
        assert str(caught.value) == (
            "cannot read the image: it is not a JPEG, PNG, TIFF, BMP or WebP image"
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda path: None, "there is no such file"),
            (lambda path: path.mkdir(), "it is a folder, not an image file"),
            (lambda path: path.touch(), "it is empty"),
            (os.mkfifo, "it is not a regular file"),
            (lambda path: path.write_text("hello"), "it is not a JPEG, PNG, TIFF, BMP or WebP"),
        ],
    )
    def test_what_is_no_image_file(self, tmp_path, make, reason):
        path = tmp_path / "a.jpg"
        make(path)
        with pytest.raises(ImageError, match=f"^cannot read {path}: {reason}"):
            read_image(path)

    def test_unreadable_file(self, tmp_path, monkeypatch):
        path = tmp_path / "a.jpg"
        path.touch()

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(path), "open", refuse)
        with pytest.raises(ImageError, match="Permission denied"):
            read_image(path)

    @pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 5000])
    def test_impossible_names(self, name):
        with pytest.raises(ImageError):
            read_image(name)

    @pytest.mark.parametrize("format_name", ["GIF", "PPM", "ICO", "TGA"])
    def test_other_formats(self, encode, pixels, format_name):
        with pytest.raises(ImageError, match="not a JPEG, PNG, TIFF, BMP or WebP image"):
            read_image(encode(pixels, format_name))

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
    @pytest.mark.parametrize(
        ("format_name", "options"),
        [
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("BMP", {}),
            ("WEBP", {}),
        ],
    )
    def test_truncated(self, encode, pixels, tmp_path, format_name, options, kept):
        data = encode(np.tile(pixels, (8, 8, 1)), format_name, **options)
        part = data[: int(len(data) * kept)]
        path = tmp_path / "part"
        path.write_bytes(part)
        for source in (part, path):
            with pytest.raises(ImageError, match="cannot be decoded, probably truncated"):
                read_image(source)

    def test_png_without_pixels(self, png):
        with pytest.raises(ImageError, match="its PNG data cannot be decoded"):
            read_image(png(4, 4))


class TestPixelLimit:
    @pytest.mark.parametrize("format_name", FORMATS)
    def test_is_exact(self, encode, pixels, format_name):
        data = encode(pixels, format_name)
        assert read_image(data, max_pixels=ROWS * COLUMNS).shape == (ROWS, COLUMNS, 3)
        with pytest.raises(ImageError, match="12 rows x 20 columns, more than the limit of 239 "):
            read_image(data, max_pixels=ROWS * COLUMNS - 1)

    def test_default_is_checked_before_decoding(self, png):
        with pytest.raises(ImageError, match="20,000 rows x 5,001 columns, more than the limit of"):
            read_image(png(5_001, 20_000, (b"IDAT", b"")))
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_image(png(5_000, 20_000, (b"IDAT", b"")))
        assert MAX_PIXELS == 100_000_000

    def test_can_be_raised_beyond_pillows(self, png):
        huge = png(20_000, 20_000, (b"IDAT", b""))
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_image(huge, max_pixels=10**9)

    def test_pillows_own_bound_is_no_other_exception(self):
        webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3e\0" * 2 + b"\0" * 20
        with pytest.raises(ImageError, match="more pixels than Pillow decodes of WebP"):
            read_image(webp)

    @pytest.mark.parametrize("format_name", FORMATS)
    def test_pillows_warning_does_not_leak(self, encode, pixels, monkeypatch, format_name):
        data = encode(pixels, format_name)
        expected = read_image(data)
        # Pillow warns above its limit and raises above twice its limit.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", ROWS * COLUMNS - 1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(read_image(data), expected)
        assert caught == []


class TestKindsThatAreNotRead:
    """Sound files: nothing says that they are damaged."""

    @staticmethod
    def assert_is_named(content, format_name, reason):
        with pytest.raises(ImageError, match=f"its kind of {format_name} cannot be read") as caught:
            read_image(content)
        assert reason in str(caught.value)
        assert "damaged" not in str(caught.value)

    def test_jpeg_of_12_bits(self, pixels):
        deep = pixels.astype(np.uint16) * 16
        content = imagecodecs.jpeg8_encode(deep, bitspersample=12)
        self.assert_is_named(content, "JPEG", "12-bit")

    def test_jpeg_ls(self, pixels):
        self.assert_is_named(imagecodecs.jpegls_encode(pixels[..., 0].copy()), "JPEG", "JPEG-LS")

    def test_bmp_of_2_bits_and_of_odd_fields(self, encode, pixels):
        content = bytearray(encode(pixels, "BMP"))
        content[28:30] = (2).to_bytes(2, "little")
        self.assert_is_named(bytes(content), "BMP", "pixel depth (2)")
        content[28:34] = (32).to_bytes(2, "little") + (6).to_bytes(4, "little")
        self.assert_is_named(bytes(content), "BMP", "compression (6)")
