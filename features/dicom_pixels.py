"""Stored values become what a viewer shows: rescaled, windowed, looked up, in RGB.

Windows and YBR are pydicom's. Tables are looked up here: pydicom's functions take places in tables
of 8 bits modulo 256, raise for a modality LUT of 12 bits, count the offsets of segmented palettes
in entries, not bytes, and expand segments that copy themselves without end (test_dicom_grey.py and
test_dicom_pixels.py in tests/features).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trifuse.features.dicom_frames import Stored
from trifuse.features.dicom_header import BIG_ENDIAN, Header
from trifuse.features.images import ImageError
from trifuse.features.levels import paint, to_levels
from trifuse.features.srgb import apply_profile

Settings = Mapping[str, Any]
_Values = NDArray[np.float64]

_MOST_ENTRIES = 2**16
_DISCRETE, _LINEAR, _INDIRECT = range(3)


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
    if header.samples == 3:
        show: Any = partial(_show_colour, bits=min(bits, header.stored), photometric=photometric)
    else:
        show = partial(_show_single, bits=bits, header=header, settings=settings)
        if bits <= 16:
            # Each possible value is worked out once.
            show = partial(show(np.arange(2**bits)).take, axis=0)
    rgb = paint(codes, 3, show)
    profile = settings["ICCProfile"].value if "ICCProfile" in settings else None
    if profile and not photometric.startswith("MONOCHROME"):
        rgb = np.asarray(apply_profile(Image.fromarray(rgb), profile))
    rgb.flags.writeable = False
    return rgb


def _show_colour(codes: NDArray[Any], *, bits: int, photometric: str) -> NDArray[np.uint8]:
    from pydicom.pixels import convert_color_space

    levels = codes if codes.dtype == np.uint8 and bits == 8 else to_levels(codes, 0, 2**bits - 1)
    return levels if photometric == "RGB" else convert_color_space(levels, "YBR_FULL", "RGB")


def _show_single(
    codes: NDArray[Any], *, bits: int, header: Header, settings: Settings
) -> NDArray[np.uint8]:
    values = codes.astype(np.float64)
    if header.signed:
        values -= 2.0**bits * (values >= 2 ** (bits - 1))
    with np.errstate(all="ignore"):
        if header.photometric == "PALETTE COLOR":
            return _look_up_palette(values, header, settings)
        depth = min(bits, header.stored)
        low = -(2 ** (depth - 1)) if header.signed else 0
        rescaled = _apply_modality(values, (low, low + 2**depth - 1), header, settings)
        grey = _apply_voi(*rescaled, header, settings)
    grey = 255 - grey if header.photometric == "MONOCHROME1" else grey
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _apply_modality(
    values: _Values, span: tuple[float, float], header: Header, settings: Settings
) -> tuple[_Values, tuple[float, float]]:
    """Apply the Modality LUT, or rescale; `span` is the least and greatest value (C.11.1.1)."""
    if item := _first(settings, "ModalityLUTSequence"):
        entries, top = _look_up(values, item.get("LUTDescriptor"), item.get("LUTData"), header)
        return entries, (0, top)
    slope, intercept = _first(settings, "RescaleSlope"), _first(settings, "RescaleIntercept")
    if slope is None or intercept is None:
        return values, span
    slope, intercept = float(slope), float(intercept)
    low, high = sorted(end * slope + intercept for end in span)
    if not 0 < high - low < math.inf:
        raise ImageError("its rescale slope and intercept cannot be used")
    return values * slope + intercept, (low, high)


def _apply_voi(
    values: _Values, span: tuple[float, float], header: Header, settings: Settings
) -> NDArray[np.uint8]:
    """Apply the first VOI LUT, else the first window, else take in the whole span (C.11.2)."""
    from pydicom import Dataset
    from pydicom.pixels import apply_windowing

    if item := _first(settings, "VOILUTSequence"):
        header = header._replace(signed=span[0] < 0)
        entries, top = _look_up(values, item.get("LUTDescriptor"), item.get("LUTData"), header)
        return to_levels(entries, 0, top)
    function = str(_first(settings, "VOILUTFunction") or "LINEAR")
    if function not in {"LINEAR", "LINEAR_EXACT", "SIGMOID"}:
        raise ImageError("its VOI LUT function is not one of the standard's")
    center, width = _first(settings, "WindowCenter"), _first(settings, "WindowWidth")
    usable = center is not None and width is not None and math.isfinite(center + width)
    if not usable or width <= 0 or (width < 1 and function == "LINEAR"):
        return to_levels(values, *span)
    window = Dataset()
    # Of 8 stored bits: pydicom's windows then give 0 to 255.
    window.PhotometricInterpretation, window.PixelRepresentation = "MONOCHROME2", 0
    window.BitsStored, window.VOILUTFunction = 8, function
    window.add(settings["WindowCenter"])
    window.add(settings["WindowWidth"])
    return to_levels(apply_windowing(values, window), 0, 255)


def _look_up_palette(values: _Values, header: Header, settings: Settings) -> NDArray[np.uint8]:
    """Look colours up in the Palette Color Lookup Table Module (C.7.6.3.1.5, C.7.6.3.1.6)."""
    levels = []
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        descriptor, data, segments = (
            settings[keyword].value if keyword in settings else None
            for keyword in (f"{name}Descriptor", f"{name}Data", f"Segmented{name}Data")
        )
        if descriptor is not None and data is None and segments is not None:
            data = _expand(segments, int(descriptor[2]), header)
        if descriptor is None or data is None:
            raise ImageError("its palette is missing")
        entries, top = _look_up(values, descriptor, data, header)
        levels.append(to_levels(entries, 0, top))
    return np.stack(levels, axis=-1)


def _look_up(values: _Values, descriptor: Any, data: Any, header: Header) -> tuple[_Values, int]:
    """Look values up as LUT Descriptor and LUT Data say (C.11.1.1.1, C.7.6.3.1.5).

    Gives the entries, and the greatest that there may be; values out of reach have the ends.
    """
    count, first, bits = (int(number) for number in descriptor)
    count, bits = count & 0xFFFF or _MOST_ENTRIES, bits & 0xFFFF
    if not 8 <= bits <= 16:
        raise ImageError(f"one of its lookup tables has entries of {bits} bits, not 8 to 16")
    if isinstance(data, bytes):
        entries = _read_words(data, header)
        if len(entries) < count:
            entries, bits = entries.view(np.uint8), 8
    else:
        entries = np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF
    if len(entries) < count:
        raise ImageError("one of its lookup tables is shorter than its descriptor says")
    first -= 2**16 if header.signed and first >= 2**15 else 0
    places = np.clip(np.rint(values) - first, 0, count - 1)
    return entries[places.astype(np.intp)].astype(np.float64), 2**bits - 1


def _read_words(data: bytes, header: Header) -> NDArray[Any]:
    order = ">u2" if header.syntax == BIG_ENDIAN else "<u2"
    return np.frombuffer(data[: len(data) // 2 * 2], order).astype("<u2")


def _expand(data: bytes, bits: int, header: Header) -> NDArray[np.int64]:
    """Expand a segmented palette, of entries of 8 or 16 bits (PS3.3 C.7.9.2)."""
    words = _read_words(data, header)
    codes = words.view(np.uint8) if bits == 8 else words
    entries: list[int] = []

    def add(place: int, nested: bool = False) -> int:
        """Expand the segment at a place, and give that of the next one."""
        kind, length = (int(code) for code in codes[place : place + 2])
        start = place + 2
        size = {_DISCRETE: length, _LINEAR: 1, _INDIRECT: 4 // codes.itemsize}.get(kind, 0)
        segment = codes[start : start + size]
        if not length or not size or len(segment) < size or (kind != _DISCRETE and not entries):
            raise ImageError("its segmented palette makes no table")
        if len(entries) + length > _MOST_ENTRIES:
            raise ImageError("its segmented palette has too many entries")
        if kind == _DISCRETE:
            entries.extend(segment.tolist())
        elif kind == _LINEAR:
            # From the entry before, which it does not repeat, to the one that it names.
            steps = np.linspace(entries[-1], segment[0], length + 1)[1:]
            entries.extend(np.rint(steps).astype(int).tolist())
        elif nested:
            raise ImageError("its segmented palette copies what is a copy itself")
        else:
            copied = int(segment.view("<u4")[0]) // codes.itemsize
            for _ in range(length):
                copied = add(copied, nested=True)
        return start + size

    place = 0
    # A zero may stand behind the last segment, to make the length even.
    while place + 2 < len(codes):
        place = add(place)
    return np.array(entries, np.int64)


def _first(settings: Settings, keyword: str) -> Any:
    """Give an element's first value or item, or None where there is none."""
    value = settings[keyword].value if keyword in settings else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    return None if value == "" else value
