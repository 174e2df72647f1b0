"""An image file becomes RGB pixels: decoded whole, or one clear error."""

import io
import os
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from trifuse.features.files import MAX_BYTES, MAX_PIXELS
from trifuse.features.quiet import without_warnings
from trifuse.features.srgb import load_png, to_srgb, turn_upright

# Pillow's decoders are called directly, not through Image.open: that one applies the process-wide
# PIL.Image.MAX_IMAGE_PIXELS before we can see the size, and loads plugins without a lock.
_DECODERS: dict[str, tuple[re.Pattern[bytes], type[ImageFile]]] = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), JpegImageFile),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile),
    "TIFF": (re.compile(rb"II[*+]\x00|MM\x00[*+]"), TiffImageFile),
    "BMP": (re.compile(rb"BM"), BmpImageFile),
    "WebP": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WebPImageFile),
}
_UNREAD_KIND = re.compile(
    r"^unsupported|^cannot handle|not supported$|^unknown pixel mode", re.IGNORECASE
)
"""What Pillow says of files that may be sound: of compressions, of bits and layouts."""
_JPEG_LS = re.compile(rb"\xff\xd8.{0,120}?\xff\xf7\x00[\x0b\x0e\x11\x14]", re.DOTALL)
"""Its frame header (ISO/IEC 14495-1), of one to four components."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Of an object in memory: another one each time, while a message must be the same."""


class ImageError(ValueError):
    """An image cannot be read; the message is one sentence that says which and why."""


def read_image(
    source: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
) -> NDArray[np.uint8]:
    """Decode an image file of any kind into RGB: JPEG, PNG, TIFF, BMP, WebP, or DICOM of one frame.

    The format is told by the first bytes of the content, never by the file's name. Grey, palette,
    CMYK and 1-bit images become RGB; EXIF orientation is applied; an ICC profile that is not sRGB
    is applied, a broken one is passed over; transparent pixels are laid over white. Of several
    pages or frames the first is read; but a DICOM file of several frames is refused, for which of
    them is meant it does not say (`read_frames` of `trifuse.features.dicom` gives all).

    16-bit grey v becomes round(255 v / 65535). Pillow reads 16-bit colour by its high byte, which
    differs from rounding by at most 1. TIFFs of other bits, see `trifuse.features.tiff`.

    Parameters
    ----------
    source : str, path or bytes
        A file's path, or the content of a file.
    max_pixels : int
        Refuse images of more rows x columns, as told by the header, before decoding. For TIFF and
        WebP Pillow's own bound (twice ``PIL.Image.MAX_IMAGE_PIXELS``, 178,956,970) holds as well.
    least_side : int, optional
        The image is for a picture of this longest side, in pixels: a JPEG may be decoded to a half,
        a quarter or an eighth of its size, and no smaller than that, which is faster.

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
    # They import this module.
    from trifuse.features.dicom import DICOM_START_BYTES, is_dicom, read_single_frame

    name = "the image" if isinstance(source, bytes) else os.fsdecode(source)
    try:
        with _open(source) as file:
            start = _read(file, DICOM_START_BYTES)
            if is_dicom(start):
                content = start + _read(file, MAX_BYTES + 1)
                return read_single_frame(content, max_pixels)
            file.seek(0)
            return _decode(file, start, max_pixels, least_side)
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
            return _read(file, -1)  # a number of bytes would be allocated, whatever there are
    except ImageError as error:
        raise ImageError(f"cannot read the image: {error}") from error.__cause__


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


def _read(file: BinaryIO, size: int) -> bytes:
    try:
        content = file.read(size)
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    if len(content) > MAX_BYTES:
        raise ImageError(f"it is larger than {MAX_BYTES:,} bytes")
    return content


def _decode(
    file: BinaryIO, start: bytes, max_pixels: int, least_side: int | None
) -> NDArray[np.uint8]:
    format_name, decoder = _recognise(start)
    # Pillow promises no closed list of exceptions: damaged bytes make its decoders raise OSError,
    # SyntaxError, ValueError, struct.error, zlib.error, KeyError, AssertionError and more. Only
    # Pillow and NumPy run inside, on data that may be hostile, so all of them mean the same: this
    # image cannot be decoded. KeyboardInterrupt and SystemExit pass.
    try:
        with without_warnings, _open_image(file, decoder, max_pixels) as image:
            columns, rows = image.size
            check_pixel_count(rows, columns, max_pixels)
            if isinstance(image, PngImageFile):
                load_png(image, file)
            if least_side is not None and isinstance(image, JpegImageFile):
                scale = least_side / max(columns, rows)
                image.draft(None, (max(1, int(columns * scale)), max(1, int(rows * scale))))
            image.load()
            return to_srgb(turn_upright(image))
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"it has more pixels than Pillow decodes of {format_name}") from error
    except MemoryError as error:
        raise ImageError(f"decoding its {format_name} data takes too much memory") from error
    except Exception as error:
        detail = _ADDRESS.sub("", " ".join(str(error).split())) or type(error).__name__
        if _UNREAD_KIND.search(detail):
            raise ImageError(f"its kind of {format_name} cannot be read ({detail})") from error
        raise ImageError(
            f"its {format_name} data cannot be decoded, probably truncated or damaged ({detail})"
        ) from error


def _open_image(file: BinaryIO, decoder: type[ImageFile], max_pixels: int) -> Image.Image:
    if decoder is TiffImageFile:
        # It imports tifffile, which takes a tenth of a second.
        from trifuse.features.tiff import open_tiff

        return open_tiff(file, max_pixels)
    return decoder(file)


def _recognise(start: bytes) -> tuple[str, type[ImageFile]]:
    if not start:
        raise ImageError("it is empty")
    if _JPEG_LS.match(start):
        raise ImageError("its kind of JPEG cannot be read (JPEG-LS, outside of DICOM)")
    for name, (signature, decoder) in _DECODERS.items():
        if signature.match(start):
            return name, decoder
    raise ImageError("it is not a JPEG, PNG, TIFF, BMP or WebP image")
