"""A TIFF that is not read right is refused by name, before it is unpacked, and without a sound."""

import struct
import warnings
from contextlib import suppress

import numpy as np
import pytest

from trifuse.features.images import ImageError, read_image

ROWS, COLUMNS = 20, 37
PLANAR = {"photometric": "rgb", "planarconfig": "separate"}


def noise(dtype, *shape):
    return np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS, *shape)).astype(dtype)


def planes():
    """Give what Pillow does not read: 16-bit colour, plane by plane."""
    return noise(np.uint16, 3).transpose(2, 0, 1) * 257


class TestRefusals:
    @pytest.mark.parametrize(
        ("dtype", "shape", "options", "reason"),
        [
            (np.int8, (), {}, "its samples are signed numbers of 8 bits, not whole"),
            (np.int16, (), {}, "its samples are signed numbers of 16 bits"),
            (np.uint32, (), {}, "its samples are whole numbers of 32 bits, not whole"),
            (np.float16, (), {}, "its samples are floating-point numbers of 16 bits"),
            (np.float32, (3,), {"photometric": "rgb"}, "are floating-point numbers of 32 bits"),
            (np.uint8, (3,), {"photometric": "icclab"}, "photometric interpretation, ICCLAB, can"),
            (np.uint8, (), {"compression": "png"}, "(MINISBLACK of 8 bits, compressed by PNG)"),
            (np.uint16, (), {"compression": "jpeg2000"}, "compressed by JPEG2000) cannot be read"),
            (np.uint8, (9,), {"planarconfig": "contig"}, "MINISBLACK of 8 bits with 8 extra"),
            (np.uint8, (), {"compression": "packbits", "predictor": 2},
             "its predictor (2) cannot be read with samples of 8 bits and compression by PACKBITS"),
            (np.uint8, (16, 32), {"volumetric": True, "tile": (16, 16, 16)},
             "it is a volume of 37 slices, not an image"),
        ],
    )  # fmt: skip
    def test_by_name(self, write_tiff, capfd, dtype, shape, options, reason):
        options = {"photometric": "minisblack"} | options
        with pytest.raises(ImageError) as caught:
            read_image(write_tiff(noise(dtype, *shape), **options))
        assert reason in str(caught.value)
        assert "damaged" not in str(caught.value)
        assert capfd.readouterr() == ("", "")

    def test_what_the_writer_garbled(self, write_tiff):
        content = write_tiff(noise(np.uint16), ">", photometric="minisblack", bitspersample=12)
        with pytest.raises(ImageError, match="samples of 12 bits were garbled by tifffile"):
            read_image(content)

    def test_samples_without_a_meaning(self, write_tiff):
        content = bytearray(write_tiff(noise(np.uint16), photometric="minisblack"))
        place = content.index(struct.pack("<HH", 262, 3))
        content[place : place + 2] = struct.pack("<H", 65000)
        with pytest.raises(ImageError, match="does not say what its samples mean"):
            read_image(bytes(content))

    @pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd", "lzma"])
    @pytest.mark.parametrize("tile", [None, (16, 16)])
    def test_truncated(self, write_tiff, compression, tile):
        content = write_tiff(planes(), **PLANAR, tile=tile, compression=compression)
        for kept in (0.5, 0.9):
            with pytest.raises(ImageError, match="probably truncated or damaged"):
                read_image(content[: int(len(content) * kept)])


class TestLimits:
    def test_pixels_are_counted_before_decoding(self, write_tiff):
        content = write_tiff(planes(), **PLANAR, compression="zlib")
        assert read_image(content, max_pixels=ROWS * COLUMNS).shape == (ROWS, COLUMNS, 3)
        with pytest.raises(ImageError, match="20 rows x 37 columns, more than the limit of 739 "):
            read_image(content, max_pixels=ROWS * COLUMNS - 1)

    def test_so_are_those_of_a_tile(self, write_tiff):
        content = write_tiff(planes(), **PLANAR, tile=(4096, 4096), compression="zlib")
        with pytest.raises(ImageError, match="4,096 rows x 4,096 columns, more than the limit of"):
            read_image(content, max_pixels=1_000_000)

    @pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma"])
    def test_no_more_is_unpacked_than_a_strip_holds(self, write_tiff, compression):
        """A bomb: strips that unpack to far more than the tags tell."""
        zeros = np.zeros((3, 999, 999), np.uint16)
        bomb = write_tiff(zeros, compression=compression, rowsperstrip=999, **PLANAR)
        small = bytearray(bomb)
        for tag in (256, 257, 278):
            place = small.index(struct.pack("<H", tag), small.index(struct.pack("<H", 256)))
            kind = struct.unpack_from("<H", small, place + 2)[0]
            struct.pack_into({3: "<H", 4: "<I"}[kind], small, place + 8, 9)
        with suppress(ImageError):
            assert read_image(bytes(small)).shape == (9, 9, 3)

    def test_nothing_is_warned_of_or_logged(self, write_tiff, capfd):
        content = bytearray(write_tiff(planes(), **PLANAR, rowsperstrip=7))
        place = content.index(struct.pack("<HH", 305, 2))
        struct.pack_into("<HHII", content, place, 305, 99, 2**31, 2**31)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert read_image(bytes(content)).shape == (ROWS, COLUMNS, 3)
        assert caught == []
        assert capfd.readouterr() == ("", "")
