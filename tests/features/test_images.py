"""Images of every format and mode become the RGB that was drawn; whatever else, one ImageError."""

import io
import os
import struct
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from trifuse.features.images import IMAGE_SUFFIXES, MAX_PIXELS, ImageError, read_image

FORMATS = ["JPEG", "PNG", "TIFF", "BMP", "WEBP"]
LOSSLESS = ["PNG", "TIFF", "BMP", "WEBP"]
ROWS, COLUMNS = 12, 20


@pytest.fixture(scope="module")
def pixels():
    """No two neighbours alike, and no symmetry that would hide a turned or mirrored image."""
    return np.random.default_rng(7).integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)


def encode(image, format_name, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if format_name == "WEBP":
        options = {"lossless": True, "exact": True} | options
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def png(columns, rows, *chunks):
    """Build a PNG by hand; its header says what it likes."""
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [(b"IHDR", header), *chunks, (b"IEND", b"")]
    )
    return b"\x89PNG\r\n\x1a\n" + body


class TestPixels:
    @pytest.mark.parametrize("format_name", LOSSLESS)
    def test_rgb_is_returned_as_drawn(self, pixels, format_name):
        np.testing.assert_array_equal(read_image(encode(pixels, format_name)), pixels)

    def test_jpeg_is_what_pillow_decodes(self, pixels):
        data = encode(pixels, "JPEG", quality=95)
        expected = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(read_image(data), expected)

    @pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}])
    def test_jpeg_of_other_kinds(self, options):
        flat = np.full((16, 16, 3), (200, 120, 90), np.uint8)
        assert np.abs(read_image(encode(flat, "JPEG", **options)).astype(int) - flat).max() <= 2

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
    def test_compressed_tiff(self, pixels, compression):
        data = encode(pixels, "TIFF", compression=compression)
        np.testing.assert_array_equal(read_image(data), pixels)

    @pytest.mark.parametrize("format_name", FORMATS)
    def test_result_is_read_only_contiguous_uint8(self, pixels, format_name):
        image = read_image(encode(pixels, format_name))
        assert image.dtype == np.uint8
        assert image.shape == (ROWS, COLUMNS, 3)
        assert not image.flags.writeable
        assert image.flags.c_contiguous

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_grey_repeats_in_three_channels(self, pixels, format_name):
        grey = pixels[:, :, 0]
        expected = np.repeat(grey[:, :, None], 3, axis=2)
        np.testing.assert_array_equal(read_image(encode(grey, format_name)), expected)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_one_bit_is_black_and_white(self, pixels, format_name):
        bits = pixels[:, :, 0] > 127
        expected = np.repeat(bits[:, :, None], 3, axis=2) * np.uint8(255)
        np.testing.assert_array_equal(read_image(encode(bits, format_name)), expected)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_palette(self, pixels, format_name):
        image = Image.fromarray(pixels).quantize(16)
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(read_image(encode(image, format_name)), expected)

    @pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
    def test_transparent_palette_entry_is_white(self, transparency):
        image = Image.new("P", (3, 1))
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        image.putdata([0, 1, 2])
        read = read_image(encode(image, "PNG", transparency=transparency))
        assert read[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
    def test_rgba_lies_over_white(self, pixels, format_name):
        alpha = np.random.default_rng(8).integers(0, 256, (ROWS, COLUMNS, 1))
        alpha[0, :3, 0] = [0, 255, 128]
        rgba = np.concatenate([pixels, alpha], axis=2).astype(np.uint8)
        expected = 255 - (255.0 - pixels) * alpha / 255
        read = read_image(encode(rgba, format_name))
        assert np.abs(read - expected).max() <= 0.51
        np.testing.assert_array_equal(read[0, 1], pixels[0, 1])

    def test_grey_with_alpha_lies_over_white(self):
        la = np.array([[[10, 0], [10, 255], [100, 51]]], np.uint8)
        assert read_image(encode(la, "PNG"))[0].tolist() == [[255] * 3, [10] * 3, [224] * 3]

    @pytest.mark.parametrize(("mode", "key"), [("L", 9), ("RGB", (9, 9, 9))])
    def test_transparent_colour_is_white(self, mode, key):
        image = Image.new(mode, (2, 1), key)
        image.putpixel((1, 0), 50 if mode == "L" else (50, 50, 50))
        read = read_image(encode(image, "PNG", transparency=key))
        assert read[0].tolist() == [[255] * 3, [50] * 3]

    @pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
    def test_cmyk_is_converted(self, format_name):
        flat = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        assert np.abs(read_image(encode(flat, format_name)).astype(int) - (255, 0, 0)).max() <= 3


class TestSixteenBits:
    VALUES = np.array([[0, 1, 128, 129, 257, 32767, 32768, 65407, 65534, 65535]], np.uint16)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
    def test_grey_is_scaled_and_rounded(self, format_name):
        read = read_image(encode(self.VALUES, format_name))
        assert not read.flags.writeable
        expected = np.rint(self.VALUES.astype(float) * 255 / 65535)
        for channel in range(3):
            np.testing.assert_array_equal(read[:, :, channel], expected)

    def test_big_endian_tiff(self):
        image = Image.frombytes("I;16B", (10, 1), self.VALUES.astype(">u2").tobytes())
        expected = np.rint(self.VALUES.astype(float) * 255 / 65535)
        np.testing.assert_array_equal(read_image(encode(image, "TIFF"))[:, :, 0], expected)

    def test_mode_i_within_16_bits_is_scaled(self):
        image = Image.fromarray(self.VALUES.astype(np.int32))
        expected = np.rint(self.VALUES.astype(float) * 255 / 65535)
        np.testing.assert_array_equal(read_image(encode(image, "TIFF"))[:, :, 0], expected)

    def test_colour_is_within_one_of_rounding(self):
        colour = np.random.default_rng(3).integers(0, 65536, (4, 5, 3), dtype=np.uint16)
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)
        data = bytearray(png(5, 4, (b"IDAT", zlib.compress(rows))))
        data[24] = 16
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        assert np.abs(read_image(bytes(data)) - colour / 257.0).max() <= 1

    @pytest.mark.parametrize(
        "values", [np.full((2, 2), 65536, np.int32), np.full((2, 2), 0.5, np.float32)]
    )
    def test_samples_of_unknown_range_are_refused(self, values):
        with pytest.raises(ImageError, match="not whole numbers of 8 or 16 bits"):
            read_image(encode(Image.fromarray(values), "TIFF"))


# What a viewer must see for the stored array, by the EXIF standard's table.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}


class TestOrientation:
    @pytest.mark.parametrize("orientation", UPRIGHT)
    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
    def test_is_applied_once(self, pixels, format_name, orientation):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        read = read_image(encode(pixels, format_name, exif=exif))
        np.testing.assert_array_equal(read, UPRIGHT[orientation](pixels))

    def test_turns_a_jpeg(self, pixels):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        turned = read_image(encode(pixels, "JPEG", exif=exif))
        np.testing.assert_array_equal(turned, np.rot90(read_image(encode(pixels, "JPEG")), -1))

    def test_turns_16_bit_grey(self):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        grey = np.arange(6, dtype=np.uint16).reshape(2, 3) * 257
        read = read_image(encode(grey, "PNG", exif=exif))[:, :, 0]
        np.testing.assert_array_equal(read, np.rot90(np.arange(6).reshape(2, 3), -1))

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\x08\0\0\0\x63\0", b"Exif\0\0", b"?"]
    )
    def test_broken_exif_leaves_the_pixels_as_stored(self, pixels, exif):
        np.testing.assert_array_equal(read_image(encode(pixels, "PNG", exif=exif)), pixels)


class TestNames:
    @pytest.mark.parametrize("format_name", FORMATS)
    def test_the_suffix_does_not_matter(self, pixels, tmp_path, format_name):
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
    def test_other_formats(self, pixels, format_name):
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
    def test_truncated(self, pixels, tmp_path, format_name, options, kept):
        data = encode(np.tile(pixels, (8, 8, 1)), format_name, **options)
        part = data[: int(len(data) * kept)]
        path = tmp_path / "part"
        path.write_bytes(part)
        for source in (part, path):
            with pytest.raises(ImageError, match="cannot be decoded, probably truncated"):
                read_image(source)

    def test_png_without_pixels(self):
        with pytest.raises(ImageError, match="its PNG data cannot be decoded"):
            read_image(png(4, 4))


class TestPixelLimit:
    @pytest.mark.parametrize("format_name", FORMATS)
    def test_is_exact(self, pixels, format_name):
        data = encode(pixels, format_name)
        assert read_image(data, max_pixels=ROWS * COLUMNS).shape == (ROWS, COLUMNS, 3)
        with pytest.raises(ImageError, match="12 rows x 20 columns, more than the limit of 239 "):
            read_image(data, max_pixels=ROWS * COLUMNS - 1)

    def test_default_is_checked_before_decoding(self):
        with pytest.raises(ImageError, match="20,000 rows x 5,001 columns, more than the limit of"):
            read_image(png(5_001, 20_000, (b"IDAT", b"")))
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_image(png(5_000, 20_000, (b"IDAT", b"")))
        assert MAX_PIXELS == 100_000_000

    def test_can_be_raised_beyond_pillows(self):
        huge = png(20_000, 20_000, (b"IDAT", b""))
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_image(huge, max_pixels=10**9)

    def test_pillows_own_bound_is_no_other_exception(self):
        webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3e\0" * 2 + b"\0" * 20
        with pytest.raises(ImageError, match="more pixels than Pillow decodes of WebP"):
            read_image(webp)

    @pytest.mark.parametrize("format_name", FORMATS)
    def test_pillows_warning_does_not_leak(self, pixels, monkeypatch, format_name):
        data = encode(pixels, format_name)
        expected = read_image(data)
        # Pillow warns above its limit and raises above twice its limit.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", ROWS * COLUMNS - 1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(read_image(data), expected)
        assert caught == []


class TestThreads:
    def test_many_threads_read_the_same_and_leave_no_trace(self, pixels):
        data = {name: encode(pixels, name) for name in FORMATS}
        expected = {name: read_image(content) for name, content in data.items()}
        filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
        with ThreadPoolExecutor(8) as pool:
            jobs = [(name, pool.submit(read_image, data[name])) for name in FORMATS * 40]
            for name, job in jobs:
                np.testing.assert_array_equal(job.result(), expected[name])
        assert warnings.filters == filters
        assert limit == Image.MAX_IMAGE_PIXELS

    def test_threads_that_cross_restore_the_filters(self, monkeypatch):
        """The first in leaves first: the case that crossed catch_warnings get wrong."""
        filters = list(warnings.filters)
        module = sys.modules[read_image.__module__]
        first_is_in, second_is_in = threading.Event(), threading.Event()

        def first():
            with module._without_pillow_warnings:
                first_is_in.set()
                second_is_in.wait(5)

        thread = threading.Thread(target=first)
        thread.start()
        first_is_in.wait(5)
        with module._without_pillow_warnings:
            second_is_in.set()
            thread.join(5)
            assert warnings.filters != filters
        assert warnings.filters == filters


def seeds():
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


SEEDS = seeds()


@st.composite
def damaged_files(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    # Headers decide most: half of the changes fall into the first 64 bytes.
    places = st.integers(0, min(63, len(data) - 1)) | st.integers(0, len(data) - 1)
    interesting = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    for place, value in draw(st.lists(st.tuples(places, interesting), max_size=6)):
        data[place] = value
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged_files())
def test_damaged_bytes_give_an_image_or_an_image_error(data):
    try:
        image = read_image(data, max_pixels=1_000_000)
    except ImageError as error:
        message = str(error)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        return
    assert message.startswith("cannot read the image: ")
    assert "\n" not in message
