"""A decoded Pillow image becomes sRGB pixels: upright, converted by its profile, over white."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms
from PIL.ImageFile import ImageFile

from trifuse.features.levels import level_table

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAME = 2
"""Levels by which a profile may move a colour and still count as sRGB: files hold it rounded."""
_SCALES = {"L;2": 85, "L;4": 17}
_LATTICE = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3), -1).reshape(1, -1, 3)


def turn_upright(image: Image.Image) -> Image.Image:
    """Turn a loaded image as its EXIF orientation says, if it says something."""
    try:
        method = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - the pixels are whole, and viewers show them: as stored
        method = None
    return image if method is None else image.transpose(method)


def to_srgb(image: Image.Image) -> NDArray[np.uint8]:
    """Turn a loaded image of whichever mode into sRGB over white.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        C-contiguous and read-only.

    Raises
    ------
    TypeError
        If the samples are not of 1, 8 or 16 bits.
    """
    profile, key = image.info.get("icc_profile"), image.info.get("transparency")
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        image = _scale_16_bit(np.asarray(image), key)
    alpha = None
    if image.has_transparency_data:
        is_grey, rgba = image.mode in {"1", "L", "LA", "La"}, image.convert("RGBA")
        image = rgba.getchannel("R") if is_grey else rgba.convert("RGB")  # a profile is of one kind
        alpha = rgba.getchannel("A")
    elif image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    if profile:
        image = apply_profile(image, profile)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return np.asarray(image)


def apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert grey, RGB or CMYK into sRGB by an ICC profile, relative colorimetric.

    A profile that is broken or of another colour space, and one that is sRGB but for rounding,
    leaves the image as it is. Black point compensation is on, as it is in Photoshop.

    Parameters
    ----------
    image : PIL.Image.Image
        Of mode L, RGB or CMYK.
    profile : bytes

    Examples
    --------
    >>> grey = Image.new("L", (1, 1), 7)
    >>> apply_profile(grey, b"no profile") is grey
    True
    """
    transform = _make_transform(profile, image.mode)
    return image if transform is None else transform.apply(image)


@lru_cache(maxsize=8)
def _make_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Make a transform into sRGB, if the profile is sound and not sRGB itself."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        probe = Image.fromarray(_LATTICE).convert(mode)
        shown = np.asarray(transform.apply(probe), np.int16)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - LittleCMS refuses it, in whichever way Pillow tells
        return None
    same = mode != "CMYK" and np.abs(shown - np.asarray(probe.convert("RGB"))).max() <= _SAME
    return None if same else transform


def load_png(image: ImageFile, file: BinaryIO) -> None:
    """Load a PNG so that its transparent colour (tRNS) is found.

    Pillow scales grey of 2 and 4 bits to 8 bits and takes the high byte of colours of 16 bits, and
    then looks for the transparent colour as it stands in the file.
    """
    key, depth = image.info.get("transparency"), image.tile[0].args if image.tile else None
    if isinstance(key, int) and depth in _SCALES:
        image.info["transparency"] = key * _SCALES[depth]
    image.load()
    if isinstance(key, tuple) and depth == "RGB;16B":
        import imagecodecs

        file.seek(0)
        alpha = imagecodecs.png_decode(file.read())[..., 3] >> 8
        image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
        del image.info["transparency"]


def _scale_16_bit(grey: NDArray[Any], key: object) -> Image.Image:
    """Scale 0 to 65535 onto 0 to 255, rounded; a transparent level becomes an alpha channel."""
    if grey.dtype.newbyteorder("=") != np.uint16:
        msg = f"its samples are of the type {grey.dtype.name}"
        raise TypeError(msg)
    scaled = Image.fromarray(level_table(16).take(grey))
    if isinstance(key, int):
        alpha = Image.fromarray(np.where(grey == key, 0, 255).astype(np.uint8))
        return Image.merge("LA", (scaled, alpha))
    return scaled
