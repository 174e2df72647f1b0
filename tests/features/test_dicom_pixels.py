"""Uncompressed pixel data, colours and palettes, compared with a loop over single values."""

import io

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from trifuse.features.dicom import read_dicom

NATIVE = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
ROWS, COLUMNS = 7, 6


def build(values, photometric, syntax=ExplicitVRLittleEndian, **elements):
    """Write a file of one frame of values; the elements go before what they tell."""
    bits, order = values.itemsize * 8, ">" if syntax == ExplicitVRBigEndian else "<"
    standard = {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": "1.2.3",
        "Rows": values.shape[0], "Columns": values.shape[1], "PlanarConfiguration": 0,
        "SamplesPerPixel": values.size // values.shape[0] // values.shape[1],
        "PhotometricInterpretation": photometric, "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": elements.get("BitsStored", bits) - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelData": values.astype(values.dtype.newbyteorder(order)).tobytes(),
    }  # fmt: skip
    dataset = Dataset()
    for keyword, value in (standard | elements).items():
        setattr(dataset, keyword, value)
    dataset.PixelData += b"\0" * (len(dataset.PixelData) % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 or syntax == ImplicitVRLittleEndian else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def read(content, index=0):
    frame = list(read_dicom(content))[index]
    assert frame.message == ""
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert not frame.image.flags.writeable
    return frame.image


def refusal(content):
    (frame,) = read_dicom(content)
    assert frame.image is None
    return frame.message


def assert_grey(image, expected):
    np.testing.assert_array_equal(image, np.repeat(np.asarray(expected)[..., None], 3, axis=2))


def map_values(function, values):
    """Apply a function of one number to each."""
    return np.array([[function(int(value)) for value in row] for row in values])


def scale(value, low, high):
    return min(max(round((value - low) * 255 / (high - low)), 0), 255)


@pytest.fixture(scope="module")
def grey():
    return np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8)


@pytest.fixture(scope="module")
def colour():
    return np.random.default_rng(1).integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def deep():
    """12 bits, of which all values from 0 to 4095 may occur."""
    values = np.random.default_rng(2).integers(0, 4096, (ROWS, COLUMNS), dtype=np.uint16)
    values[0, :2] = 0, 4095
    return values


class TestNative:
    @pytest.mark.parametrize("syntax", NATIVE)
    def test_8_bits_stay_as_they_are(self, grey, syntax):
        assert_grey(read(build(grey, "MONOCHROME2", syntax)), grey)

    @pytest.mark.parametrize("syntax", NATIVE)
    def test_16_bits(self, deep, syntax):
        values = deep * 16
        expected = map_values(lambda value: scale(value, 0, 65535), values)
        assert_grey(read(build(values, "MONOCHROME2", syntax)), expected)

    @pytest.mark.parametrize("planar", [0, 1])
    @pytest.mark.parametrize("syntax", NATIVE)
    def test_colour(self, colour, syntax, planar):
        stored = colour.transpose(2, 0, 1) if planar else colour
        content = build(
            colour, "RGB", syntax, PlanarConfiguration=planar, PixelData=stored.tobytes()
        )
        np.testing.assert_array_equal(read(content), colour)

    def test_big_endian_bytes_in_words(self, grey):
        swapped = np.frombuffer(grey.tobytes(), "<u2").byteswap().tobytes()
        content = build(grey, "MONOCHROME2", ExplicitVRBigEndian, PixelData=swapped)
        start = content.index(b"\x7f\xe0\x00\x10OB")
        assert_grey(read(content[: start + 4] + b"OW" + content[start + 6 :]), grey)

    def test_one_bit_of_frames_that_end_within_bytes(self):
        bits = np.random.default_rng(3).integers(0, 2, (3, 5, 3), dtype=np.uint8)
        packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
        content = build(
            bits[0], "MONOCHROME2", BitsAllocated=1, BitsStored=1, HighBit=0,
            NumberOfFrames=3, PixelData=packed,
        )  # fmt: skip
        for index in range(3):
            assert_grey(read(content, index), 255 * bits[index])

    def test_subsampled_chroma(self):
        """Y1 Y2 CB CR make two pixels of the same chroma."""
        levels = np.random.default_rng(4).integers(0, 256, (2, 2, 4), dtype=np.uint8)
        full = np.array([[[[a, c, d], [b, c, d]] for a, b, c, d in row] for row in levels])
        full = full.reshape(2, 4, 3).astype(np.uint8)
        content = build(full, "YBR_FULL_422", PixelData=levels.tobytes())
        np.testing.assert_array_equal(read(content), read(build(full, "YBR_FULL")))

    def test_32_bits(self):
        values = np.array([[0, 2**31, 2**32 - 1, 10**9]], np.uint32)
        expected = map_values(lambda value: scale(value, 0, 2**32 - 1), values)
        assert_grey(read(build(values, "MONOCHROME2")), expected)

    def test_unused_bits_are_not_looked_at(self, deep):
        overlaid = deep | 0xF000
        content = build(overlaid, "MONOCHROME2", BitsStored=12)
        assert_grey(read(content), map_values(lambda value: scale(value, 0, 4095), deep))

    def test_high_bits(self, deep):
        content = build(deep << 4 | 5, "MONOCHROME2", BitsStored=12, HighBit=15)
        assert_grey(read(content), map_values(lambda value: scale(value, 0, 4095), deep))


class TestPhotometric:
    def test_monochrome1_is_the_inverse_of_monochrome2(self, deep):
        one, two = (
            read(build(deep, name, BitsStored=12)) for name in ("MONOCHROME1", "MONOCHROME2")
        )
        np.testing.assert_array_equal(one, 255 - two)
        assert two.max() == 255

    def test_ybr_full(self, colour):
        """The equations of PS3.3 C.7.6.3.1.2, solved for red, green and blue."""
        expected = np.zeros(colour.shape)
        for place in np.ndindex(ROWS, COLUMNS):
            y, cb, cr = (float(level) for level in colour[place])
            red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
            green = (y - 0.299 * red - 0.114 * blue) / 0.587
            expected[place] = [min(max(level, 0), 255) for level in (red, green, blue)]
        assert np.abs(read(build(colour, "YBR_FULL")) - expected).max() <= 0.51

    def test_colour_of_more_bits_is_scaled(self, colour):
        values = colour.astype(np.uint16) * 16
        expected = [map_values(lambda v: scale(v, 0, 4095), values[..., n]) for n in range(3)]
        image = read(build(values, "RGB", BitsStored=12))
        np.testing.assert_array_equal(image, np.stack(expected, axis=2))

    @pytest.mark.parametrize("name", ["YBR_RCT", "CMYK", "YBR_PARTIAL_420"])
    def test_what_is_not_read_is_named(self, colour, name):
        assert f"its photometric interpretation, {name}, cannot be read" in refusal(
            build(colour, name)
        )

    def test_unknown_one_is_not_named(self, colour):
        assert refusal(build(colour, "DOE")) == (
            "cannot read the image: its photometric interpretation is not one of the standard's"
        )

    def test_samples_must_fit(self, colour, grey):
        assert "which MONOCHROME2 does not allow" in refusal(build(colour, "MONOCHROME2"))
        assert "1 samples a pixel, which RGB does not allow" in refusal(build(grey, "RGB"))


class TestPalette:
    def palette(self, tables, first, bits, order="<"):
        names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
        data = [table.astype(table.dtype.newbyteorder(order)).tobytes() for table in tables]
        return {f"{name}Descriptor": [len(tables[0]), first, bits] for name in names} | dict(
            zip([f"{name}Data" for name in names], data, strict=True)
        )

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_16_bit_entries(self, grey, syntax):
        tables = np.random.default_rng(5).integers(0, 65536, (3, 256), dtype=np.uint16)
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        image = read(build(grey, "PALETTE COLOR", syntax, **self.palette(tables, 0, 16, order)))
        for n in range(3):
            entry = tables[n]
            expected = map_values(lambda v, entry=entry: scale(int(entry[v]), 0, 65535), grey)
            np.testing.assert_array_equal(image[..., n], expected)

    def test_8_bit_entries(self, grey):
        tables = np.random.default_rng(6).integers(0, 256, (3, 256), dtype=np.uint8)
        image = read(build(grey, "PALETTE COLOR", **self.palette(tables, 0, 8)))
        np.testing.assert_array_equal(image, tables[:, grey].transpose(1, 2, 0))

    def test_more_entries_than_8_bits_count(self, deep):
        """Where pydicom's own function looks up places modulo 256."""
        tables = np.random.default_rng(7).integers(0, 256, (3, 4096), dtype=np.uint8)
        content = build(deep, "PALETTE COLOR", BitsStored=12, **self.palette(tables, 0, 8))
        np.testing.assert_array_equal(read(content), tables[:, deep].transpose(1, 2, 0))

    def test_values_out_of_reach_have_the_ends(self):
        tables = np.array([[10, 20, 30, 40]] * 3, np.uint8)
        values = np.array([[0, 99, 100, 101, 103, 104, 255]], np.uint8)
        image = read(build(values, "PALETTE COLOR", **self.palette(tables, 100, 8)))
        assert image[0, :, 0].tolist() == [10, 10, 10, 20, 40, 40, 40]

    def test_missing_or_short(self, grey):
        assert "its palette is missing or segmented" in refusal(build(grey, "PALETTE COLOR"))
        content = build(
            grey, "PALETTE COLOR", **self.palette(np.zeros((3, 8), np.uint8), 0, 8) |
            {"RedPaletteColorLookupTableDescriptor": [200, 0, 8]},
        )  # fmt: skip
        assert "shorter than its descriptor says" in refusal(content)
