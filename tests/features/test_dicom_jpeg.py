"""JPEG gives the colours that were encoded, whoever tells in which space they are."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    SecondaryCaptureImageStorage,
)

from trifuse.features.dicom import read_dicom

ROWS, COLUMNS = 40, 48


def build(values, photometric, syntax, frame, **elements):
    """Write a file of one compressed frame, with the header of the values."""
    bits = values.itemsize * 8
    standard = {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": "1.2.3",
        "Rows": values.shape[0], "Columns": values.shape[1], "PlanarConfiguration": 0,
        "SamplesPerPixel": 3 if values.ndim == 3 else 1,
        "PhotometricInterpretation": photometric, "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": elements.get("BitsStored", bits) - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelData": encapsulate([bytes(frame)]),
    }  # fmt: skip
    dataset = Dataset()
    for keyword, value in (standard | elements).items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def read(content):
    (frame,) = read_dicom(content)
    assert frame.message == ""
    assert frame.image.flags.c_contiguous
    assert not frame.image.flags.writeable
    return frame.image


def refusal(content):
    (frame,) = read_dicom(content)
    assert frame.image is None
    assert frame.message.startswith("cannot read the image: ")
    return frame.message


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def without_app0(data):
    """Take off the JFIF marker, which is the first."""
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + struct.unpack_from(">H", data, 4)[0] :]


@pytest.fixture(scope="module")
def smooth():
    """A picture that JPEG keeps within a few levels."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    planes = [128 + 90 * np.sin(x / 9), 100 + 2 * y, 128 + 80 * np.cos((x + y) / 11)]
    return np.stack(planes, axis=2).astype(np.uint8)


class TestJpeg:
    @pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
    def test_grey(self, smooth, syntax):
        grey = smooth[..., 0]
        image = read(build(grey, "MONOCHROME2", syntax, jpeg(Image.fromarray(grey))))
        assert np.abs(image.astype(int) - grey[..., None]).max() < 8
        inverse = read(build(grey, "MONOCHROME1", syntax, jpeg(Image.fromarray(grey))))
        np.testing.assert_array_equal(inverse, 255 - image)

    @pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL", "RGB"])
    def test_a_marker_tells_ybr_whatever_the_header_says(self, smooth, photometric):
        content = build(smooth, photometric, JPEGBaseline8Bit, jpeg(Image.fromarray(smooth)))
        assert np.abs(read(content).astype(int) - smooth).mean() < 3

    def test_a_marker_tells_rgb(self, smooth):
        frame = jpeg(Image.fromarray(smooth), keep_rgb=True)
        assert b"Adobe" in frame
        for photometric in ("RGB", "YBR_FULL_422"):
            image = read(build(smooth, photometric, JPEGBaseline8Bit, frame))
            assert np.abs(image.astype(int) - smooth).mean() < 2

    @pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
    def test_ybr_without_marker(self, smooth, photometric):
        frame = without_app0(jpeg(Image.fromarray(smooth)))
        image = read(build(smooth, photometric, JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 3

    def test_rgb_without_marker(self, smooth):
        """Pillow is told that the levels are YBR already, so it leaves them as they are."""
        levels = Image.frombytes("YCbCr", (COLUMNS, ROWS), smooth.tobytes())
        frame = without_app0(jpeg(levels, subsampling=0))
        image = read(build(smooth, "RGB", JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 2

    def test_subsampled_chroma_is_ybr_whatever_the_header_says(self, smooth):
        frame = without_app0(jpeg(Image.fromarray(smooth), subsampling=2))
        image = read(build(smooth, "RGB", JPEGBaseline8Bit, frame))
        assert np.abs(image.astype(int) - smooth).mean() < 5

    def test_lossless(self):
        """One image of pydicom's, of which another encoder made RLE."""
        lossless, rle = (
            Path(get_testdata_file(f"SC_rgb_{name}.dcm", download=False))
            for name in ("jpeg_gdcm", "rle")
        )
        assert dcmread(lossless).file_meta.TransferSyntaxUID == JPEGLosslessSV1
        expected = dcmread(rle).pixel_array
        np.testing.assert_array_equal(read(lossless.read_bytes()), expected)
        np.testing.assert_array_equal(read(rle.read_bytes()), expected)

    @pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
    def test_lossless_without_marker(self, photometric):
        dataset = dcmread(get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False))
        frame = bytearray(get_frame(dataset.PixelData, 0))
        levels = np.asarray(Image.open(io.BytesIO(frame)))
        adobe = frame.index(b"\xff\xee")
        del frame[adobe : adobe + 2 + struct.unpack_from(">H", frame, adobe + 2)[0]]
        for number, letter in enumerate(b"RGB", 1):
            for place in (frame.index(b"\xff\xc3"), frame.index(b"\xff\xda")):
                frame[frame.index(letter, place)] = number
        image = read(build(levels, photometric, JPEGLosslessSV1, frame))
        np.testing.assert_array_equal(image, convert_color_space(levels, photometric, "RGB"))

    @pytest.mark.parametrize("syntax", [JPEGExtended12Bit, JPEGLosslessSV1])
    def test_more_than_8_bits_are_refused_by_name(self, syntax):
        values = np.zeros((ROWS, COLUMNS), np.uint16)
        content = build(values, "MONOCHROME2", syntax, b"none", BitsStored=12)
        told = f"its transfer syntax, {syntax.name}, is supported for 8 bits, not 12"
        assert refusal(content).endswith(told)

    def test_size_of_the_data_must_be_that_of_the_header(self, smooth):
        grey = Image.fromarray(smooth[..., 0])
        message = refusal(build(smooth, "RGB", JPEGBaseline8Bit, jpeg(grey)))
        assert "40 rows x 48 columns x 1 samples, its header of 40 x 48 x 3" in message
        larger = bytearray(jpeg(grey))
        place = larger.index(b"\xff\xc0\x00\x0b\x08") + 5
        larger[place : place + 4] = b"\xff\xff\xff\xff"
        message = refusal(build(smooth[..., 0], "MONOCHROME2", JPEGBaseline8Bit, larger))
        assert "of 65,535 rows x 65,535 columns x 1 samples" in message

    @pytest.mark.parametrize("kept", [0.6, 0.9])
    def test_truncated(self, smooth, kept):
        frame = jpeg(Image.fromarray(smooth))
        content = build(smooth, "RGB", JPEGBaseline8Bit, frame[: int(len(frame) * kept)])
        assert refusal(content).endswith("its JPEG data cannot be decoded, probably damaged")
