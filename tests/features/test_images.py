"""Images of every format, mode and orientation become the RGB that was drawn."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from trifuse.features.images import ImageError, read_image

FORMATS = ["JPEG", "PNG", "TIFF", "BMP", "WEBP"]
LOSSLESS = ["PNG", "TIFF", "BMP", "WEBP"]


@pytest.fixture(scope="module")
def pixels(picture):
    """No two neighbours alike, and no symmetry that would hide a turned or mirrored image."""
    return picture(12, 20, seed=7)


class TestPixels:
    @pytest.mark.parametrize("format_name", LOSSLESS)
    def test_rgb_is_returned_as_drawn(self, encode, pixels, format_name):
        np.testing.assert_array_equal(read_image(encode(pixels, format_name)), pixels)

    def test_jpeg_is_what_pillow_decodes(self, encode, pixels):
        data = encode(pixels, "JPEG", quality=95)
        expected = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(read_image(data), expected)

    @pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}])
    def test_jpeg_of_other_kinds(self, encode, options):
        flat = np.full((16, 16, 3), (200, 120, 90), np.uint8)
        assert np.abs(read_image(encode(flat, "JPEG", **options)).astype(int) - flat).max() <= 2

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
    def test_compressed_tiff(self, encode, pixels, compression):
        data = encode(pixels, "TIFF", compression=compression)
        np.testing.assert_array_equal(read_image(data), pixels)

    @pytest.mark.parametrize("format_name", FORMATS)
    def test_result_is_read_only_contiguous_uint8(self, encode, pixels, format_name):
        image = read_image(encode(pixels, format_name))
        assert image.dtype == np.uint8
        assert image.shape == pixels.shape
        assert not image.flags.writeable
        assert image.flags.c_contiguous

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_grey_repeats_in_three_channels(self, encode, pixels, format_name):
        grey = pixels[:, :, 0]
        expected = np.repeat(grey[:, :, None], 3, axis=2)
        np.testing.assert_array_equal(read_image(encode(grey, format_name)), expected)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_one_bit_is_black_and_white(self, encode, pixels, format_name):
        bits = pixels[:, :, 0] > 127
        expected = np.repeat(bits[:, :, None], 3, axis=2) * np.uint8(255)
        np.testing.assert_array_equal(read_image(encode(bits, format_name)), expected)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP"])
    def test_palette(self, encode, pixels, format_name):
        image = Image.fromarray(pixels).quantize(16)
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(read_image(encode(image, format_name)), expected)

    @pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
    def test_transparent_palette_entry_is_white(self, encode, transparency):
        image = Image.new("P", (3, 1))
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        image.putdata([0, 1, 2])
        read = read_image(encode(image, "PNG", transparency=transparency))
        assert read[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
    def test_rgba_lies_over_white(self, encode, pixels, format_name):
        alpha = np.random.default_rng(8).integers(0, 256, (*pixels.shape[:2], 1))
        alpha[0, :3, 0] = [0, 255, 128]
        rgba = np.concatenate([pixels, alpha], axis=2).astype(np.uint8)
        expected = 255 - (255.0 - pixels) * alpha / 255
        read = read_image(encode(rgba, format_name))
        assert np.abs(read - expected).max() <= 0.51
        np.testing.assert_array_equal(read[0, 1], pixels[0, 1])

    def test_grey_with_alpha_lies_over_white(self, encode):
        la = np.array([[[10, 0], [10, 255], [100, 51]]], np.uint8)
        assert read_image(encode(la, "PNG"))[0].tolist() == [[255] * 3, [10] * 3, [224] * 3]

    @pytest.mark.parametrize(("mode", "key"), [("L", 9), ("RGB", (9, 9, 9))])
    def test_transparent_colour_is_white(self, encode, mode, key):
        image = Image.new(mode, (2, 1), key)
        image.putpixel((1, 0), 50 if mode == "L" else (50, 50, 50))
        read = read_image(encode(image, "PNG", transparency=key))
        assert read[0].tolist() == [[255] * 3, [50] * 3]

    @pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
    def test_cmyk_is_converted(self, encode, format_name):
        flat = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        assert np.abs(read_image(encode(flat, format_name)).astype(int) - (255, 0, 0)).max() <= 3


class TestSixteenBits:
    VALUES = np.array([[0, 1, 128, 129, 257, 32767, 32768, 65407, 65534, 65535]], np.uint16)

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
    def test_grey_is_scaled_and_rounded(self, encode, format_name):
        read = read_image(encode(self.VALUES, format_name))
        assert not read.flags.writeable
        expected = np.rint(self.VALUES.astype(float) * 255 / 65535)
        for channel in range(3):
            np.testing.assert_array_equal(read[:, :, channel], expected)

    def test_big_endian_tiff(self, encode):
        image = Image.frombytes("I;16B", (10, 1), self.VALUES.astype(">u2").tobytes())
        expected = np.rint(self.VALUES.astype(float) * 255 / 65535)
        np.testing.assert_array_equal(read_image(encode(image, "TIFF"))[:, :, 0], expected)

    def test_colour_is_within_one_of_rounding(self, png):
        colour = np.random.default_rng(3).integers(0, 65536, (4, 5, 3), dtype=np.uint16)
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)
        data = bytearray(png(5, 4, (b"IDAT", zlib.compress(rows))))
        data[24] = 16
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        assert np.abs(read_image(bytes(data)) - colour / 257.0).max() <= 1

    @pytest.mark.parametrize(
        "values",
        [np.array([[65536]], np.int32), np.array([[9]], np.int32), np.array([[0.5]], np.float32)],
    )
    def test_samples_of_unknown_range_are_refused(self, encode, values):
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
    def test_is_applied_once(self, encode, pixels, format_name, orientation):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        read = read_image(encode(pixels, format_name, exif=exif))
        np.testing.assert_array_equal(read, UPRIGHT[orientation](pixels))

    def test_turns_a_jpeg(self, encode, pixels):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        turned = read_image(encode(pixels, "JPEG", exif=exif))
        np.testing.assert_array_equal(turned, np.rot90(read_image(encode(pixels, "JPEG")), -1))

    def test_turns_16_bit_grey(self, encode):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        grey = np.arange(6, dtype=np.uint16).reshape(2, 3) * 257
        read = read_image(encode(grey, "PNG", exif=exif))[:, :, 0]
        np.testing.assert_array_equal(read, np.rot90(np.arange(6).reshape(2, 3), -1))

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\x08\0\0\0\x63\0", b"Exif\0\0", b"?"]
    )
    def test_broken_exif_leaves_the_pixels_as_stored(self, encode, pixels, exif):
        np.testing.assert_array_equal(read_image(encode(pixels, "PNG", exif=exif)), pixels)
