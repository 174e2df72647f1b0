"""Colours are those that the profile means, in sRGB; transparent ones are white."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from trifuse.features.images import read_image
from trifuse.features.srgb import apply_profile

# Primaries (x, y) of red, green and blue; exponent of the tone curve. All with D65.
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), 2.4
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), 563 / 256
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), 2.4
D65, D50 = np.array([0.95047, 1, 1.08883]), np.array([0.9642, 1, 0.8249])
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_xyz(primaries):
    """Give the matrix from linear RGB to XYZ under D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, D65)


def linear(levels, exponent):
    """Undo the tone curve: sRGB's own, or a power."""
    if exponent == 2.4:
        return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return levels**exponent


def expected_srgb(image, primaries, exponent):
    """Convert by the formulas of the standards, in float64."""
    light = linear(image / 255.0, exponent) @ to_xyz(primaries).T
    srgb = np.clip(light @ np.linalg.inv(to_xyz(SRGB[0])).T, 0, 1)
    curved = np.where(srgb <= 0.0031308, srgb * 12.92, 1.055 * srgb ** (1 / 2.4) - 0.055)
    return curved * 255


def profile_of(primaries=None, exponent=1.0):
    """Write an ICC profile (ICC.1:2001), of a matrix and a curve, or of grey and a curve."""

    def fixed(*numbers):
        return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))

    curve = np.rint(linear(np.linspace(0, 1, 1024), exponent) * 65535).astype(">u2")
    curve = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + curve.tobytes()
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\2p\0" + bytes(78), b"wtpt": b"XYZ \0\0\0\0" + fixed(*D50)}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ D65)) @ BRADFORD
        for letter, column in zip(b"rgb", (adapt @ to_xyz(primaries)).T, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*column)
            tags[bytes([letter]) + b"TRC"] = curve
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(
        ">I4sI4s4s4s", place + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*D50) + bytes(48)
    return head + table + body


@pytest.fixture(scope="module")
def colours(smooth):
    return smooth


class TestProfiles:
    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP", "JPEG"])
    @pytest.mark.parametrize("space", [P3, ADOBE_RGB])
    def test_wide_gamuts_become_srgb(self, encode, colours, format_name, space):
        plain = encode(colours, format_name)
        tagged = encode(colours, format_name, icc_profile=profile_of(*space))
        stored = read_image(plain)
        image = read_image(tagged)
        assert np.abs(image - expected_srgb(stored, *space)).max() < 2
        assert np.abs(image.astype(int) - stored).max() > 20

    def test_grey(self, encode, colours):
        grey = colours[..., 0]
        image = read_image(encode(grey, "PNG", icc_profile=profile_of(None, 1.0)))
        light = grey / 255
        expected = 255 * np.where(
            light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055
        )
        assert np.abs(image - expected[..., None]).max() < 2

    def test_grey_with_transparency(self, encode, colours):
        profile, grey = profile_of(None, 1.0), colours[..., 0]
        plain = read_image(encode(grey, "PNG", icc_profile=profile))
        with_alpha = np.dstack([grey, np.full_like(grey, 255)])
        np.testing.assert_array_equal(
            read_image(encode(with_alpha, "PNG", icc_profile=profile)), plain
        )
        level = int(grey[0, 0])
        keyed = read_image(encode(grey, "PNG", icc_profile=profile, transparency=level))
        expected = np.where((grey == level)[..., None], 255, plain)
        np.testing.assert_array_equal(keyed, expected)

    def test_16_bit_grey_and_planar_tiff(self, encode, colours):
        profile = profile_of(None, 1.0)
        grey = colours[..., 0]
        eight = read_image(encode(grey, "PNG", icc_profile=profile))
        deep = read_image(encode(grey.astype(np.uint16) * 257, "PNG", icc_profile=profile))
        np.testing.assert_array_equal(deep, eight)
        file, profile = io.BytesIO(), profile_of(*P3)
        planes = np.moveaxis(colours, -1, 0).astype(np.uint16) * 257
        tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate",
                         iccprofile=profile)  # fmt: skip
        expected = read_image(encode(colours, "PNG", icc_profile=profile))
        np.testing.assert_array_equal(read_image(file.getvalue()), expected)

    def test_transparent_colours_are_converted_and_white_stays(self, encode):
        rgba = np.array([[[200, 40, 60, 255], [200, 40, 60, 0], [200, 40, 60, 128]]], np.uint8)
        opaque, white, half = read_image(encode(rgba, "PNG", icc_profile=profile_of(*P3)))[0]
        assert np.abs(opaque - expected_srgb(rgba[0, 0, :3], *P3)).max() < 2
        assert white.tolist() == [255] * 3
        assert np.abs(half - (opaque * (128 / 255) + 255 * (127 / 255))).max() <= 1

    @pytest.mark.parametrize(
        "profile",
        [
            profile_of(*SRGB),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
            b"no profile at all",
            profile_of(*P3)[:200],
            profile_of(None, 1.0),  # of grey, in an image of colours
            bytes(128),
        ],
        ids=["sRGB", "LittleCMS's sRGB", "no profile", "truncated", "of grey", "zeros"],
    )
    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_srgb_and_broken_profiles_change_nothing(self, encode, colours, format_name, profile):
        tagged = encode(colours, format_name, icc_profile=profile)
        np.testing.assert_array_equal(read_image(tagged), read_image(encode(colours, format_name)))

    def test_a_profile_of_rgb_is_passed_over_in_cmyk(self, colours):
        image = Image.fromarray(colours).convert("CMYK")
        assert apply_profile(image, profile_of(*P3)) is image

    def test_a_megapixel_takes_less_than_a_second(self, picture):
        image = Image.fromarray(picture(1000, 1000))
        start = time.perf_counter()
        apply_profile(image, profile_of(*P3))
        assert time.perf_counter() - start < 1


def png_of(rows, columns, depth, colour, key):
    """Write a PNG by hand, of one transparent colour."""

    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    head = struct.pack(">IIBBBBB", columns, len(rows), depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), (b"tRNS", key), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


class TestTransparentColour:
    @pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
    def test_of_grey_is_white(self, depth):
        values = np.arange(2 ** min(depth, 4))
        values = values * 257 + 3 if depth == 16 else values
        bits = (values[:, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8)
        key = 1 if depth < 16 else 260
        row = np.packbits(bits).tobytes()
        image = read_image(png_of([row], len(values), depth, 0, struct.pack(">H", key)))
        levels = np.rint(values * 255 / (2**depth - 1))
        levels[1] = 255
        np.testing.assert_array_equal(image[0], np.repeat(levels[:, None], 3, axis=1))

    def test_of_16_bit_colour_is_white_and_one_near_it_is_not(self):
        key = 0x0903
        pixels = np.array([[key] * 3, [key + 1] * 3, [key & 0xFF] * 3, [key, key, 0]], ">u2")
        content = png_of([pixels.tobytes()], 4, 16, 2, struct.pack(">3H", key, key, key))
        assert read_image(content)[0].tolist() == [[255] * 3, [9] * 3, [0] * 3, [9, 9, 0]]
