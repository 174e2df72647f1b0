"""A DICOM file becomes RGB pixels, a frame at a time, or one clear reason why it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trifuse.features.dicom_frames import Frames
from trifuse.features.dicom_header import (
    read_dataset,
    read_facts,
    read_header,
    read_meta,
    read_settings,
    read_uid,
)
from trifuse.features.dicom_pixels import to_rgb
from trifuse.features.files import MAX_PIXELS
from trifuse.features.images import ImageError, read_image
from trifuse.features.quiet import without_pydicom_logs, without_warnings

DICOM_START_BYTES = 132
"""Bytes at the start of a file that `is_dicom` needs: a preamble of 128, then "DICM"."""

_BARE = re.compile(
    # The File Meta Information, its first element being one of the first three.
    rb"(DICM)?\x02\x00[\x00-\x02]\x00(UL\x04\x00|OB\x00\x00|UI.\x00|\x04\x00\x00\x00)"
    # A dataset: lengths, character set, type, dates, UIDs; explicit of either byte order, implicit.
    rb"|\x08\x00[\x00\x01\x05\x08\x12-\x18]\x00((UL\x04|CS.|DA.|TM.|UI.)\x00|[\x02-\x40]\x00\x00\x00)"
    rb"|\x00\x08\x00[\x00\x01\x05\x08\x12-\x18](UL\x00\x04|(CS|DA|TM|UI)\x00.)",
    re.DOTALL,
)
"""How files begin that lack the preamble."""


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
    study : str
        The Study Instance UID; empty where the file has no valid one.
    facts : mapping of str to str
        See `trifuse.features.dicom_header.read_facts`; none of files of other kinds.
    """

    uid: str
    index: int
    frames: int
    image: NDArray[np.uint8] | None
    message: str = ""
    study: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def is_dicom(start: bytes) -> bool:
    r"""Say whether a file's first `DICOM_START_BYTES` bytes are those of a DICOM file (PS3.10 7.1).

    A file without the preamble is one if it begins as old writers begin theirs: with the File Meta
    Information, or with an element of the group 0008 that comes first.

    Examples
    --------
    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"DICM"), is_dicom(bytes(132))
    (True, False, False)
    >>> is_dicom(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")
    True
    """
    return start[128:DICOM_START_BYTES] == b"DICM" or _BARE.match(start) is not None


def read_frames(
    content: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    first_frame: int = 0,
    least_side: int | None = None,
) -> Iterator[DicomFrame]:
    """Decode an image file of any kind, a frame at a time; what is not DICOM has but one.

    Parameters, what is given and errors are those of `read_dicom`, and of
    `trifuse.features.images.read_image`.
    """
    if is_dicom(content[:DICOM_START_BYTES]):
        yield from read_dicom(content, max_pixels=max_pixels, first_frame=first_frame)
    else:
        image = read_image(content, max_pixels=max_pixels, least_side=least_side)
        yield DicomFrame("", 0, 1, image)


def read_single_frame(content: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a DICOM file of one frame.

    Raises
    ------
    ImageError
        If it has several, or cannot be decoded; a clause without a name.
    """
    try:
        frame = next(read_dicom(content, max_pixels=max_pixels))
        if frame.image is None:
            raise ImageError(frame.message)
    except ImageError as error:
        raise ImageError(str(error).removeprefix("cannot read the image: ")) from None
    if frame.frames > 1:
        raise ImageError(
            f"it is a DICOM file of {frame.frames:,} frames, and one image is wanted; export the "
            "frame that is meant"
        )
    return frame.image


def read_dicom(
    content: bytes, *, max_pixels: int = MAX_PIXELS, first_frame: int = 0
) -> Iterator[DicomFrame]:
    """Decode the frames of a DICOM file into RGB, each when it is asked for.

    The image can be of any SOP class. Its transfer syntax can be any without compression, JPEG
    (extended and lossless too), JPEG-LS, JPEG 2000 (high-throughput too) or RLE. A file without the
    preamble is read as one with it; where it does not say in which syntax, as its first tag looks.

    Grey passes the Modality LUT, or rescale slope and intercept (PS3.3 C.11.1), then the first VOI
    LUT, else the first window (C.11.2); those of a frame's functional groups, of enhanced objects,
    come before those of the file (C.7.6.16.2.9, C.7.6.16.2.10). A window that the standard does
    not allow, such as one of width 0, counts for none. Without one, what the bits stored can hold,
    rescaled, becomes 0 to 255, whatever values there are: 8 unsigned bits stay as they are, and of
    12 bits 4095 becomes white. MONOCHROME1 is then inverted; grey is repeated three times.

    Palettes are looked up (C.7.6.3.1.5), YBR becomes RGB (C.7.6.3.1.2), and colour of more than 8
    bits stored is scaled as grey is. Where JPEG data have a JFIF or Adobe marker, it tells the
    colour space, else the header. An ICC profile of the image, or of its one optical path, is
    applied to colours as in other files (C.11.15). Overlays, padding values, aspect ratios and
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
    uid = study = ""
    try:
        if not is_dicom(content):
            raise ImageError("it is not a DICOM file")
        with _only_image_errors("its DICOM header cannot be read, probably truncated or damaged"):
            meta, start = read_meta(content)
            uid = read_uid(meta, "MediaStorageSOPInstanceUID")
            dataset, element = read_dataset(content, start, str(meta.get("TransferSyntaxUID", "")))
            uid = read_uid(dataset, "SOPInstanceUID") or uid
            study = read_uid(dataset, "StudyInstanceUID")
            facts = read_facts(dataset)
            header = read_header(dataset, element, max_pixels)
            frames = Frames(header, element.data, dataset.get("ExtendedOffsetTable") or b"")
    except ImageError as error:
        if not uid:
            raise ImageError(f"cannot read the image: {error}") from None
        yield DicomFrame(uid, 0, 1, None, f"cannot read the image: {error}", study)
        return
    for index in range(len(frames))[first_frame:]:
        image, message = None, ""
        try:
            with _only_image_errors(f"its {frames.kind} data cannot be decoded, probably damaged"):
                stored = frames.decode(index)
            with _only_image_errors("its lookup tables or windows cannot be used"):
                image = to_rgb(stored, header, read_settings(dataset, index))
        except ImageError as error:
            message = f"cannot read the image: {error}"
        yield DicomFrame(uid, index, len(frames), image, message, study, facts)


@contextmanager
def _only_image_errors(reason: str) -> Iterator[None]:
    """Let nothing out but an ImageError: what pydicom says may quote the file's values.

    Hostile bytes make it raise nearly anything, RecursionError included; KeyboardInterrupt and
    SystemExit pass.
    """
    try:
        import pydicom  # noqa: F401 - as it sets the level of its logger

        with without_warnings, without_pydicom_logs:
            yield
    except ImageError:
        raise
    except ImportError:
        raise ImageError("it is a DICOM file; to read it, install trifuse[dicom]") from None
    except MemoryError:
        raise ImageError("decoding it takes too much memory") from None
    except Exception:  # noqa: BLE001 - see above
        raise ImageError(reason) from None
