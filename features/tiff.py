"""A TIFF becomes a Pillow image: by Pillow what it does right, by tifffile the rest.

What neither does right is refused by name. The layout of the first page is read, and its size is
checked, before anything is decoded.
"""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base as Tag
from PIL.TiffImagePlugin import TiffImageFile
from tifffile import COMPRESSION, PHOTOMETRIC

from trifuse.features.images import ImageError
from trifuse.features.jpeg import decode_whole, read_jpeg_header
from trifuse.features.levels import level_table, paint, to_levels
from trifuse.features.tiff_layout import (
    PREMULTIPLIED,
    Layout,
    pillow_reads,
    read_layout,
    tifffile_reads,
)

# Of odd tags tifffile logs errors, which Python prints where nobody has said where they go.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def open_tiff(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Give a TIFF's first page, for Pillow to load, or decoded already.

    Samples of 1 to 16 bits are scaled to 8 from the full range of their bits, and rounded; where
    Pillow reads 16-bit colour, it takes the high byte.

    Raises
    ------
    ImageError
        If it has too many pixels, or is of a kind that cannot be read; the sentence names it.
    Exception
        Whatever Pillow, tifffile and the decoders raise for damaged bytes.
    """
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages.first
        layout = read_layout(page, max_pixels)
        # Pillow takes the first offset of a big-endian BigTIFF for one of 32 bits.
        opens = not (tiff.is_bigtiff and tiff.byteorder == ">")
        if opens and pillow_reads(layout):
            file.seek(0)
            return TiffImageFile(file)
        if not tifffile_reads(layout):
            raise ImageError(f"its kind of TIFF ({layout.name}) cannot be read")
        image = _paint(_decode(page, layout, file), layout)
        profile = page.tags.valueof(Tag.InterColorProfile)
        image.info["icc_profile"] = profile if isinstance(profile, bytes) else None
        image.getexif()[Tag.Orientation] = page.tags.valueof(Tag.Orientation)
        return image


def _decode(page: Any, layout: Layout, file: BinaryIO) -> NDArray[np.unsignedinteger[Any]]:
    """Decode strips or tiles one by one; gives (rows, columns, samples), without what is unread."""
    kept = layout.colours + (0 if layout.alpha is None else layout.alpha + 1)
    planes, _, rows, columns, contiguous = page.shaped
    canvas = np.empty((min(planes, kept), rows, columns, min(contiguous, kept)), page.dtype)
    count = math.prod(page.chunked)
    if min(len(page.dataoffsets), len(page.databytecounts)) < count:
        msg = "it lacks strips or tiles"
        raise ValueError(msg)
    for index in range(count * len(canvas) // planes):
        file.seek(page.dataoffsets[index])
        data = file.read(page.databytecounts[index])
        if not data or len(data) < page.databytecounts[index]:
            msg = "it ends within a strip or a tile"
            raise ValueError(msg)
        _, (plane, _, top, left, _), (_, height, width, _) = page.decode(None, index)
        part = _decode_segment(page, layout, data, index)[0, : rows - top, : columns - left]
        place = canvas[plane, top : top + height, left : left + width]
        # NumPy would repeat a part that is too small, if it is of one row or column.
        if part.shape[:2] != place.shape[:2]:
            msg = "a strip or a tile is of another size"
            raise ValueError(msg)
        place[...] = part[..., :kept]
    values = np.moveaxis(canvas[..., 0], 0, -1) if planes > 1 else canvas[0]
    return values.view(np.uint8) if values.dtype == bool else values


def _decode_segment(page: Any, layout: Layout, data: bytes, index: int) -> NDArray[Any]:
    """Decode a strip or a tile; gives (1, rows, columns, samples)."""
    if layout.compression != COMPRESSION.JPEG:
        segment: NDArray[Any] = page.decode(data, index)[0]
        return segment
    header, (_, height, width, _) = read_jpeg_header(data), page.decode(None, index)[2]
    if header.bits != layout.bits or header.rows * header.columns > height * width:
        msg = "its JPEG data is of another size"
        raise ValueError(msg)
    tables = page.jpegtables
    return decode_whole(data, lambda part: page.decode(part, index, jpegtables=tables)[0])


def _paint(values: NDArray[np.unsignedinteger[Any]], layout: Layout) -> Image.Image:
    """Scale to 8 bits, look colours up, lay over white."""
    colours, table = layout.colours, level_table(layout.bits)
    if layout.photometric == PHOTOMETRIC.MINISWHITE:
        table = 255 - table
    if layout.photometric == PHOTOMETRIC.PALETTE:
        assert layout.colormap is not None
        shift = 8 if layout.colormap.max() > 255 else 0
        painted = (layout.colormap.T >> shift).astype(np.uint8).take(values[..., 0], axis=0)
    elif layout.alpha is None:
        painted = table.take(values[..., :colours])
    else:
        painted = paint(values, colours, partial(_lay_over_white, layout=layout))
    rows, columns, samples = painted.shape
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[samples]
    return Image.frombytes(mode, (columns, rows), painted)


def _lay_over_white(block: NDArray[np.unsignedinteger[Any]], layout: Layout) -> NDArray[np.uint8]:
    top, alpha = 2**layout.bits - 1, layout.alpha
    assert alpha is not None
    exact = block[..., : layout.colours] * (255 / top)
    opacity = block[..., layout.colours + alpha, np.newaxis] / top
    if layout.photometric == PHOTOMETRIC.MINISWHITE:
        exact = 255 - exact
    if layout.extras[alpha] != PREMULTIPLIED:
        exact *= opacity
    return to_levels(exact + 255 * (1 - opacity), 0, 255)
