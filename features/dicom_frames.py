"""The frames of a DICOM file: found in its pixel data, and decoded into stored values.

Frames are found here, not by pydicom, which follows tables that jump back, and gives pieces of
frames that a file ends within (tests/features/test_dicom.py). The codecs are Pillow's and
imagecodecs': with the same libraries pydicom decodes no JPEG of 12 bits and none lossless, shows
subsampled chroma as RGB where the header says so, gives a picture though tiles are missing, and
takes seconds and 64 times the memory for RLE that goes on behind its image (test_dicom_jpeg.py,
test_dicom_codecs.py).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from trifuse.features.dicom_header import COMPRESSED, JPEG_LOSSLESS, Header
from trifuse.features.images import ImageError
from trifuse.features.jpeg import decode_jpeg, read_jpeg_header


class Stored(NamedTuple):
    """Stored values of one frame, in the low bits of `codes`; two's complement where signed.

    `codes` is unsigned, of shape (rows, columns) or (rows, columns, 3).
    """

    codes: NDArray[np.unsignedinteger[Any]]
    bits: int
    photometric: str


class Frames:
    """Frames of pixel data, decoded by their index.

    Parameters
    ----------
    header : Header
    data : memoryview
        The element's value; more may follow it where its length is undefined.
    table : bytes
        The Extended Offset Table (PS3.3 C.7.6.3.1.8), or nothing.
    """

    def __init__(self, header: Header, data: memoryview, table: bytes) -> None:
        self.header, self.data = header, data
        self.kind = COMPRESSED.get(header.syntax, "pixel")
        if self.kind == "pixel":
            bits = header.rows * header.columns * header.samples * header.allocated
            bits = bits * 2 // 3 if header.photometric == "YBR_FULL_422" else bits
            self.held = len(data) * 8 // bits
        else:
            self.starts = _find_starts(header, data, table)
            self.held = len(self.starts)

    def __len__(self) -> int:
        """Count the frames; those that the data does not hold count as one."""
        return min(self.header.frames, self.held + 1)

    def decode(self, index: int) -> Stored:
        """Give the stored values of one frame."""
        if index >= self.held:
            claimed = f"{self.held:,} of {self.header.frames:,} frames"
            raise ImageError(f"its pixel data is too short: it holds {claimed}")
        if self.kind == "pixel":
            return _decode_native(self.data, index, self.header)
        start, frame = int(self.starts[index]), bytearray()
        stop = int(self.starts[index + 1]) if index + 1 < self.held else len(self.data)
        for first, end in _find_fragments(self.data, start):
            if first > stop:
                break
            if end > len(self.data):
                raise ImageError("its pixel data ends in the middle of a frame")
            frame += self.data[first:end]
        found = _tell_kind(frame)
        if found not in {self.kind, ""}:
            raise ImageError(f"its pixel data is {found}, which its transfer syntax denies")
        stored = _DECODERS[self.kind](bytes(frame), self.header)
        shape = (self.header.rows, self.header.columns, self.header.samples)
        if stored.codes.shape != shape[: 3 if shape[2] == 3 else 2]:
            msg = "the codec gives another shape"
            raise ValueError(msg)
        return stored


def _tell_kind(frame: bytearray) -> str:
    """Tell compressed data by its first bytes, or nothing of what has none that are known."""
    if frame.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
        return "JPEG 2000"
    if not frame.startswith(b"\xff\xd8\xff"):
        return ""
    return "JPEG-LS" if b"\xff\xf7\0" in frame[: frame.find(b"\xff\xda")] else "JPEG"


def _find_starts(header: Header, data: memoryview, table: bytes) -> NDArray[np.int64]:
    """Find the first item of each frame, by a table of offsets or by fragments (PS3.5 A.4)."""
    _, base = next(_find_fragments(data, 0), (0, len(data)))
    if header.frames == 1:
        return np.array([base][: base + 8 <= len(data)], np.int64)
    offsets = np.frombuffer(table[: len(table) // 8 * 8], "<u8").astype(np.int64)
    if not len(offsets):
        basic = data[8:base]
        offsets = np.frombuffer(basic[: len(basic) // 4 * 4], "<u4").astype(np.int64)
    # A table of one offset is written for many frames too; a table that jumps back is wrong.
    usable = len(offsets) > 1 or len(offsets) == header.frames
    if usable and offsets[0] == 0 and (np.diff(offsets) > 0).all():
        return base + offsets[offsets <= len(data) - base - 8]
    count = sum(1 for _ in _find_fragments(data, base))
    single = COMPRESSED[header.syntax] == "RLE" or count <= header.frames

    def starts() -> Iterator[int]:
        new = True
        for first, end in _find_fragments(data, base):
            if new:
                yield first - 8
            # The end of an image, in JPEG, JPEG-LS and JPEG 2000 alike.
            new = single or b"\xff\xd9" in bytes(data[max(first, end - 10) : end])

    return np.fromiter(starts(), np.int64)


def _find_fragments(data: memoryview, place: int) -> Iterator[tuple[int, int]]:
    """Give where the value of each item starts and ends; what is no item ends them."""
    while place + 8 <= len(data):
        tag, length = struct.unpack_from("<4sI", data, place)
        if tag != b"\xfe\xff\x00\xe0" or length == 0xFFFFFFFF:
            return
        yield place + 8, place + 8 + length
        place += 8 + length


def _decode_native(data: memoryview, index: int, header: Header) -> Stored:
    """Cut one frame out of pixel data that is not compressed (PS3.5 8.1.1, 8.2)."""
    from pydicom.pixels import get_decoder

    if header.allocated == 1:
        # Frames follow each other within bytes, for which pydicom cuts some too short.
        start, pixels = index * header.rows * header.columns, header.rows * header.columns
        packed = np.frombuffer(data[start // 8 : -(-(start + pixels) // 8)], np.uint8)
        flat = np.unpackbits(packed, bitorder="little")[start % 8 :][:pixels]
        return Stored(flat.reshape(header.rows, header.columns), 1, header.photometric)
    values, _ = get_decoder(header.syntax).as_array(
        data, index=index, raw=True, validate=False, number_of_frames=1,
        pixel_keyword="PixelData", pixel_vr=header.vr, pixel_representation=0,
        rows=header.rows, columns=header.columns, samples_per_pixel=header.samples,
        bits_allocated=header.allocated, bits_stored=header.allocated,
        planar_configuration=header.planar, photometric_interpretation=header.photometric,
    )  # fmt: skip
    return _drop_unused_bits(values, header)


def _decode_jpeg(data: bytes, header: Header) -> Stored:
    """Decode JPEG, lossy of 8 or 12 bits a sample, lossless of 2 to 16 (PS3.5 8.2.1)."""
    told = read_jpeg_header(data)
    if told.bits != 8:
        _check_size(header, told.rows, told.columns, len(told.components))
        return Stored(decode_jpeg(data), told.bits, told.colour or header.photometric)
    lossless = header.syntax in JPEG_LOSSLESS
    with JpegImageFile(io.BytesIO(data)) as image:
        _check_size(header, image.height, image.width, len(image.getbands()))
        if header.photometric == "RGB" and not told.colour and not lossless:
            # Pillow would take three components for YCbCr; this mode leaves them as they are.
            image.draft("YCbCr", image.size)
        image.load()
        # Without a marker, libjpeg leaves lossless data as they are.
        kept = header.samples == 1 or (lossless and not told.colour)
        return Stored(np.asarray(image), 8, header.photometric if kept else "RGB")


def _decode_jpeg_ls(data: bytes, header: Header) -> Stored:
    """Decode JPEG-LS, lossless or near-lossless, 2 to 16 bits a sample (PS3.5 8.2.3)."""
    import imagecodecs

    told = read_jpeg_header(data)
    _check_size(header, told.rows, told.columns, len(told.components))
    return Stored(imagecodecs.jpegls_decode(data), told.bits, header.photometric)


def _decode_jpeg_2000(data: bytes, header: Header) -> Stored:
    """Decode JPEG 2000, also high-throughput, of 1 to 32 bits a sample (PS3.5 8.2.4)."""
    import imagecodecs

    # What stands before the codestream are boxes of the JP2 format, which DICOM does not allow.
    data = data[data.index(b"\xff\x4f\xff\x51") :]
    # The marker SIZ, ISO/IEC 15444-1 A.5.1.
    right, bottom, left, top, width, height, tiles_left, tiles_top, samples, depth = (
        struct.unpack_from(">8IHB", data, 8)
    )
    _check_size(header, bottom - top, right - left, samples)
    tiles = -(-(right - tiles_left) // width) * -(-(bottom - tiles_top) // height)
    # OpenJPEG allocates kilobytes for each tile, and leaves those that are missing black.
    if data.count(b"\xff\x90\x00\x0a") < tiles:
        raise ImageError("its JPEG 2000 data lacks tiles, it is probably truncated or damaged")
    values, bits = imagecodecs.jpeg2k_decode(data, numthreads=1), (depth & 0x7F) + 1
    codes = values.view(f"u{values.itemsize}") & (2**bits - 1)
    # The decoder undoes the colour transforms of JPEG 2000 itself.
    transformed = header.photometric in {"YBR_RCT", "YBR_ICT"}
    return Stored(codes, bits, "RGB" if transformed else header.photometric)


def _decode_rle(data: bytes, header: Header) -> Stored:
    """Decode RLE: PackBits of each byte of the samples apart, the highest first (PS3.5 G)."""
    depth = header.allocated // 8
    count, *offsets = struct.unpack_from("<16I", data)
    if count != header.samples * depth:
        raise ImageError(f"its RLE data has {count:,} segments, not {header.samples * depth}")
    segments = (data[start:end] for start, end in pairwise([*offsets[:count], len(data)]))
    # As one row: DICOM ends runs at the end of a row, but some writers do not.
    size = (header.rows * header.columns, 1)
    planes = [np.asarray(Image.frombytes("L", size, part, "packbits", "L")) for part in segments]
    shape = (header.samples, depth, header.rows, header.columns)
    bytewise = np.stack(planes).reshape(shape).transpose(2, 3, 0, 1)
    values = np.ascontiguousarray(bytewise).view(f">u{depth}")[..., 0]
    return _drop_unused_bits(values if header.samples == 3 else values[..., 0], header)


_DECODERS: Mapping[str, Callable[[bytes, Header], Stored]] = {
    "JPEG": _decode_jpeg,
    "JPEG-LS": _decode_jpeg_ls,
    "JPEG 2000": _decode_jpeg_2000,
    "RLE": _decode_rle,
}


def _drop_unused_bits(values: NDArray[Any], header: Header) -> Stored:
    """Keep the bits stored: overlays were once kept in the others (PS3.5 8.1.1)."""
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    codes = values >> header.shift & (2**header.stored - 1)
    return Stored(codes, header.stored, header.photometric)


def _check_size(header: Header, rows: int, columns: int, samples: int) -> None:
    if (rows, columns, samples) != (header.rows, header.columns, header.samples):
        raise ImageError(
            f"its pixel data is of {rows:,} rows x {columns:,} columns x {samples:,} samples, its "
            f"header of {header.rows:,} x {header.columns:,} x {header.samples}"
        )
