"""An image file becomes RGB pixels: decoded whole, or one clear error."""

import io
import os
import re
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from trifuse.features.quiet import without_pillow_warnings

MAX_PIXELS = 100_000_000
"""Pixels (rows x columns) above which `read_image` refuses to decode, unless told otherwise."""

MAX_BYTES = 2**30
"""Bytes of a file above which `read_content` refuses to read it."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
"""Lower-case suffixes under which folders are searched for images."""

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""Lower-case suffixes of DICOM files; many have none."""

# Pillow's decoders are called directly, not through Image.open: that one applies the process-wide
# PIL.Image.MAX_IMAGE_PIXELS before we can see the size, and loads plugins without a lock.
_DECODERS: dict[str, tuple[re.Pattern[bytes], type[ImageFile]]] = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), JpegImageFile),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile),
    "TIFF": (re.compile(rb"II[*+]\x00|MM\x00[*+]"), TiffImageFile),
    "BMP": (re.compile(rb"BM"), BmpImageFile),
    "WebP": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WebPImageFile),
}
_SIGNATURE_BYTES = 12
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Of an object in memory: another one each time, while a message must be the same."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """An image cannot be read; the message is one sentence that says which and why."""


def read_image(
    source: str | os.PathLike[str] | bytes, *, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, TIFF, BMP or WebP image into RGB.

    The format is told by the first bytes of the content, never by the file's name. Grey, palette,
    CMYK and 1-bit images become RGB; transparent pixels are laid over white; EXIF orientation is
    applied; colour profiles are not. Of several pages or frames the first is read.

    16-bit grey v becomes round(255 v / 65535). Pillow reads 16-bit colour by its high byte, which
    differs from rounding by at most 1.

    Parameters
    ----------
    source : str, path or bytes
        A file's path, or the content of a file.
    max_pixels : int
        Refuse images of more rows x columns, as told by the header, before decoding. For TIFF and
        WebP Pillow's own bound (twice ``PIL.Image.MAX_IMAGE_PIXELS``, 178,956,970) holds as well.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        Red, green and blue in 0 to 255; C-contiguous, and read-only because several extractors
        share it: copy it to draw on it.

    Raises
    ------
    ImageError
        Whatever is wrong: missing, a folder, empty, truncated, damaged, too large, not an image.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("L", (4, 2), 7).save(file, "PNG")
    >>> read_image(file.getvalue()).shape
    (2, 4, 3)
    >>> try:
    ...     read_image(b"")
    ... except ImageError as error:
    ...     print(error)
    cannot read the image: it is empty
    """
    name = "the image" if isinstance(source, bytes) else os.fsdecode(source)
    try:
        with _open(source) as file:
            return _decode(file, max_pixels)
    except ImageError as error:
        raise ImageError(f"cannot read {name}: {error}") from error.__cause__


def read_content(path: str | os.PathLike[str]) -> bytes:
    """Read a file's bytes, not yet decoded.

    Raises
    ------
    ImageError
        If it is missing, a folder, no regular file, or larger than `MAX_BYTES`; the sentence does
        not name it.
    """
    try:
        with _open(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise ImageError(f"it is larger than {MAX_BYTES:,} bytes")
            return file.read()
    except OSError as error:
        raise ImageError(f"cannot read the image: {error.strerror or error}") from error
    except ImageError as error:
        raise ImageError(f"cannot read the image: {error}") from error.__cause__


def strip_path(path: str) -> str:
    """Take off folders and the suffix of an image or DICOM file; other dots belong to the name.

    Examples
    --------
    >>> [strip_path(path) for path in ("a/b.c.JPG", "x/scan.dcm", "1.2.840", "b/")]
    ['b.c', 'scan', '1.2.840', 'b']
    """
    name = PurePath(path)
    known = name.suffix.lower() in IMAGE_SUFFIXES | DICOM_SUFFIXES
    return name.stem if known else name.name


def check_pixel_count(rows: int, columns: int, max_pixels: int) -> None:
    """Refuse an image of more pixels than are allowed.

    Raises
    ------
    ImageError
        The sentence does not name the image.
    """
    if rows * columns > max_pixels:
        raise ImageError(
            f"it has {rows:,} rows x {columns:,} columns, more than the limit of "
            f"{max_pixels:,} pixels; make it smaller or raise the limit"
        )


def _open(source: str | os.PathLike[str] | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        path = Path(source)
        if path.is_dir():
            raise ImageError("it is a folder, not an image file")
        if path.exists() and not path.is_file():
            # Opening a named pipe would wait for ever.
            raise ImageError("it is not a regular file")
        return path.open("rb")
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError("there is no such file") from error
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    except ValueError as error:
        raise ImageError(f"that cannot be a file's name ({error})") from error


def _decode(file: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    format_name, decoder = _recognise(file)
    # Pillow promises no closed list of exceptions: damaged bytes make its decoders raise OSError,
    # SyntaxError, ValueError, struct.error, zlib.error, KeyError, AssertionError and more. Only
    # Pillow and NumPy run inside, on data that may be hostile, so all of them mean the same: this
    # image cannot be decoded. KeyboardInterrupt and SystemExit pass.
    try:
        with without_pillow_warnings, decoder(file) as image:
            columns, rows = image.size
            check_pixel_count(rows, columns, max_pixels)
            image.load()
            return _to_rgb(_turn_upright(image))
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"it has more pixels than Pillow decodes of {format_name}") from error
    except MemoryError as error:
        raise ImageError(f"decoding its {format_name} data takes too much memory") from error
    except Exception as error:
        detail = _ADDRESS.sub("", " ".join(str(error).split())) or type(error).__name__
        raise ImageError(
            f"its {format_name} data cannot be decoded, probably truncated or damaged ({detail})"
        ) from error


def _recognise(file: BinaryIO) -> tuple[str, type[ImageFile]]:
    try:
        start = file.read(_SIGNATURE_BYTES)
        file.seek(0)
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    if not start:
        raise ImageError("it is empty")
    for name, (signature, decoder) in _DECODERS.items():
        if signature.match(start):
            return name, decoder
    raise ImageError("it is not a JPEG, PNG, TIFF, BMP or WebP image")


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        method = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - the pixels are whole, and viewers show them: as stored
        method = None
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        return _scale_16_bit(np.asarray(image))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(rgba, mask=rgba)
    elif image.mode != "RGB":
        image = image.convert("RGB")
    return np.asarray(image)


def _scale_16_bit(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 0 to 65535 onto 0 to 255, rounded, and repeat it three times."""
    integer = np.issubdtype(grey.dtype, np.integer)
    if not integer or grey.min() < 0 or grey.max() > 65535:
        raise ImageError("its samples are not whole numbers of 8 or 16 bits; convert it to either")
    scaled = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)
    rgb = np.repeat(scaled[:, :, np.newaxis], 3, axis=2)
    rgb.flags.writeable = False
    return rgb
