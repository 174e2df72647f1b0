"""Stored values become what a viewer shows: rescaled, windowed, looked up, in RGB."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.dicom_frames import Stored
from trifuse.features.dicom_header import BIG_ENDIAN, Header
from trifuse.features.images import ImageError

Values = NDArray[np.float64]
Settings = Mapping[str, Any]

_BLOCK_ROWS = 64
"""Rows turned into colours at a time: temporary float64 stays small beside the image."""


def to_rgb(stored: Stored, header: Header, settings: Settings) -> NDArray[np.uint8]:
    """Turn stored values into what a viewer shows (PS3.3 C.7.6.3.1.2).

    Parameters
    ----------
    stored : Stored
    header : Header
    settings : mapping of str to data element
        By keyword, what the Modality LUT, VOI LUT and Palette Color Lookup Table Modules say of
        the frame.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        Red, green and blue; C-contiguous and read-only.
    """
    codes, bits, photometric = stored
    depth = min(bits, header.stored)
    if photometric == "RGB" and bits == depth == 8:
        rgb = np.ascontiguousarray(codes, np.uint8)
    else:
        if header.samples == 3:
            paint = partial(_paint_colour, depth=depth, photometric=photometric)
        else:
            paint = partial(_paint_single, bits=bits, depth=depth, header=header, settings=settings)
        # Of 16 bits or fewer, each possible value is worked out once.
        table = paint(np.arange(2**bits)) if header.samples == 1 and bits <= 16 else None
        rgb = np.empty((header.rows, header.columns, 3), np.uint8)
        for start in range(0, header.rows, _BLOCK_ROWS):
            block = codes[start : start + _BLOCK_ROWS]
            rgb[start : start + _BLOCK_ROWS] = paint(block) if table is None else table[block]
    rgb.flags.writeable = False
    return rgb


def _paint_colour(codes: NDArray[Any], *, depth: int, photometric: str) -> NDArray[np.uint8]:
    from pydicom.pixels import convert_color_space

    levels = _to_bytes(codes, 0, 2**depth - 1)
    return levels if photometric == "RGB" else convert_color_space(levels, "YBR_FULL", "RGB")


def _paint_single(
    codes: NDArray[Any], *, bits: int, depth: int, header: Header, settings: Settings
) -> NDArray[np.uint8]:
    values = codes.astype(np.float64)
    if header.signed:
        values -= 2.0**bits * (values >= 2 ** (bits - 1))
    with np.errstate(all="ignore"):
        if header.photometric == "PALETTE COLOR":
            return _look_up_palette(values, header, settings)
        low = -(2 ** (depth - 1)) if header.signed else 0
        rescaled = _apply_modality(values, (low, low + 2**depth - 1), header, settings)
        grey = _apply_voi(*rescaled, header, settings)
    grey = 255 - grey if header.photometric == "MONOCHROME1" else grey
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _apply_modality(
    values: Values, span: tuple[float, float], header: Header, settings: Settings
) -> tuple[Values, tuple[float, float]]:
    """Apply the Modality LUT, or rescale; `span` is the least and greatest value (C.11.1.1)."""
    if item := _first(settings, "ModalityLUTSequence"):
        table = _Table.read(item.get("LUTDescriptor"), item.get("LUTData"), header)
        return table.look_up(values), (0, table.top)
    slope, intercept = _first(settings, "RescaleSlope"), _first(settings, "RescaleIntercept")
    if slope is None or intercept is None:
        return values, span
    slope, intercept = float(slope), float(intercept)
    low, high = sorted(end * slope + intercept for end in span)
    if not 0 < high - low < math.inf:
        raise ImageError("its rescale slope and intercept cannot be used")
    return values * slope + intercept, (low, high)


def _apply_voi(
    values: Values, span: tuple[float, float], header: Header, settings: Settings
) -> NDArray[np.uint8]:
    """Apply the first VOI LUT, else the first window, else take in the whole span (C.11.2)."""
    from pydicom import Dataset
    from pydicom.pixels import apply_windowing

    if item := _first(settings, "VOILUTSequence"):
        header = header._replace(signed=span[0] < 0)
        table = _Table.read(item.get("LUTDescriptor"), item.get("LUTData"), header)
        return _to_bytes(table.look_up(values), 0, table.top)
    function = str(_first(settings, "VOILUTFunction") or "LINEAR")
    if function not in {"LINEAR", "LINEAR_EXACT", "SIGMOID"}:
        raise ImageError("its VOI LUT function is not one of the standard's")
    center, width = _first(settings, "WindowCenter"), _first(settings, "WindowWidth")
    usable = center is not None and width is not None and math.isfinite(center + width)
    if not usable or width <= 0 or (width < 1 and function == "LINEAR"):
        return _to_bytes(values, *span)
    window = Dataset()
    # Of 8 stored bits: pydicom's windows then give 0 to 255.
    window.PhotometricInterpretation, window.PixelRepresentation = "MONOCHROME2", 0
    window.BitsStored, window.VOILUTFunction = 8, function
    window.add(settings["WindowCenter"])
    window.add(settings["WindowWidth"])
    return _to_bytes(apply_windowing(values, window), 0, 255)


def _look_up_palette(values: Values, header: Header, settings: Settings) -> NDArray[np.uint8]:
    """Look colours up in the Palette Color Lookup Table Module (C.7.6.3.1.5, C.7.6.3.1.6)."""
    levels = []
    for colour in ("Red", "Green", "Blue"):
        descriptor, data = (
            settings.get(f"{colour}PaletteColorLookupTable{part}")
            for part in ("Descriptor", "Data")
        )
        if descriptor is None or data is None:
            raise ImageError("its palette is missing or segmented, which cannot be read")
        table = _Table.read(descriptor.value, data.value, header)
        levels.append(_to_bytes(table.look_up(values), 0, table.top))
    return np.stack(levels, axis=-1)


class _Table(NamedTuple):
    """A lookup table: entries of 0 to `top`, of which the first is for values up to `first`."""

    first: int
    entries: Values
    top: int

    @classmethod
    def read(cls, descriptor: Any, data: Any, header: Header) -> _Table:
        """Read LUT Descriptor and LUT Data (C.11.1.1.1, C.7.6.3.1.5)."""
        count, first, bits = (int(number) for number in descriptor)
        count, bits = count & 0xFFFF or 2**16, bits & 0xFFFF
        if not 8 <= bits <= 16:
            raise ImageError(f"one of its lookup tables has entries of {bits} bits, not 8 to 16")
        if isinstance(data, bytes):
            order = ">u2" if header.syntax == BIG_ENDIAN else "<u2"
            entries = np.frombuffer(data[: len(data) // 2 * 2], order).astype("<u2")
            if len(entries) < count:
                entries, bits = entries.view(np.uint8), 8
        else:
            entries = np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF
        if len(entries) < count:
            raise ImageError("one of its lookup tables is shorter than its descriptor says")
        first -= 2**16 if header.signed and first >= 2**15 else 0
        return cls(first, entries[:count].astype(np.float64), 2**bits - 1)

    def look_up(self, values: Values) -> Values:
        """Give the entry of each value; those out of reach have the first or the last."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        looked_up: Values = self.entries[places.astype(np.intp)]
        return looked_up


def _to_bytes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _first(settings: Settings, keyword: str) -> Any:
    """Give an element's first value or item, or None where there is none."""
    value = settings[keyword].value if keyword in settings else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    return None if value == "" else value
