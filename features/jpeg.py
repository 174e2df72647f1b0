"""JPEG data of more than 8 bits a sample, or without loss: what Pillow does not decode."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of frames (SOF), that of JPEG-LS too; those left out are DHT, JPG, DAC."""
_LONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length: TEM, RST, SOI."""
_START_OF_SCAN, _END = 0xDA, b"\xff\xd9"
_FILLER = bytes(range(1, 252)) * 4


class JpegHeader(NamedTuple):
    """What stands in the frame header (ITU-T T.81 B.2.2, T.87 C.2.2) and before it.

    Attributes
    ----------
    bits, rows, columns : int
    components : bytes
        Their identifiers.
    colour : str
        `RGB` or `YBR_FULL` where a JFIF or Adobe marker, the identifiers or the subsampling tell
        it, else nothing.
    """

    bits: int
    rows: int
    columns: int
    components: bytes
    colour: str


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Read the header of a JPEG.

    Raises
    ------
    ValueError
        If there is none.
    """
    place, told = 2, ""
    while data[:2] == b"\xff\xd8" and place + 4 <= len(data):
        marker = data[place + 1]
        # Bytes between segments are passed over, as libjpeg does.
        if data[place] != 0xFF or marker in {0x00, 0xFF, *_LONE}:
            place += 1
            continue
        if marker == _START_OF_SCAN:
            break
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place + 4 : place + 2 + length]
        if marker in _FRAME:
            return _read_frame(segment, told)
        if marker == 0xE0 and segment[:5] == b"JFIF\0":
            told = "YBR_FULL"
        if marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
            told = "YBR_FULL" if segment[11] == 1 else "RGB"
        place += 2 + length
    msg = "it has no JPEG header"
    raise ValueError(msg)


def _read_frame(segment: bytes, told: str) -> JpegHeader:
    bits, rows, columns, count = struct.unpack_from(">BHHB", segment)
    layers = [segment[6 + 3 * n : 9 + 3 * n] for n in range(count)]
    identifiers = bytes(layer[0] for layer in layers)
    if count != 3:
        told = ""
    elif len({layer[1] for layer in layers}) > 1:
        told = "YBR_FULL"
    elif identifiers == b"RGB":
        told = "RGB"
    return JpegHeader(bits, rows, columns, identifiers, told)


def decode_whole(data: bytes, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    """Decode a JPEG by a decoder that makes up what is missing, as those of libjpeg's family do.

    Bytes that mean nothing are put before its end: whole data give the same pixels with and
    without them, data that lack something do not.

    Parameters
    ----------
    data : bytes
    decode : callable

    Raises
    ------
    ValueError
        If data are missing.
    """
    scan = data.find(bytes([0xFF, _START_OF_SCAN]))
    # Within a scan no data looks like the end.
    end = data.find(_END, scan)
    body = data if end < 0 else data[:end]
    pixels = decode(body + _END)
    if not np.array_equal(pixels, decode(body + _FILLER + _END)):
        msg = "its JPEG data ends too early"
        raise ValueError(msg)
    return pixels


def decode_jpeg(data: bytes) -> NDArray[Any]:
    """Decode JPEG of 2 to 16 bits a sample into its components, whatever their colour space.

    Returns
    -------
    ndarray of uint8 or uint16, shape (rows, columns) or (rows, columns, components)

    Raises
    ------
    ValueError
        If data are missing.
    RuntimeError
        If libjpeg cannot decode them.
    """
    import imagecodecs

    # Told that it is in the colour space that is wanted, libjpeg converts nothing.
    space = "RGB" if len(read_jpeg_header(data).components) == 3 else None
    return decode_whole(
        data, lambda part: imagecodecs.jpeg8_decode(part, colorspace=space, outcolorspace=space)
    )
