"""A DICOM file becomes RGB pixels, a frame at a time, or one clear reason why it does not."""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.dicom_pixels import (
    BIG_ENDIAN,
    DECODERS,
    DEFLATED,
    IMPLICIT,
    JPEG_BASELINE,
    NATIVE,
    Frames,
    Header,
    to_rgb,
)
from trifuse.features.images import MAX_PIXELS, ImageError, _without_pillow_warnings

DICOM_START_BYTES = 132
"""Bytes at the start of a file that `is_dicom` needs: a preamble of 128, then "DICM"."""

MAX_INFLATED_BYTES = 2**30
"""Bytes above which the dataset of a deflated file is refused."""

_GREY = {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422"}
_COLOUR_OF_JPEG_2000 = {"YBR_RCT", "YBR_ICT"}
_OTHER_PHOTOMETRIC = {"HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB"}
_NO_IMAGES = {
    "directory of DICOM files": re.compile(r"1\.2\.840\.10008\.1\.3\.10"),
    "segmentation": re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[47]"),
    "document": re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\.\d+"),
}
_PALETTE = (
    f"{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for part in ("Descriptor", "Data")
)
_SETTINGS = [
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "VOILUTSequence", *_PALETTE,
]  # fmt: skip
_WANTED = [
    "SOPClassUID", "SOPInstanceUID", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation", "NumberOfFrames",
    "PlanarConfiguration", "ExtendedOffsetTable", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", *_SETTINGS,
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class DicomFrame:
    """One frame of a DICOM file, or the reason why there is none.

    Attributes
    ----------
    uid : str
        The SOP Instance UID; empty where the file has no valid one.
    index : int
        Number of the frame, from 0.
    frames : int
        How many of these the whole file gives, wherever one starts.
    image : ndarray of uint8, shape (rows, columns, 3), optional
        Red, green and blue in 0 to 255; C-contiguous and read-only. None if it cannot be decoded.
    message : str
        Why not: one sentence, which holds nothing of the patient; else empty.
    """

    uid: str
    index: int
    frames: int
    image: NDArray[np.uint8] | None
    message: str = ""


def is_dicom(start: bytes) -> bool:
    """Say whether a file's first `DICOM_START_BYTES` bytes are those of a DICOM file (PS3.10 7.1).

    Examples
    --------
    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"DICM")
    (True, False)
    """
    return start[128:DICOM_START_BYTES] == b"DICM"


def read_dicom(
    content: bytes, *, max_pixels: int = MAX_PIXELS, first_frame: int = 0
) -> Iterator[DicomFrame]:
    """Decode the frames of a DICOM file into RGB, each when it is asked for.

    The image can be of any SOP class. Its transfer syntax can be any without compression, JPEG of
    8 bits a sample (lossless too), JPEG-LS, JPEG 2000 (high-throughput too) or RLE.

    Grey passes the Modality LUT, or rescale slope and intercept (PS3.3 C.11.1), then the first VOI
    LUT, else the first window (C.11.2); those of a frame's functional groups, of enhanced objects,
    come before those of the file (C.7.6.16.2.9, C.7.6.16.2.10). A window that the standard does
    not allow, such as one of width 0, counts for none. Without one, what the bits stored can hold,
    rescaled, becomes 0 to 255, whatever values there are: 8 unsigned bits stay as they are, and of
    12 bits 4095 becomes white. MONOCHROME1 is then inverted; grey is repeated three times.

    Palettes are looked up (C.7.6.3.1.5), YBR becomes RGB (C.7.6.3.1.2), and colour of more than 8
    bits stored is scaled as grey is. Where JPEG data have a JFIF or Adobe marker, it tells the
    colour space, else the header. Colour profiles, overlays, padding values, aspect ratios and
    orientations are not applied.

    Parameters
    ----------
    content : bytes
        All of the file.
    max_pixels : int
        Refuse frames of more rows x columns, as told by the header, before decoding.
    first_frame : int
        The index to start from; frames before it are not decoded.

    Yields
    ------
    DicomFrame
        A frame that cannot be decoded has a message; those after it still come. All frames that
        the header tells of and the file does not hold are one with a message, the last. A file
        that has a UID, but cannot be used, gives one with a message in all.

    Raises
    ------
    ImageError
        If the file cannot be used and has no UID, or trifuse[dicom] is not installed; when the
        first frame is asked for.

    Examples
    --------
    >>> from pydicom.examples import get_path
    >>> frame = next(read_dicom(get_path("ybr_color").read_bytes(), first_frame=29))
    >>> frame.index, frame.frames, frame.image.shape
    (29, 30, (240, 320, 3))
    """
    uid = ""
    try:
        if not is_dicom(content):
            raise ImageError("it is not a DICOM file")
        with _only_image_errors("its DICOM header cannot be read, probably truncated or damaged"):
            meta, start = _read_meta(content)
            uid = _read_uid(meta, "MediaStorageSOPInstanceUID")
            dataset, element = _read_dataset(content, start, str(meta.get("TransferSyntaxUID", "")))
            uid = _read_uid(dataset, "SOPInstanceUID") or uid
            header = _read_header(dataset, element, max_pixels)
            frames = Frames(header, element.data, dataset.get("ExtendedOffsetTable") or b"")
    except ImageError as error:
        if not uid:
            raise ImageError(f"cannot read the image: {error}") from None
        yield DicomFrame(uid, 0, 1, None, f"cannot read the image: {error}")
        return
    for index in range(len(frames))[first_frame:]:
        image, message = None, ""
        try:
            with _only_image_errors(f"its {frames.kind} data cannot be decoded, probably damaged"):
                stored = frames.decode(index)
            with _only_image_errors("its lookup tables or windows cannot be used"):
                image = to_rgb(stored, header, _read_settings(dataset, index))
        except ImageError as error:
            message = f"cannot read the image: {error}"
        yield DicomFrame(uid, index, len(frames), image, message)


class _PixelElement(NamedTuple):
    syntax: str
    tag: int
    vr: str
    data: memoryview
    in_items: bool = False


def _read_meta(content: bytes) -> tuple[Any, int]:
    """Read the File Meta Information (PS3.10 7.1); give it and where the dataset starts."""
    from pydicom.filereader import read_dataset

    def is_after(tag: int, _vr: str | None, _length: int) -> bool:
        return tag >> 16 != 2

    file = io.BytesIO(content)
    file.seek(DICOM_START_BYTES)
    meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=is_after)
    return meta, file.tell()


def _read_dataset(content: bytes, start: int, syntax: str) -> tuple[Any, _PixelElement]:
    """Read what is wanted of the dataset, nothing of the patient; pixels stay in the content."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_dataset

    if syntax == DEFLATED:
        # PS3.5 A.5
        inflate = zlib.decompressobj(-zlib.MAX_WBITS).decompress
        content, start = inflate(content[start:], MAX_INFLATED_BYTES + 1), 0
        if len(content) > MAX_INFLATED_BYTES:
            raise ImageError(f"it is larger than {MAX_INFLATED_BYTES:,} bytes when inflated")
    file = io.BytesIO(content)
    file.seek(start)
    found = _PixelElement(syntax, 0, "", memoryview(b""))

    def is_pixels(tag: int, vr: str | None, length: int) -> bool:
        nonlocal found
        if not 0x7FE00008 <= tag <= 0x7FE00010:
            return False
        start, in_items = file.tell(), length == 0xFFFFFFFF
        data = memoryview(content)[start : None if in_items else start + length]
        found = _PixelElement(syntax, tag, vr or "OW", data, in_items)
        return True

    tags = [tag_for_keyword(keyword) for keyword in _WANTED]
    implicit, little = syntax == IMPLICIT, syntax != BIG_ENDIAN
    dataset = read_dataset(file, implicit, little, stop_when=is_pixels, specific_tags=tags)
    return dataset, found


def _read_uid(dataset: Any, keyword: str) -> str:
    uid = str(dataset.get(keyword))
    return uid if len(uid) <= 64 and re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) else ""


def _read_header(dataset: Any, element: _PixelElement, max_pixels: int) -> Header:
    """Read the Image Pixel Module (PS3.3 C.7.6.3), and refuse what cannot become an image."""

    def whole(keyword: str, low: int, high: int, default: int | None = None) -> int:
        value = dataset.get(keyword)
        value = default if value is None else value
        if not isinstance(value, int) or not low <= value <= high:
            raise ImageError(f"its DICOM header has no valid {keyword}")
        return int(value)

    _check_kind(str(dataset.get("SOPClassUID")), element)
    allocated = whole("BitsAllocated", 1, 2**16 - 1)
    stored = whole("BitsStored", 1, allocated, allocated)
    header = Header(
        syntax=element.syntax,
        rows=whole("Rows", 1, 2**16 - 1),
        columns=whole("Columns", 1, 2**16 - 1),
        samples=whole("SamplesPerPixel", 1, 2**16 - 1),
        allocated=allocated,
        stored=stored,
        shift=max(0, whole("HighBit", 0, allocated - 1, stored - 1) + 1 - stored),
        signed=whole("PixelRepresentation", 0, 1, 0) == 1,
        planar=whole("PlanarConfiguration", 0, 1, 0),
        photometric=str(dataset.get("PhotometricInterpretation")),
        frames=whole("NumberOfFrames", 0, 2**31 - 1, 1) or 1,
        vr=element.vr,
    )
    if header.rows * header.columns > max_pixels:
        raise ImageError(
            f"it has {header.rows:,} rows x {header.columns:,} columns, more than the limit of "
            f"{max_pixels:,} pixels; make it smaller or raise the limit"
        )
    _check_samples(header)
    return header


def _check_kind(sop_class: str, element: _PixelElement) -> None:
    for name, uids in _NO_IMAGES.items():
        if uids.fullmatch(sop_class):
            raise ImageError(f"it is a {name}, not an image")
    if not element.tag:
        raise ImageError("it holds no pixel data")
    if element.tag != 0x7FE00010:
        raise ImageError("its pixels are floating-point numbers, not those of an image")
    if not element.syntax:
        raise ImageError("its DICOM header names no transfer syntax")
    if element.syntax in NATIVE and element.in_items:
        raise ImageError("its pixel data is compressed, which its transfer syntax denies")
    if element.syntax not in NATIVE | DECODERS.keys():
        raise ImageError(f"its transfer syntax{_name_syntax(element.syntax)} is not supported")


def _check_samples(header: Header) -> None:
    samples, bits, photometric = header.samples, header.allocated, header.photometric
    if samples not in {1, 3}:
        raise ImageError(f"it has {samples:,} samples a pixel, not 1 or 3")
    if bits not in {8, 16, 32} and (samples, bits) != (1, 1):
        raise ImageError(f"it has {bits:,} bits allocated a sample, which cannot be read")
    if samples == 3 and header.signed:
        raise ImageError("its samples of colour are signed, which cannot be read")
    kind, _ = DECODERS.get(header.syntax, ("", None))
    known = _GREY | _COLOUR | _COLOUR_OF_JPEG_2000
    if photometric not in known | _OTHER_PHOTOMETRIC:
        raise ImageError("its photometric interpretation is not one of the standard's")
    if photometric not in known or (photometric in _COLOUR_OF_JPEG_2000 and kind != "JPEG 2000"):
        raise ImageError(f"its photometric interpretation, {photometric}, cannot be read")
    if (photometric in _GREY) != (samples == 1):
        raise ImageError(f"it has {samples} samples a pixel, which {photometric} does not allow")
    if kind == "JPEG" and header.stored > 8 and header.syntax != JPEG_BASELINE:
        name = _name_syntax(header.syntax)
        raise ImageError(f"its transfer syntax{name} is supported for 8 bits, not {header.stored}")


def _name_syntax(syntax: str) -> str:
    """Name a transfer syntax between commas, if the standard does."""
    from pydicom.uid import UID

    uid = UID(syntax)
    return f", {uid.name}," if uid.type == "Transfer Syntax" else ""


def _read_settings(dataset: Any, index: int) -> dict[str, Any]:
    """Collect what tells a frame's greys and colours; the frame's own goes before the file's."""
    sources = [dataset]
    for kind, item in (("Shared", 0), ("PerFrame", index)):
        groups = dataset.get(f"{kind}FunctionalGroupsSequence") or []
        for group in groups[item : item + 1]:
            for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                sources += (group.get(macro) or [])[:1]
    return {key: source[key] for source in sources for key in _SETTINGS if key in source}


@contextmanager
def _only_image_errors(reason: str) -> Iterator[None]:
    """Let nothing out but an ImageError: what pydicom says may quote the file's values.

    Hostile bytes make it raise nearly anything, RecursionError included; KeyboardInterrupt and
    SystemExit pass.
    """
    try:
        import pydicom  # noqa: F401 - as it sets the level of its logger

        with _quiet:
            yield
    except ImageError:
        raise
    except ImportError:
        raise ImageError("it is a DICOM file; to read it, install trifuse[dicom]") from None
    except MemoryError:
        raise ImageError("decoding it takes too much memory") from None
    except Exception:  # noqa: BLE001 - see above
        raise ImageError(reason) from None


class _Quiet:
    """Keeps what pydicom and decoders warn of, or log, to itself while any thread is inside."""

    _LOGGERS = ("pydicom", "openjpeg")
    _MODULES = re.compile(r"(pydicom|openjpeg|trifuse\.features\.dicom)")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._levels: list[int] = []

    def __enter__(self) -> None:
        # Only one may save and restore the filters of all threads, and images.py has one.
        _without_pillow_warnings.__enter__()
        with self._lock:
            if ("ignore", None, Warning, self._MODULES, 0) not in warnings.filters:
                warnings.filterwarnings("ignore", module=self._MODULES.pattern)
            if not self._inside:
                loggers = [logging.getLogger(name) for name in self._LOGGERS]
                self._levels = [logger.level for logger in loggers]
                for logger in loggers:
                    logger.setLevel(logging.CRITICAL + 1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for name, level in zip(self._LOGGERS, self._levels, strict=True):
                    logging.getLogger(name).setLevel(level)
        _without_pillow_warnings.__exit__()


_quiet = _Quiet()
