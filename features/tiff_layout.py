"""What a TIFF's first page holds: read before anything is decoded, or refused by name."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import COMPRESSION_INFO
from tifffile import COMPRESSION, PHOTOMETRIC

from trifuse.features.images import ImageError, check_pixel_count

_SAMPLES = {
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.SEPARATED: 4,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.CIELAB: 3,
}
"""Photometric interpretations that can be read, and their samples a pixel but for extra ones."""
_CODECS = frozenset({
    COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS, COMPRESSION.LZMA, COMPRESSION.ZSTD, COMPRESSION.JPEG,
})  # fmt: skip
"""Compressions that are left to tifffile; it gives imagecodecs the size that may come out."""
_FAX = frozenset({COMPRESSION.CCITTRLE, COMPRESSION.CCITTFAX3, COMPRESSION.CCITTFAX4})
_PLAIN = frozenset({COMPRESSION.NONE, COMPRESSION.PACKBITS})
"""Compressions with which some readers undo a predictor, and some do not."""
_WITHOUT_PREDICTOR = _FAX | {COMPRESSION.JPEG, COMPRESSION.OJPEG}
"""Compressions with which all readers pass it over."""
_OF_JPEG = frozenset({
    PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR,
})  # fmt: skip
_PILLOWS_CODECS = COMPRESSION_INFO.keys() - {COMPRESSION.WEBP}
"""Pillow's libtiff is built without WebP, and prints that it is."""
PREMULTIPLIED, ALPHA = 1, 2
_PHOTOMETRIC, _INK_SET = 262, 332


class Layout(NamedTuple):
    """What the first page holds.

    Attributes
    ----------
    photometric, bits : int
    extras : tuple of int
        What each sample beyond the colours is, by the tag ExtraSamples.
    planar : bool
        Whether each sample has a plane of its own.
    compression : int
    colormap : ndarray of uint16, shape (3, entries), optional
    """

    photometric: int
    bits: int
    extras: tuple[int, ...]
    planar: bool
    compression: int
    colormap: NDArray[np.unsignedinteger[Any]] | None

    @property
    def colours(self) -> int:
        """Count the samples a pixel but for the extra ones."""
        return _SAMPLES[PHOTOMETRIC(self.photometric)]

    @property
    def alpha(self) -> int | None:
        """The place of the first extra sample that tells transparency."""
        places = (n for n, kind in enumerate(self.extras) if kind in {PREMULTIPLIED, ALPHA})
        return next(places, None)

    @property
    def name(self) -> str:
        """Say it in the words of the specification."""
        planes = "separate planes of " if self.planar else ""
        extra = f" with {len(self.extras)} extra samples" if self.extras else ""
        kind = f"{_name(PHOTOMETRIC, self.photometric)} of {self.bits} bits"
        return f"{planes}{kind}{extra}, compressed by {_name(COMPRESSION, self.compression)}"


def read_layout(page: Any, max_pixels: int) -> Layout:
    """Read the tags, and refuse by name what no reader here can do right."""
    if min(page.imagelength, page.imagewidth) < 1:
        msg = "its size is missing"
        raise ValueError(msg)
    check_pixel_count(page.imagelength, page.imagewidth, max_pixels)
    if page.is_tiled:
        check_pixel_count(page.tilelength, page.tilewidth, max_pixels)
    if page.imagedepth != 1:
        raise ImageError(f"it is a volume of {page.imagedepth:,} slices, not an image")
    compression, photometric = int(page.compression), int(page.photometric)
    _check_samples(page)
    if _PHOTOMETRIC not in page.tags and compression not in _FAX | {COMPRESSION.OJPEG}:
        raise ImageError("it does not say what its samples mean (PhotometricInterpretation)")
    if photometric not in _SAMPLES or (page.tags.valueof(_INK_SET) or 1) != 1:
        kind = _name(PHOTOMETRIC, photometric)
        raise ImageError(f"its photometric interpretation, {kind}, cannot be read")
    count = page.samplesperpixel - _SAMPLES[PHOTOMETRIC(photometric)]
    if count < 0:
        kind = _name(PHOTOMETRIC, photometric)
        raise ImageError(f"it has {page.samplesperpixel} samples a pixel, too few for {kind}")
    # Where nothing is said of a fourth sample, Pillow and libtiff take it for transparency.
    silent = photometric == PHOTOMETRIC.RGB and count == 1 and not page.extrasamples
    extras = (ALPHA,) if silent else (*page.extrasamples, *[0] * count)[:count]
    planar = page.planarconfig == 2 and page.samplesperpixel > 1
    return Layout(photometric, page.bitspersample, extras, planar, compression, page.colormap)


def _check_samples(page: Any) -> None:
    bits, kind = page.bitspersample, page.sampleformat
    if not isinstance(bits, int):
        raise ImageError("its samples are of different widths, which cannot be read")
    if kind != 1 or not 1 <= bits <= 16:
        name = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers"}.get(kind)
        raise ImageError(
            f"its samples are {name or 'numbers of no known kind'} of {bits} bits, not whole "
            "numbers of 8 or 16 bits; convert it to either"
        )
    by_tifffile = str(page.software).startswith("tifffile") and page.parent.byteorder == ">"
    if by_tifffile and 8 < bits < 16:
        # It swaps the bytes of each sample, and then drops the bits above those it writes.
        raise ImageError(f"its big-endian samples of {bits} bits were garbled by tifffile's writer")
    differences = page.predictor != 1 and page.compression not in _WITHOUT_PREDICTOR
    if differences and (page.predictor != 2 or bits not in {8, 16} or page.compression in _PLAIN):
        compression = _name(COMPRESSION, page.compression)
        raise ImageError(
            f"its predictor ({page.predictor}) cannot be read with samples of {bits} bits and "
            f"compression by {compression}"
        )


def pillow_reads(layout: Layout) -> bool:
    """Tell whether Pillow reads a layout as it is meant."""
    bits, extras, contiguous = layout.bits, layout.extras, not layout.planar
    plain = bits in {1, 2, 4, 8} and not extras
    one_alpha = bits == 8 and contiguous and extras in {(0,), (ALPHA,)}
    known = not extras or (contiguous and len(extras) <= 3 and not any(extras[1:]))
    # Where no entry is above 255, the entries are of 8 bits, as libtiff takes them.
    deep = layout.colormap is not None and layout.colormap.max(initial=0) > 255
    right: dict[int, bool] = {
        PHOTOMETRIC.MINISWHITE: plain,
        PHOTOMETRIC.MINISBLACK: plain or one_alpha or (bits == 16 and not extras),
        PHOTOMETRIC.RGB: (bits == 8 and known) or (bits == 16 and contiguous and not extras),
        PHOTOMETRIC.PALETTE: deep and (plain or (bits == 8 and contiguous)),
        PHOTOMETRIC.SEPARATED: bits == 8 and not extras,
    }
    return right.get(layout.photometric, bits == 8) and layout.compression in _PILLOWS_CODECS


def tifffile_reads(layout: Layout) -> bool:
    """Tell whether tifffile decodes a layout, and it is known what its samples mean."""
    if layout.compression == COMPRESSION.JPEG:
        return layout.photometric in _OF_JPEG and not layout.extras
    alpha = None if layout.alpha is None else layout.extras[layout.alpha]
    # More are the bands or the stains of something else than a grey picture.
    grey = len(layout.extras) <= 1
    readable: dict[int, bool] = {
        PHOTOMETRIC.MINISWHITE: grey and alpha != PREMULTIPLIED,
        PHOTOMETRIC.MINISBLACK: grey,
        PHOTOMETRIC.PALETTE: layout.bits <= 8 and layout.colormap is not None and alpha is None,
        PHOTOMETRIC.SEPARATED: alpha is None,
        PHOTOMETRIC.RGB: True,
    }
    return readable.get(layout.photometric, False) and layout.compression in _CODECS


def _name(names: type[IntEnum], value: int) -> str:
    """Give a tag's value by the name that the TIFF specification, or its maker, calls it."""
    try:
        return names(value).name
    except ValueError:
        return f"number {value}"
