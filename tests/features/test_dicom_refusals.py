"""What cannot become an image says why, in words of the standard or none of the file's."""

import io
import struct
import zlib

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MediaStorageDirectoryStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from trifuse.features import dicom
from trifuse.features.dicom import read_dicom
from trifuse.features.images import ImageError

UID_OF_FILE = "1.2.826.0.1.3680043.8.498.1"
ROWS, COLUMNS = 40, 44
NONE = object()


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)


def build(pixels, syntax=ExplicitVRLittleEndian, uid=UID_OF_FILE, **elements):
    """Write a file of one RGB frame; an element that is NONE is left out."""
    standard = {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": uid,
        "PatientName": "DOE^JANE", "Rows": ROWS, "Columns": COLUMNS, "SamplesPerPixel": 3,
        "PlanarConfiguration": 0, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "PhotometricInterpretation": "RGB", "PixelData": pixels,
    }  # fmt: skip
    dataset = Dataset()
    for keyword, value in (standard | elements).items():
        if value is not NONE:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = standard["SOPClassUID"]
    if uid:
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.preamble = bytes(128)
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=bool(uid))
    return file.getvalue()


def refusal(content, **options):
    (frame,) = read_dicom(content, **options)
    assert (frame.uid, frame.index, frame.frames) == (UID_OF_FILE, 0, 1)
    assert frame.image is None
    assert frame.message.startswith("cannot read the image: ")
    return frame.message.removeprefix("cannot read the image: ")


class TestRefusals:
    @pytest.mark.parametrize(
        ("elements", "reason"),
        [
            ({"Rows": NONE}, "its DICOM header has no valid Rows"),
            ({"Columns": 0}, "its DICOM header has no valid Columns"),
            ({"NumberOfFrames": -1}, "its DICOM header has no valid NumberOfFrames"),
            ({"SamplesPerPixel": 4}, "it has 4 samples a pixel, not 1 or 3"),
            ({"BitsAllocated": 64}, "it has 64 bits allocated a sample, which cannot be read"),
            ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "it has 1 bits allocated"),
            ({"BitsStored": 9}, "its DICOM header has no valid BitsStored"),
            ({"PixelRepresentation": 1}, "its samples of colour are signed"),
            ({"PixelRepresentation": 2}, "its DICOM header has no valid PixelRepresentation"),
            ({"PixelData": NONE}, "it holds no pixel data"),
            ({"PixelData": NONE, "FloatPixelData": bytes(8)}, "its pixels are floating-point"),
            ({"SOPClassUID": SegmentationStorage}, "it is a segmentation, not an image"),
            ({"SOPClassUID": EncapsulatedPDFStorage}, "it is a document, not an image"),
            ({"SOPClassUID": MediaStorageDirectoryStorage}, "it is a directory of DICOM files"),
        ],
    )
    def test_headers(self, picture, elements, reason):
        assert refusal(build(picture.tobytes(), **elements)).startswith(reason)

    def test_pixel_limit(self, picture):
        content = build(picture.tobytes())
        assert next(read_dicom(content, max_pixels=ROWS * COLUMNS)).message == ""
        assert refusal(content, max_pixels=ROWS * COLUMNS - 1) == (
            "it has 40 rows x 44 columns, more than the limit of 1,759 pixels; "
            "make it smaller or raise the limit"
        )
        huge = build(bytes(2), Rows=65535, Columns=65535)
        assert refusal(huge).startswith("it has 65,535 rows x 65,535 columns")

    def test_transfer_syntaxes(self):
        pixels = encapsulate([b"none"])
        assert refusal(build(pixels, MPEG2MPML)) == (
            "its transfer syntax, MPEG2 Main Profile / Main Level, is not supported"
        )
        content = build(pixels, JPEG2000Lossless)
        unknown = content.replace(JPEG2000Lossless.encode(), b"1.2.840.10008.9.9.9.99")
        assert refusal(unknown) == "its transfer syntax is not supported"
        assert refusal(content.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI")) == (
            "its DICOM header names no transfer syntax"
        )

    def test_compressed_pixels_in_an_uncompressed_syntax(self):
        native = str(ExplicitVRLittleEndian) + "\0"
        content = build(encapsulate([b"none"]), JPEG2000Lossless)
        length, syntax = struct.pack("<H", 22), JPEG2000Lossless.encode()
        place = content.index(length + syntax)
        short = content[:place] + struct.pack("<H", len(native)) + native.encode()
        assert refusal(short + content[place + 24 :]).startswith("its pixel data is compressed")

    def test_rle_of_an_uncompressed_frame(self, picture):
        content = build(encapsulate([picture.tobytes()]), RLELossless)
        assert "RLE data" in refusal(content)

    def test_without_uid_it_is_an_error(self, picture):
        content = build(picture.tobytes(), uid="", Rows=NONE)
        with pytest.raises(ImageError) as caught:
            next(read_dicom(content))
        assert str(caught.value) == ("cannot read the image: its DICOM header has no valid Rows")

    def test_inflated_size_is_limited(self, monkeypatch, picture):
        content = build(picture.tobytes(), DeflatedExplicitVRLittleEndian)
        np.testing.assert_array_equal(next(read_dicom(content)).image, picture)
        monkeypatch.setattr(dicom, "MAX_INFLATED_BYTES", 1_000)
        assert refusal(content) == "it is larger than 1,000 bytes when inflated"
        start = content.index(b"\x02\x00\x10\x00UI")
        start += 8 + struct.unpack_from("<H", content, start + 6)[0]
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        bomb = deflate.compress(bytes(50_000_000)) + deflate.flush()
        assert refusal(content[:start] + bomb) == "it is larger than 1,000 bytes when inflated"

    def test_endless_nesting(self, picture):
        content = build(picture.tobytes())
        place = content.index(b"\x08\x00\x16\x00UI")
        level = b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        assert refusal(content[:place] + level * 20_000) == (
            "its DICOM header cannot be read, probably truncated or damaged"
        )

    def test_the_uid_is_that_of_the_dataset_where_it_has_one(self, picture):
        content = build(picture.tobytes())
        other = UID_OF_FILE[:-1] + "2"
        head, tail = content.split(UID_OF_FILE.encode(), 1)
        assert next(read_dicom(head + other.encode() + tail)).uid == UID_OF_FILE
