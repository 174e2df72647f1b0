"""Uncompressed pixel data, colours, palettes and profiles, beside a loop over single values."""

import numpy as np
import pytest
from PIL import ImageCms
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from trifuse.features.images import read_image

NATIVE = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


@pytest.fixture(scope="module")
def colour(picture):
    return picture(7, 6, seed=1)


class TestNative:
    @pytest.mark.parametrize("syntax", NATIVE)
    def test_8_bits_stay_as_they_are(self, write_dicom, assert_shows, grey, syntax):
        assert_shows(write_dicom(grey, "MONOCHROME2", syntax), grey)

    @pytest.mark.parametrize("syntax", NATIVE)
    def test_16_bits(self, write_dicom, assert_shows, deep, syntax):
        values = deep * 16
        assert_shows(write_dicom(values, "MONOCHROME2", syntax), values, span=(0, 65535))

    @pytest.mark.parametrize("planar", [0, 1])
    @pytest.mark.parametrize("syntax", NATIVE)
    def test_colour(self, write_dicom, assert_shows, colour, syntax, planar):
        stored = colour.transpose(2, 0, 1) if planar else colour
        content = write_dicom(
            colour, "RGB", syntax, PlanarConfiguration=planar, PixelData=stored.tobytes()
        )
        assert_shows(content, colour)

    def test_big_endian_bytes_in_words(self, write_dicom, assert_shows, grey):
        swapped = np.frombuffer(grey.tobytes(), "<u2").byteswap().tobytes()
        content = write_dicom(grey, "MONOCHROME2", ExplicitVRBigEndian, PixelData=swapped)
        start = content.index(b"\x7f\xe0\x00\x10OB")
        assert_shows(content[: start + 4] + b"OW" + content[start + 6 :], grey)

    def test_one_bit_of_frames_that_end_within_bytes(self, write_dicom, assert_shows):
        bits = np.random.default_rng(3).integers(0, 2, (3, 5, 3), dtype=np.uint8)
        packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
        content = write_dicom(
            bits[0], "MONOCHROME2", BitsAllocated=1, BitsStored=1, HighBit=0,
            NumberOfFrames=3, PixelData=packed,
        )  # fmt: skip
        for index in range(3):
            assert_shows(content, bits[index], span=(0, 1), index=index, frames=3)

    def test_subsampled_chroma(self, write_dicom, read_frame, assert_shows):
        """Y1 Y2 CB CR make two pixels of the same chroma."""
        levels = np.random.default_rng(4).integers(0, 256, (2, 2, 4), dtype=np.uint8)
        full = np.array([[[[a, c, d], [b, c, d]] for a, b, c, d in row] for row in levels])
        full = full.reshape(2, 4, 3).astype(np.uint8)
        content = write_dicom(full, "YBR_FULL_422", PixelData=levels.tobytes())
        assert_shows(content, read_frame(write_dicom(full, "YBR_FULL")))

    def test_32_bits(self, write_dicom, assert_shows):
        values = np.array([[0, 2**31, 2**32 - 1, 10**9]], np.uint32)
        assert_shows(write_dicom(values, "MONOCHROME2"), values, span=(0, 2**32 - 1))

    def test_unused_bits_are_not_looked_at(self, write_dicom, assert_shows, deep):
        overlaid = deep | 0xF000
        content = write_dicom(overlaid, "MONOCHROME2", BitsStored=12)
        assert_shows(content, deep, span=(0, 4095))

    def test_high_bits(self, write_dicom, assert_shows, deep):
        content = write_dicom(deep << 4 | 5, "MONOCHROME2", BitsStored=12, HighBit=15)
        assert_shows(content, deep, span=(0, 4095))


class TestPhotometric:
    def test_monochrome1_is_the_inverse_of_monochrome2(self, write_dicom, read_frame, deep):
        one, two = (
            read_frame(write_dicom(deep, name, BitsStored=12))
            for name in ("MONOCHROME1", "MONOCHROME2")
        )
        np.testing.assert_array_equal(one, 255 - two)
        assert two.max() == 255

    def test_ybr_full(self, write_dicom, read_frame, colour):
        """The equations of PS3.3 C.7.6.3.1.2, solved for red, green and blue."""
        expected = np.zeros(colour.shape)
        for place in np.ndindex(colour.shape[:2]):
            y, cb, cr = (float(level) for level in colour[place])
            red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
            green = (y - 0.299 * red - 0.114 * blue) / 0.587
            expected[place] = [min(max(level, 0), 255) for level in (red, green, blue)]
        assert np.abs(read_frame(write_dicom(colour, "YBR_FULL")) - expected).max() <= 0.51

    def test_colour_of_more_bits_is_scaled(self, write_dicom, assert_shows, colour):
        values = colour.astype(np.uint16) * 16
        assert_shows(write_dicom(values, BitsStored=12), values, span=(0, 4095))

    @pytest.mark.parametrize("name", ["YBR_RCT", "CMYK", "YBR_PARTIAL_420"])
    def test_what_is_not_read_is_named(self, write_dicom, refusal, colour, name):
        reason = f"its photometric interpretation, {name}, cannot be read"
        assert refusal(write_dicom(colour, name)) == reason

    def test_unknown_one_is_not_named(self, write_dicom, refusal, colour):
        reason = "its photometric interpretation is not one of the standard's"
        assert refusal(write_dicom(colour, "DOE")) == reason

    def test_samples_must_fit(self, write_dicom, refusal, colour, grey):
        assert "which MONOCHROME2 does not allow" in refusal(write_dicom(colour, "MONOCHROME2"))
        assert "1 samples a pixel, which RGB does not allow" in refusal(write_dicom(grey, "RGB"))


class TestPalette:
    def palette(self, tables, first, bits, order="<"):
        names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
        data = [table.astype(table.dtype.newbyteorder(order)).tobytes() for table in tables]
        return {f"{name}Descriptor": [len(tables[0]), first, bits] for name in names} | dict(
            zip([f"{name}Data" for name in names], data, strict=True)
        )

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_16_bit_entries(self, write_dicom, read_frame, grey, syntax):
        tables = np.random.default_rng(5).integers(0, 65536, (3, 256), dtype=np.uint16)
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        image = read_frame(
            write_dicom(grey, "PALETTE COLOR", syntax, **self.palette(tables, 0, 16, order))
        )
        for n in range(3):
            expected = [[round(int(tables[n][v]) * 255 / 65535) for v in row] for row in grey]
            np.testing.assert_array_equal(image[..., n], expected)

    def test_8_bit_entries(self, write_dicom, assert_shows, grey):
        tables = np.random.default_rng(6).integers(0, 256, (3, 256), dtype=np.uint8)
        content = write_dicom(grey, "PALETTE COLOR", **self.palette(tables, 0, 8))
        assert_shows(content, tables[:, grey].transpose(1, 2, 0))

    def test_more_entries_than_8_bits_count(self, write_dicom, assert_shows, deep):
        """Where pydicom's own function looks up places modulo 256."""
        tables = np.random.default_rng(7).integers(0, 256, (3, 4096), dtype=np.uint8)
        content = write_dicom(deep, "PALETTE COLOR", BitsStored=12, **self.palette(tables, 0, 8))
        assert_shows(content, tables[:, deep].transpose(1, 2, 0))

    def test_values_out_of_reach_have_the_ends(self, write_dicom, read_frame):
        tables = np.array([[10, 20, 30, 40]] * 3, np.uint8)
        values = np.array([[0, 99, 100, 101, 103, 104, 255]], np.uint8)
        image = read_frame(write_dicom(values, "PALETTE COLOR", **self.palette(tables, 100, 8)))
        assert image[0, :, 0].tolist() == [10, 10, 10, 20, 40, 40, 40]

    def test_missing_or_short(self, write_dicom, refusal, grey):
        assert "its palette is missing" in refusal(write_dicom(grey, "PALETTE COLOR"))
        content = write_dicom(
            grey, "PALETTE COLOR", **self.palette(np.zeros((3, 8), np.uint8), 0, 8) |
            {"RedPaletteColorLookupTableDescriptor": [200, 0, 8]},
        )  # fmt: skip
        assert "shorter than its descriptor says" in refusal(content)


class TestSegmentedPalette:
    def write(self, write_dicom, values, segments, count, bits=16, order="<"):
        """Write the same segments for red, green and blue."""
        syntax = ExplicitVRBigEndian if order == ">" else ExplicitVRLittleEndian
        words = np.frombuffer(bytes(segments), "<u2") if bits == 8 else np.array(segments, "<u2")
        data = words.astype(f"{order}u2").tobytes()
        names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
        elements = {f"{name}Descriptor": [count, 0, bits] for name in names}
        elements |= {f"Segmented{name}Data": data for name in names}
        return write_dicom(values, "PALETTE COLOR", syntax, **elements)

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("bits", [8, 16])
    def test_discrete_linear_and_indirect(self, write_dicom, read_frame, bits, order):
        top = 2**bits - 1
        steps, offset = [0, 2, 10, 20, 1, 4, top], 0
        # Of the standard's example: copy two segments from the start of the data.
        indirect = [2, 2, *([offset, 0] if bits == 16 else [offset, 0, 0, 0])]
        segments = steps + indirect + [0, 2, 5, 5] + [0] * (bits == 8)
        rising = [20 + (top - 20) * step / 4 for step in (1, 2, 3, 4)]
        entries = [10, 20, *rising, 10, 20, *rising, 5, 5]
        values = np.arange(len(entries), dtype=np.uint8)[None]
        content = self.write(write_dicom, values, segments, len(entries), bits, order)
        expected = np.rint(np.rint(entries) * 255 / top)
        image = read_frame(content)
        np.testing.assert_array_equal(image[0], np.repeat(expected[:, None], 3, axis=1))

    def test_the_offset_of_what_is_copied_is_in_bytes(self, write_dicom, read_frame):
        segments = [0, 1, 0, 0, 2, 1000, 65535, 2, 1, 6, 0]
        content = self.write(write_dicom, np.arange(5, dtype=np.uint8)[None], segments, 5)
        assert read_frame(content)[0, :, 0].tolist() == [0, 4, 255, 4, 255]

    @pytest.mark.parametrize(
        ("segments", "reason"),
        [
            ([1, 4, 9], "makes no table"),
            ([2, 1, 0, 0], "makes no table"),
            ([0, 9, 1], "makes no table"),
            ([3, 1, 1], "makes no table"),
            ([0, 1, 7, 2, 9, 0, 0], "copies what is a copy itself"),
            ([0, 1, 7, *[1, 60000, 9] * 2], "too many entries"),
            ([0, 1, 7], "shorter than its descriptor says"),
        ],
    )
    def test_what_makes_no_table(self, write_dicom, refusal, segments, reason):
        values = np.zeros((2, 2), np.uint8)
        assert reason in refusal(self.write(write_dicom, values, segments, 256))


class TestColourProfile:
    @pytest.mark.parametrize("path", [False, True])
    def test_is_applied_to_colours(self, write_dicom, read_frame, encode, picture, path):
        colours = picture(9, 11)
        swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        # The tags of red and blue change places: what was red is blue.
        swapped = swapped.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ")
        swapped = swapped.replace(b"xXYZ", b"bXYZ")
        item = Dataset()
        item.ICCProfile = swapped
        elements = {"OpticalPathSequence": [item]} if path else {"ICCProfile": swapped}
        image = read_frame(write_dicom(colours, **elements))
        assert np.abs(image.astype(int) - colours[..., ::-1]).max() <= 3
        expected = read_image(encode(colours, "PNG", icc_profile=swapped))
        np.testing.assert_array_equal(image, expected)

    def test_is_not_applied_to_grey_and_passed_over_if_broken(self, write_dicom, read_frame, grey):
        content = write_dicom(grey, "MONOCHROME2", ICCProfile=b"not one.")
        np.testing.assert_array_equal(read_frame(content)[..., 0], grey)
        rgb = np.stack([grey] * 3, axis=2)
        np.testing.assert_array_equal(read_frame(write_dicom(rgb, ICCProfile=b"not one.")), rgb)
