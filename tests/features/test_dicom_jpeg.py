"""JPEG gives what was encoded, of any bits, whoever tells in which space the colours are."""

import io
import struct
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import openjpeg
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    RLELossless,
)


@pytest.fixture(scope="module")
def jpeg(encode):
    return partial(encode, format_name="JPEG", quality=95)


def without_app0(data):
    """Take off the JFIF marker, which is the first."""
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + struct.unpack_from(">H", data, 4)[0] :]


class TestJpeg:
    @pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
    def test_grey(self, write_dicom, read_frame, jpeg, smooth, syntax):
        grey = smooth[..., 0]
        image = read_frame(write_dicom(grey, "MONOCHROME2", syntax, jpeg(grey)))
        assert np.abs(image.astype(int) - grey[..., None]).max() < 8
        inverse = read_frame(write_dicom(grey, "MONOCHROME1", syntax, jpeg(grey)))
        np.testing.assert_array_equal(inverse, 255 - image)

    @pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL", "RGB"])
    def test_a_marker_tells_ybr_whatever_the_header_says(
        self, write_dicom, read_frame, jpeg, smooth, photometric
    ):
        content = write_dicom(smooth, photometric, JPEGBaseline8Bit, jpeg(smooth))
        assert np.abs(read_frame(content).astype(int) - smooth).mean() < 3

    def test_a_marker_tells_rgb(self, write_dicom, read_frame, jpeg, smooth):
        frame = jpeg(smooth, keep_rgb=True)
        assert b"Adobe" in frame
        for photometric in ("RGB", "YBR_FULL_422"):
            image = read_frame(write_dicom(smooth, photometric, JPEGBaseline8Bit, frame))
            assert np.abs(image.astype(int) - smooth).mean() < 2

    @pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
    def test_ybr_without_marker(self, write_dicom, read_frame, jpeg, smooth, photometric):
        frame = without_app0(jpeg(smooth))
        image = read_frame(write_dicom(smooth, photometric, JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 3

    def test_rgb_without_marker(self, write_dicom, read_frame, jpeg, smooth):
        """Pillow is told that the levels are YBR already, so it leaves them as they are."""
        levels = Image.frombytes("YCbCr", smooth.shape[1::-1], smooth.tobytes())
        frame = without_app0(jpeg(levels, subsampling=0))
        image = read_frame(write_dicom(smooth, "RGB", JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 2

    def test_subsampled_chroma_is_ybr_whatever_the_header_says(
        self, write_dicom, read_frame, jpeg, smooth
    ):
        frame = without_app0(jpeg(smooth, subsampling=2))
        image = read_frame(write_dicom(smooth, "RGB", JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 5

    def test_lossless(self, assert_shows):
        """One image of pydicom's, of which another encoder made RLE."""
        lossless, rle = (
            Path(get_testdata_file(f"SC_rgb_{name}.dcm", download=False))
            for name in ("jpeg_gdcm", "rle")
        )
        assert dcmread(lossless).file_meta.TransferSyntaxUID == JPEGLosslessSV1
        expected = dcmread(rle).pixel_array
        assert_shows(lossless.read_bytes(), expected)
        assert_shows(rle.read_bytes(), expected)

    @pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
    def test_lossless_without_marker(self, write_dicom, assert_shows, photometric):
        dataset = dcmread(get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False))
        frame = bytearray(get_frame(dataset.PixelData, 0))
        levels = np.asarray(Image.open(io.BytesIO(frame)))
        adobe = frame.index(b"\xff\xee")
        del frame[adobe : adobe + 2 + struct.unpack_from(">H", frame, adobe + 2)[0]]
        for number, letter in enumerate(b"RGB", 1):
            for place in (frame.index(b"\xff\xc3"), frame.index(b"\xff\xda")):
                frame[frame.index(letter, place)] = number
        content = write_dicom(levels, photometric, JPEGLosslessSV1, frame)
        assert_shows(content, convert_color_space(levels, photometric, "RGB"))

    def test_size_of_the_data_must_be_that_of_the_header(self, write_dicom, refusal, jpeg, smooth):
        grey = smooth[..., 0]
        message = refusal(write_dicom(smooth, "RGB", JPEGBaseline8Bit, jpeg(grey)))
        assert "40 rows x 48 columns x 1 samples, its header of 40 x 48 x 3" in message
        larger = bytearray(jpeg(grey))
        place = larger.index(b"\xff\xc0\x00\x0b\x08") + 5
        larger[place : place + 4] = b"\xff\xff\xff\xff"
        message = refusal(write_dicom(grey, "MONOCHROME2", JPEGBaseline8Bit, larger))
        assert "of 65,535 rows x 65,535 columns x 1 samples" in message

    @pytest.mark.parametrize("kept", [0.6, 0.9])
    def test_truncated(self, write_dicom, refusal, jpeg, smooth, kept):
        frame = jpeg(smooth)
        content = write_dicom(smooth, "RGB", JPEGBaseline8Bit, frame[: int(len(frame) * kept)])
        assert refusal(content).endswith("its JPEG data cannot be decoded, probably damaged")

    @pytest.mark.parametrize("wrong", [JPEG2000Lossless, RLELossless])
    def test_data_of_another_syntax_are_not_called_damaged(
        self, write_dicom, refusal, jpeg, smooth, wrong
    ):
        message = refusal(write_dicom(smooth, "RGB", wrong, jpeg(smooth)))
        assert message == "its pixel data is JPEG, which its transfer syntax denies"
        codestream = openjpeg.encode(smooth)
        message = refusal(write_dicom(smooth, "RGB", JPEGBaseline8Bit, codestream))
        assert message == "its pixel data is JPEG 2000, which its transfer syntax denies"


def span(bits, signed):
    """Give the least and the greatest value of so many bits."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def noise(bits, signed, *samples):
    low, high = span(bits, signed)
    values = np.random.default_rng(bits).integers(low, high + 1, (40, 48, *samples))
    return values.astype(np.int16 if signed else np.uint16)


class TestOtherBits:
    @pytest.mark.parametrize("bits", [9, 10, 12, 14, 15, 16])
    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("predictor", [1, 4, 7])
    def test_lossless_grey(self, write_dicom, assert_shows, bits, signed, predictor):
        values = noise(bits, signed)
        codes = values.astype(np.uint16) & (2**bits - 1)
        frame = imagecodecs.jpeg8_encode(
            codes, lossless=True, bitspersample=bits, predictor=predictor
        )
        syntax = JPEGLosslessSV1 if predictor == 1 else JPEGLossless
        content = write_dicom(values, "MONOCHROME2", syntax, frame, BitsStored=bits)
        assert_shows(content, values, span=span(bits, signed))

    def test_lossless_colour(self, write_dicom, assert_shows):
        values = noise(16, False, 3)
        frame = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=16)
        assert_shows(write_dicom(values, "RGB", JPEGLosslessSV1, frame), values, span=(0, 65535))

    def test_lossless_of_fewer_bits(self, write_dicom, assert_shows):
        values = (noise(6, False)).astype(np.uint8)
        frame = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=6)
        content = write_dicom(values, "MONOCHROME2", JPEGLosslessSV1, frame, BitsStored=6)
        assert_shows(content, values, span=(0, 63))

    def test_extended_grey(self, write_dicom, read_frame, smooth):
        values = smooth[..., 0].astype(np.uint16) * 16
        frame = imagecodecs.jpeg8_encode(values, 100, bitspersample=12)
        content = write_dicom(values, "MONOCHROME2", JPEGExtended12Bit, frame, BitsStored=12)
        shown = read_frame(content)[..., 0]
        assert np.abs(shown - values * (255.0 / 4095)).max() <= 1

    def test_extended_colour(self, write_dicom, read_frame, smooth):
        frame = imagecodecs.jpeg8_encode(smooth.astype(np.uint16) * 16, 100, bitspersample=12)
        for photometric in ("YBR_FULL", "YBR_FULL_422", "RGB"):  # the marker tells
            content = write_dicom(
                smooth.astype(np.uint16), photometric, JPEGExtended12Bit, frame, BitsStored=12
            )
            assert np.abs(read_frame(content).astype(int) - smooth).mean() < 3

    @pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
    def test_pydicoms_files(self, read_frame, name):
        """GDCM decodes 0 to 264 of 4095 in both."""
        image = read_frame(Path(get_testdata_file(name, download=False)).read_bytes())
        assert image.shape == (1024, 256, 3)
        dataset = dcmread(get_testdata_file(name, download=False))
        assert ("WindowCenter" in dataset) or image.max() == round(264 * 255 / 4095)

    @pytest.mark.parametrize("lossless", [False, True])
    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.97])
    def test_missing_data_are_never_made_up(self, write_dicom, refusal, lossless, kept):
        values = noise(12, False)
        frame = imagecodecs.jpeg8_encode(values, lossless=lossless, bitspersample=12)
        syntax = JPEGLosslessSV1 if lossless else JPEGExtended12Bit
        part = frame[: int(len(frame) * kept)]
        for damaged in (part, part + b"\xff\xd9", part + b"\xff\xd9" + frame[len(part) :]):
            content = write_dicom(values, "MONOCHROME2", syntax, damaged, BitsStored=12)
            assert refusal(content).endswith("its JPEG data cannot be decoded, probably damaged")

    def test_an_end_that_was_forgotten_or_filled_up(self, write_dicom, assert_shows):
        values = noise(12, False)
        frame = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=12)
        for other in (frame[:-2], frame + bytes(6)):
            content = write_dicom(values, "MONOCHROME2", JPEGLosslessSV1, other, BitsStored=12)
            assert_shows(content, values, span=(0, 4095))

    def test_size_of_the_data_must_be_that_of_the_header(self, write_dicom, refusal):
        values = noise(12, False)
        frame = bytearray(imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=12))
        place = frame.index(b"\xff\xc3") + 5
        frame[place : place + 4] = b"\xff\xff\xff\xff"
        content = write_dicom(values, "MONOCHROME2", JPEGLosslessSV1, frame, BitsStored=12)
        assert "of 65,535 rows x 65,535 columns x 1 samples" in refusal(content)
