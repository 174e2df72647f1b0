"""JPEG gives the colours that were encoded, whoever tells in which space they are."""

import io
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame
from pydicom.pixels import convert_color_space
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1


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

    @pytest.mark.parametrize("syntax", [JPEGExtended12Bit, JPEGLosslessSV1])
    def test_more_than_8_bits_are_refused_by_name(self, write_dicom, refusal, syntax):
        values = np.zeros((40, 48), np.uint16)
        content = write_dicom(values, "MONOCHROME2", syntax, b"none", BitsStored=12)
        reason = f"its transfer syntax, {syntax.name}, is supported for 8 bits, not 12"
        assert refusal(content) == reason

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
