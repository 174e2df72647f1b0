"""What cannot become an image says why, in words of the standard or none of the file's.

DICOM without the preamble of 128 bytes and "DICM", as it was written before and still is, is read.
"""

import struct
import zlib

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    MediaStorageDirectoryStorage,
    RLELossless,
    SegmentationStorage,
)

from trifuse.features import dicom_header
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom, read_dicom
from trifuse.features.images import ImageError, read_image

ROWS, COLUMNS = 40, 44
NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.fixture(scope="module")
def colour(picture):
    return picture(ROWS, COLUMNS)


@pytest.mark.parametrize(
    ("elements", "facts"),
    [
        ({}, {}),
        ({"PatientAge": "045Y", "PatientSex": "F"}, {"age": "45", "sex": "female"}),
        ({"PatientAge": "006M", "PatientSex": "M"}, {"age": "0.5", "sex": "male"}),
        ({"PatientSex": "O", "BodyPartExamined": "BACK"}, {"localization": "back"}),
        ({"BodyPartExamined": " "}, {}),
    ],
)
def test_what_is_known_of_the_patient(write_dicom, colour, elements, facts):
    (frame,) = read_dicom(write_dicom(colour, **elements))
    assert frame.image is not None
    assert frame.facts == facts


@pytest.mark.parametrize("age", [b"Jane", b"45 Y", b"1\\2Y", b"\xff\xff\xff\xff"])
def test_an_age_that_is_none_costs_nothing_else(write_dicom, colour, age):
    content = write_dicom(colour, PatientAge="045Y", PatientSex="F")
    (frame,) = read_dicom(content.replace(b"045Y", age))
    assert frame.image is not None
    assert frame.facts == {"sex": "female"}


def test_the_region_comes_before_the_part_of_the_body(write_dicom, colour):
    region = Dataset()
    region.CodeMeaning = "Lower Extremity"
    (frame,) = read_dicom(
        write_dicom(colour, BodyPartExamined="LEG", AnatomicRegionSequence=[region])
    )
    assert frame.facts == {"localization": "lower extremity"}
    (frame,) = read_dicom(
        write_dicom(colour, BodyPartExamined="LEG", AnatomicRegionSequence=[Dataset()])
    )
    assert frame.facts == {"localization": "leg"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("elements", "reason"),
        [
            ({"Rows": ...}, "its DICOM header has no valid Rows"),
            ({"Columns": 0}, "its DICOM header has no valid Columns"),
            ({"NumberOfFrames": -1}, "its DICOM header has no valid NumberOfFrames"),
            ({"SamplesPerPixel": 4}, "it has 4 samples a pixel, not 1 or 3"),
            ({"BitsAllocated": 64}, "it has 64 bits allocated a sample, which cannot be read"),
            ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "it has 1 bits allocated"),
            ({"BitsStored": 9}, "its DICOM header has no valid BitsStored"),
            ({"PixelRepresentation": 1}, "its samples of colour are signed"),
            ({"PixelRepresentation": 2}, "its DICOM header has no valid PixelRepresentation"),
            ({"PixelData": ...}, "it holds no pixel data"),
            ({"PixelData": ..., "FloatPixelData": bytes(8)}, "its pixels are floating-point"),
            ({"SOPClassUID": SegmentationStorage}, "it is a segmentation, not an image"),
            ({"SOPClassUID": EncapsulatedPDFStorage}, "it is a document, not an image"),
            ({"SOPClassUID": MediaStorageDirectoryStorage}, "it is a directory of DICOM files"),
        ],
    )
    def test_headers(self, write_dicom, refusal, colour, elements, reason):
        assert refusal(write_dicom(colour, **elements)).startswith(reason)

    def test_pixel_limit(self, write_dicom, refusal, colour):
        content = write_dicom(colour)
        assert next(read_dicom(content, max_pixels=ROWS * COLUMNS)).message == ""
        assert refusal(content, max_pixels=ROWS * COLUMNS - 1) == (
            "it has 40 rows x 44 columns, more than the limit of 1,759 pixels; "
            "make it smaller or raise the limit"
        )
        huge = write_dicom(colour, Rows=65535, Columns=65535, PixelData=bytes(2))
        assert refusal(huge).startswith("it has 65,535 rows x 65,535 columns")

    def test_transfer_syntaxes(self, write_dicom, refusal, colour):
        assert refusal(write_dicom(colour, "RGB", MPEG2MPML, b"none")) == (
            "its transfer syntax, MPEG2 Main Profile / Main Level, is not supported"
        )
        content = write_dicom(colour, "RGB", JPEG2000Lossless, b"none")
        unknown = content.replace(JPEG2000Lossless.encode(), b"1.2.840.10008.9.9.9.99")
        assert refusal(unknown) == "its transfer syntax is not supported"
        assert refusal(content.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI")) == (
            "its DICOM header names no transfer syntax"
        )

    def test_compressed_pixels_in_an_uncompressed_syntax(self, write_dicom, refusal, colour):
        native = str(ExplicitVRLittleEndian) + "\0"
        content = write_dicom(colour, "RGB", JPEG2000Lossless, b"none")
        length, syntax = struct.pack("<H", 22), JPEG2000Lossless.encode()
        place = content.index(length + syntax)
        short = content[:place] + struct.pack("<H", len(native)) + native.encode()
        assert refusal(short + content[place + 24 :]).startswith("its pixel data is compressed")

    def test_rle_of_an_uncompressed_frame(self, write_dicom, refusal, colour):
        content = write_dicom(colour, "RGB", RLELossless, colour.tobytes())
        assert "RLE data" in refusal(content)

    def test_without_uid_it_is_an_error(self, write_dicom, colour):
        content = write_dicom(colour, SOPInstanceUID="", Rows=...)
        with pytest.raises(ImageError) as caught:
            next(read_dicom(content))
        assert str(caught.value) == ("cannot read the image: its DICOM header has no valid Rows")

    def test_inflated_size_is_limited(self, write_dicom, refusal, colour, monkeypatch):
        content = write_dicom(colour, "RGB", DeflatedExplicitVRLittleEndian)
        np.testing.assert_array_equal(next(read_dicom(content)).image, colour)
        monkeypatch.setattr(dicom_header, "MAX_INFLATED_BYTES", 1_000)
        assert refusal(content) == "it is larger than 1,000 bytes when inflated"
        start = content.index(b"\x02\x00\x10\x00UI")
        start += 8 + struct.unpack_from("<H", content, start + 6)[0]
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        bomb = deflate.compress(bytes(50_000_000)) + deflate.flush()
        assert refusal(content[:start] + bomb) == "it is larger than 1,000 bytes when inflated"

    def test_endless_nesting(self, write_dicom, refusal, colour):
        content = write_dicom(colour)
        place = content.index(b"\x08\x00\x16\x00UI")
        level = b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        assert refusal(content[:place] + level * 20_000) == (
            "its DICOM header cannot be read, probably truncated or damaged"
        )

    def test_the_uid_is_that_of_the_dataset_where_it_has_one(self, write_dicom, colour):
        content = write_dicom(colour, SOPInstanceUID="1.2.840.1")
        head, tail = content.split(b"1.2.840.1\0", 1)
        assert next(read_dicom(head + b"1.2.840.2\0" + tail)).uid == "1.2.840.1"


def without_meta(content):
    """Take off preamble and File Meta Information, whose length stands in its first element."""
    return content[144 + int.from_bytes(content[140:144], "little") :]


class TestBare:
    @pytest.mark.parametrize("syntax", [*NATIVE, DeflatedExplicitVRLittleEndian])
    @pytest.mark.parametrize("taken", [128, 132])
    def test_with_file_meta_information(self, write_dicom, read_frame, colour, syntax, taken):
        content = write_dicom(colour, "RGB", syntax)[taken:]
        assert is_dicom(content[:DICOM_START_BYTES])
        np.testing.assert_array_equal(read_frame(content), colour)

    @pytest.mark.parametrize("syntax", NATIVE)
    @pytest.mark.parametrize("first", [{}, {"SpecificCharacterSet": "ISO_IR 100"}])
    def test_a_dataset_alone(self, write_dicom, read_frame, colour, syntax, first):
        content = without_meta(write_dicom(colour, "RGB", syntax, **first))
        assert is_dicom(content[:DICOM_START_BYTES])
        np.testing.assert_array_equal(read_frame(content), colour)
        np.testing.assert_array_equal(read_image(content), colour)

    def test_compressed_pixels_need_a_transfer_syntax(self, write_dicom, colour):
        content = without_meta(write_dicom(colour, "RGB", JPEGLosslessSV1, b"none"))
        frame = next(read_dicom(content))
        assert frame.message == "cannot read the image: its DICOM header names no transfer syntax"

    @pytest.mark.parametrize(
        "start", [b"", b"\x08\x00", b"DICM", b"\x08\x00\x05\x00\xff\xff\xff\xff", bytes(132)]
    )
    def test_other_files(self, start):
        assert not is_dicom(start)
        with pytest.raises(ImageError):
            read_image(start)
