"""The header of a DICOM file: what its elements say of the pixels, checked."""

from __future__ import annotations

import io
import re
import zlib
from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from trifuse.features.images import ImageError, check_pixel_count

MAX_INFLATED_BYTES = 2**30
"""Bytes above which the dataset of a deflated file is refused."""

_ROOT = "1.2.840.10008.1.2"
IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = _ROOT, f"{_ROOT}.1", f"{_ROOT}.2", f"{_ROOT}.1.99"
NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED})
"""Transfer syntaxes of pixel data that is not compressed."""
JPEG_LOSSLESS = frozenset({f"{_ROOT}.4.57", f"{_ROOT}.4.70"})
COMPRESSED = {
    **dict.fromkeys({f"{_ROOT}.4.50", f"{_ROOT}.4.51", *JPEG_LOSSLESS}, "JPEG"),
    **dict.fromkeys((f"{_ROOT}.4.80", f"{_ROOT}.4.81"), "JPEG-LS"),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (90, 91, 201, 202, 203)), "JPEG 2000"),
    f"{_ROOT}.5": "RLE",
}
"""Transfer syntaxes of compressed pixel data, and what a message calls the data."""

_SAMPLES = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422"), 3),
}
"""Samples a pixel of each photometric interpretation that can be read."""
_OF_JPEG_2000 = {"YBR_RCT", "YBR_ICT"}
_OTHER_PHOTOMETRIC = {"HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB"}
_NO_IMAGES = {
    "directory of DICOM files": re.compile(r"1\.2\.840\.10008\.1\.3\.10"),
    "segmentation": re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[47]"),
    "document": re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\.\d+"),
}
_WANTED = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Rows", "Columns", "SamplesPerPixel",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation",
    "NumberOfFrames",
    "PlanarConfiguration", "ExtendedOffsetTable", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "OpticalPathSequence", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "ICCProfile", *(
        name.format(f"{colour}PaletteColorLookupTable")
        for colour in ("Red", "Green", "Blue")
        for name in ("{}Descriptor", "{}Data", "Segmented{}Data")
    ),
    "PatientAge", "PatientSex", "BodyPartExamined", "AnatomicRegionSequence",
]  # fmt: skip
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
"""In the units of ages (PS3.5 6.2)."""


class Header(NamedTuple):
    """What the Image Pixel Module says of every frame, checked (PS3.3 C.7.6.3)."""

    syntax: str
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    shift: int
    signed: bool
    planar: int
    photometric: str
    frames: int
    vr: str


class PixelElement(NamedTuple):
    """The element of the pixels; `data` goes on behind it where its length is undefined."""

    syntax: str
    tag: int
    vr: str
    data: memoryview
    in_items: bool = False


def read_meta(content: bytes) -> tuple[Any, int]:
    """Read the File Meta Information (PS3.10 7.1); give it and where the dataset starts."""
    from pydicom import filereader

    file = io.BytesIO(content)
    # The preamble may be missing, and "DICM" with it.
    file.seek(132 if content[128:132] == b"DICM" else 4 if content.startswith(b"DICM") else 0)
    explicit = {"is_implicit_VR": False, "is_little_endian": True}
    meta = filereader.read_dataset(file, **explicit, stop_when=lambda tag, *_: tag >> 16 != 2)
    return meta, file.tell()


def read_dataset(content: bytes, start: int, syntax: str) -> tuple[Any, PixelElement]:
    """Read what is wanted of the dataset, no name of the patient; pixels stay in the content."""
    from pydicom import filereader
    from pydicom.datadict import tag_for_keyword

    if syntax == DEFLATED:
        # PS3.5 A.5
        inflate = zlib.decompressobj(-zlib.MAX_WBITS).decompress
        content, start = inflate(content[start:], MAX_INFLATED_BYTES + 1), 0
        if len(content) > MAX_INFLATED_BYTES:
            raise ImageError(f"it is larger than {MAX_INFLATED_BYTES:,} bytes when inflated")
    file = io.BytesIO(content)
    file.seek(start)
    # The first tag tells which syntax a dataset has whose file does not say it (PS3.5 7.1).
    explicit = BIG_ENDIAN if content[start : start + 1] == b"\0" else EXPLICIT
    native = syntax or (explicit if content[start + 4 : start + 6].isalpha() else IMPLICIT)
    found = PixelElement(native, 0, "", memoryview(b""))

    def is_pixels(tag: int, vr: str | None, length: int) -> bool:
        nonlocal found
        if not 0x7FE00008 <= tag <= 0x7FE00010:
            return False
        start, in_items = file.tell(), length == 0xFFFFFFFF
        data = memoryview(content)[start : None if in_items else start + length]
        # No guess tells how pixels in items are compressed.
        found = PixelElement(syntax if in_items else native, tag, vr or "OW", data, in_items)
        return True

    tags = [tag_for_keyword(keyword) for keyword in _WANTED]
    implicit, little = native == IMPLICIT, native != BIG_ENDIAN
    read = filereader.read_dataset
    return read(file, implicit, little, stop_when=is_pixels, specific_tags=tags), found


def read_uid(dataset: Any, keyword: str) -> str:
    """Give a UID, or nothing where it has none that is valid (PS3.5 9.1)."""
    uid = str(dataset.get(keyword))
    return uid if len(uid) <= 64 and re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) else ""


def read_facts(dataset: Any) -> dict[str, str]:
    """Give what is known of the patient and the place, as tables tell it; what is unsound, not.

    Returns
    -------
    dict of str to str
        `age` in years (PatientAge, PS3.3 C.7.2.2), `sex` (PatientSex), and `localization`
        (AnatomicRegionSequence, else BodyPartExamined), in lower case.
    """
    found = {}
    for name, read in (("age", _read_age), ("sex", _read_sex), ("localization", _read_place)):
        with suppress(Exception):  # pydicom reads values when they are asked for
            found[name] = read(dataset)
    return {name: value for name, value in found.items() if value}


def _read_age(dataset: Any) -> str:
    number, unit = re.fullmatch(r"(\d{3})([DWMY])", str(dataset.PatientAge)).groups()  # type: ignore[union-attr]
    return f"{int(number) * _DAYS[unit] / _DAYS['Y']:g}"


def _read_sex(dataset: Any) -> str:
    return {"M": "male", "F": "female"}.get(str(dataset.PatientSex), "")


def _read_place(dataset: Any) -> str:
    regions = dataset.get("AnatomicRegionSequence") or [{}]
    place = regions[0].get("CodeMeaning") or dataset.get("BodyPartExamined") or ""
    return str(place).strip().lower()


def read_header(dataset: Any, element: PixelElement, max_pixels: int) -> Header:
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
    check_pixel_count(header.rows, header.columns, max_pixels)
    _check_samples(header)
    return header


def _check_kind(sop_class: str, element: PixelElement) -> None:
    from pydicom.uid import UID

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
    if element.syntax not in NATIVE | COMPRESSED.keys():
        uid = UID(element.syntax)
        name = f", {uid.name}," if uid.type == "Transfer Syntax" else ""
        raise ImageError(f"its transfer syntax{name} is not supported")


def _check_samples(header: Header) -> None:
    samples, bits, photometric = header.samples, header.allocated, header.photometric
    if samples not in {1, 3}:
        raise ImageError(f"it has {samples:,} samples a pixel, not 1 or 3")
    if bits not in {8, 16, 32} and (samples, bits) != (1, 1):
        raise ImageError(f"it has {bits:,} bits allocated a sample, which cannot be read")
    if samples == 3 and header.signed:
        raise ImageError("its samples of colour are signed, which cannot be read")
    if photometric not in _SAMPLES.keys() | _OF_JPEG_2000 | _OTHER_PHOTOMETRIC:
        raise ImageError("its photometric interpretation is not one of the standard's")
    of_jpeg_2000 = photometric in _OF_JPEG_2000 and COMPRESSED.get(header.syntax) == "JPEG 2000"
    if photometric not in _SAMPLES and not of_jpeg_2000:
        raise ImageError(f"its photometric interpretation, {photometric}, cannot be read")
    if samples != _SAMPLES.get(photometric, 3):
        raise ImageError(f"it has {samples} samples a pixel, which {photometric} does not allow")


def read_settings(dataset: Any, index: int) -> Mapping[str, Any]:
    """Chain what tells a frame's greys and colours; the frame's own goes before the file's."""
    paths = dataset.get("OpticalPathSequence") or []
    sources = [*(paths if len(paths) == 1 else []), dataset]
    for kind, item in (("Shared", 0), ("PerFrame", index)):
        groups = dataset.get(f"{kind}FunctionalGroupsSequence") or []
        for group in groups[item : item + 1]:
            for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                sources += (group.get(macro) or [])[:1]
    return ChainMap(*reversed(sources))
