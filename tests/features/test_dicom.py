"""A DICOM file gives its frames when they are asked for, and tells of those it cannot give."""

import struct
import sys
from functools import partial

import numpy as np
import openjpeg
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import JPEG2000Lossless

from trifuse.features.dicom import DICOM_START_BYTES, is_dicom, read_dicom, read_frames
from trifuse.features.dicom_frames import Frames
from trifuse.features.images import ImageError, read_image

ROWS, COLUMNS, COUNT = 40, 44, 5


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (COUNT, ROWS, COLUMNS, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoded(pictures):
    return [openjpeg.encode(picture, photometric_interpretation=1) for picture in pictures]


@pytest.fixture(scope="module")
def build(write_dicom, pictures):
    """Write a file of all pictures, or of what else is given for its pixel data."""

    def write(pixels=None, coding=("RGB",), **elements):
        pixels = pictures.tobytes() if pixels is None else pixels
        elements = {"NumberOfFrames": COUNT, "PixelData": pixels} | elements
        return write_dicom(pictures[0], *coding, **elements)

    return write


@pytest.fixture(scope="module")
def build_encapsulated(build):
    return partial(build, coding=("YBR_RCT", JPEG2000Lossless))


def raised(content):
    with pytest.raises(ImageError) as caught:
        next(read_dicom(content))
    return str(caught.value)


class TestStart:
    def test_dicom(self, build):
        start = build()[:DICOM_START_BYTES]
        assert DICOM_START_BYTES == 132
        assert is_dicom(start)
        assert not is_dicom(start[:-1])
        assert not is_dicom(b"")
        assert not is_dicom(b"DICM" * 20)
        assert not is_dicom(b"DICM" * 32 + b"JPEG")

    @pytest.mark.parametrize("content", [b"", b"DICM", b"\xff\xd8\xff" + bytes(200)])
    def test_other_files(self, content):
        assert raised(content) == "cannot read the image: it is not a DICOM file"

    def test_without_pydicom(self, build, monkeypatch):
        monkeypatch.setitem(sys.modules, "pydicom", None)
        assert raised(build()) == (
            "cannot read the image: it is a DICOM file; to read it, install trifuse[dicom]"
        )

    def test_pydicom_needs_no_decoders_of_its_own(self, build_encapsulated, monkeypatch, encoded):
        for name in ("openjpeg", "jpeg_ls", "_CharLS"):
            monkeypatch.setitem(sys.modules, name, None)
        frame = next(read_dicom(build_encapsulated(encapsulate(encoded))))
        assert frame.message == ""


def fragmented(encoded, sizes, table=()):
    """Write fragments of such sizes after a Basic Offset Table of such offsets."""
    stream, items = b"".join(encoded), []
    for size in sizes:
        items.append(stream[:size])
        stream = stream[size:]
    parts = [struct.pack(f"<{len(table)}I", *table), *items]
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(part)) + part for part in parts)


def halves(encoded):
    return [size for frame in encoded for size in (len(frame) // 2, -(-len(frame) // 2))]


class TestFrames:
    @pytest.mark.parametrize("packing", ["native", "table", "no table", "extended", "halves"])
    def test_all_and_from_the_middle(self, build, build_encapsulated, pictures, encoded, packing):
        uid, extended = "1.2.840.7", {}
        if packing == "native":
            content = build(SOPInstanceUID=uid)
        else:
            if packing == "extended":
                pixels, offsets, lengths = encapsulate_extended(encoded)
                extended = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
            elif packing == "halves":
                pixels = fragmented(encoded, halves(encoded))
            else:
                pixels = encapsulate(encoded, has_bot=packing == "table")
            content = build_encapsulated(pixels, SOPInstanceUID=uid, **extended)
        for first in (0, 3, COUNT - 1):
            frames = list(read_dicom(content, first_frame=first))
            assert [frame.index for frame in frames] == list(range(first, COUNT))
            for frame in frames:
                assert (frame.uid, frame.frames, frame.message) == (uid, COUNT, "")
                np.testing.assert_array_equal(frame.image, pictures[frame.index])
        assert list(read_dicom(content, first_frame=COUNT)) == []

    def test_fragments_of_a_single_frame(self, build_encapsulated, pictures, encoded):
        sizes = [100, 2, len(encoded[0]) - 102]
        for table in ([], [0], [0, 108, 118]):
            pixels = fragmented(encoded[:1], sizes, table)
            (frame,) = read_dicom(build_encapsulated(pixels, NumberOfFrames=1))
            np.testing.assert_array_equal(frame.image, pictures[0])

    @pytest.mark.parametrize("table", [[0], [0, 8, 4, 2, 1], [9, 10, 11, 12, 13]])
    def test_wrong_tables_are_not_followed(self, build_encapsulated, pictures, encoded, table):
        pixels = fragmented(encoded, map(len, encoded), table)
        frames = list(read_dicom(build_encapsulated(pixels)))
        assert [frame.message for frame in frames] == [""] * COUNT
        np.testing.assert_array_equal(frames[-1].image, pictures[-1])

    def test_a_frame_is_decoded_when_it_is_asked_for(self, build, monkeypatch):
        decoded, decode = [], Frames.decode

        def count(self, index):
            decoded.append(index)
            return decode(self, index)

        monkeypatch.setattr(Frames, "decode", count)
        frames = read_dicom(build(), first_frame=1)
        assert decoded == []
        assert (next(frames).index, decoded) == (1, [1])
        assert (next(frames).index, decoded) == (2, [1, 2])

    @pytest.mark.parametrize("has_table", [True, False])
    def test_a_damaged_frame_costs_only_itself(
        self, build_encapsulated, pictures, encoded, has_table
    ):
        damaged = [*encoded[:2], encoded[2][:200] + b"\xff" * 300, *encoded[3:]]
        content = build_encapsulated(encapsulate(damaged, has_bot=has_table))
        frames = list(read_dicom(content))
        assert [frame.index for frame in frames] == list(range(COUNT))
        assert [frame.frames for frame in frames] == [COUNT] * COUNT
        for frame in frames:
            if frame.index == 2:
                assert frame.image is None
                assert frame.message == (
                    "cannot read the image: its JPEG 2000 data cannot be decoded, probably damaged"
                )
            else:
                np.testing.assert_array_equal(frame.image, pictures[frame.index])

    def test_a_damaged_item_costs_one_frame_where_there_is_a_table(
        self, build_encapsulated, encoded
    ):
        pixels = bytearray(encapsulate(encoded))
        place = pixels.index(encoded[2]) - 8
        pixels[place : place + 4] = b"DOE!"
        frames = list(read_dicom(build_encapsulated(bytes(pixels))))
        assert [frame.image is None for frame in frames] == [n == 2 for n in range(COUNT)]

    @pytest.mark.parametrize("claimed", [COUNT + 1, 2_000_000_000])
    @pytest.mark.parametrize("packing", ["native", "table", "no table"])
    def test_missing_frames_are_told_once(
        self, build, build_encapsulated, encoded, packing, claimed
    ):
        if packing == "native":
            content = build(NumberOfFrames=claimed)
        else:
            pixels = encapsulate(encoded, has_bot=packing == "table")
            content = build_encapsulated(pixels, NumberOfFrames=claimed)
        *frames, last = read_dicom(content)
        assert [frame.message for frame in frames] == [""] * COUNT
        assert (last.index, last.frames, last.image) == (COUNT, COUNT + 1, None)
        assert last.message.endswith(f"too short: it holds 5 of {claimed:,} frames")

    @pytest.mark.parametrize("packing", ["native", "table", "no table"])
    def test_a_file_cut_short(self, build, build_encapsulated, encoded, packing):
        if packing == "native":
            content = build()
        else:
            content = build_encapsulated(encapsulate(encoded, has_bot=packing == "table"))
        frames = list(read_dicom(content[: len(content) * 7 // 10]))
        assert [frame.message for frame in frames[:3]] == [""] * 3
        assert 4 <= len(frames) <= COUNT
        for frame in frames[3:]:
            assert frame.image is None
            assert "too short" in frame.message or "in the middle of a frame" in frame.message

    @pytest.mark.parametrize("told", [..., 0, None])
    def test_one_frame_unless_told(self, build, pictures, told):
        (frame,) = read_dicom(build(pictures[0].tobytes(), NumberOfFrames=told))
        np.testing.assert_array_equal(frame.image, pictures[0])

    def test_no_uid_is_no_obstacle(self, build):
        frames = list(read_dicom(build(SOPInstanceUID="")))
        assert {(frame.uid, frame.message) for frame in frames} == {("", "")}


class TestOneDoor:
    """Training, figures and pages read a file of one image, whatever its kind; scoring frames."""

    def test_a_file_of_one_frame_is_an_image(self, build, pictures, tmp_path):
        content = build(pictures[2].tobytes(), NumberOfFrames=1)
        (tmp_path / "IM0001").write_bytes(content)
        for source in (content, tmp_path / "IM0001"):
            np.testing.assert_array_equal(read_image(source), pictures[2])

    def test_a_file_of_several_frames_is_refused(self, build, tmp_path):
        path = tmp_path / "clip.dcm"
        path.write_bytes(build())
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert str(caught.value) == (
            f"cannot read {path}: it is a DICOM file of 5 frames, and one image is wanted; export "
            "the frame that is meant"
        )

    def test_the_reason_is_that_of_the_frame(self, build, pictures):
        content = build(pictures[0].tobytes()[:-40], NumberOfFrames=1)
        (frame,) = read_dicom(content)
        with pytest.raises(ImageError, match=f"^{frame.message}$"):
            read_image(content)
        with pytest.raises(ImageError, match=f"^{raised(bytes(128) + b'DICM')}$"):
            read_image(bytes(128) + b"DICM")

    def test_too_many_pixels(self, build):
        with pytest.raises(ImageError, match="more than the limit of 9 pixels"):
            read_image(build(NumberOfFrames=1), max_pixels=9)

    def test_frames_of_any_file(self, build, pictures, encode):
        frames = [frame.image for frame in read_frames(build(), first_frame=3)]
        np.testing.assert_array_equal(frames, pictures[3:])
        (frame,) = read_frames(encode(pictures[0], "PNG"))
        np.testing.assert_array_equal(frame.image, pictures[0])
        assert (frame.uid, frame.index, frame.frames, frame.message) == ("", 0, 1, "")
        with pytest.raises(ImageError, match="it is empty"):
            next(read_frames(b""))
