"""Readers that know nothing of trifuse: what Pillow, tifffile and pydicom make of a file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pydicom
import tifffile
from PIL import Image, ImageCms, ImageOps
from pydicom import pixels

Picture = np.ndarray[Any, Any]


def read_by_pillow(content: bytes) -> Picture:
    """Open the first frame by Pillow's public functions."""
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        image: Any = ImageOps.exif_transpose(opened)
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.rint(np.asarray(image) / 257.0).astype(np.uint8))
    if image.mode in {"I", "F"}:
        msg = f"samples of mode {image.mode}"
        raise NotImplementedError(msg)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    image = image.convert("RGB" if alpha or image.mode not in {"L", "CMYK"} else image.mode)
    if profile:
        source, flags = io.BytesIO(profile), ImageCms.Flags.BLACKPOINTCOMPENSATION
        with suppress(ImageCms.PyCMSError):
            image = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), 1, "RGB", flags=flags
            )
    image = image.convert("RGB")
    if alpha:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return np.asarray(image)


def read_by_tifffile(content: bytes) -> Picture:
    """Scale, colour and turn the first page's array, as the specification has it."""
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page: Any = tiff.pages.first
        values = page.asarray(maxworkers=1)
    if page.tags.valueof(34675):
        msg = "an ICC profile"
        raise NotImplementedError(msg)
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        values = np.moveaxis(values, 0, -1)
    values = values.reshape(*page.shape[-3:-1] if values.ndim < 2 else values.shape[:2], -1)
    if page.sampleformat != 1 or not isinstance(page.bitspersample, int) or page.bitspersample > 16:
        msg = "samples that have no range"
        raise NotImplementedError(msg)
    levels = values * (255 / (2**page.bitspersample - 1))
    kinds, colours = tifffile.PHOTOMETRIC, page.samplesperpixel - len(page.extrasamples)
    if page.photometric == kinds.PALETTE:
        shift = 8 if page.colormap.max() > 255 else 0
        shown = (page.colormap >> shift).T[values[..., 0].astype(int)].astype(float)
    elif page.photometric in {kinds.MINISBLACK, kinds.MINISWHITE}:
        grey = levels[..., :1] if page.photometric == kinds.MINISBLACK else 255 - levels[..., :1]
        shown = np.repeat(grey, 3, axis=2)
    elif page.photometric == kinds.RGB or (
        page.photometric == kinds.YCBCR and page.compression == 7
    ):
        shown = levels[..., :3]
    else:
        msg = f"colours of {page.photometric}"
        raise NotImplementedError(msg)
    for place, kind in enumerate(page.extrasamples):
        if kind in {1, 2}:
            opacity = levels[..., colours + place, None] / 255
            shown = (shown if kind == 1 else shown * opacity) + 255 * (1 - opacity)
            break
    return _turn(np.clip(np.rint(shown), 0, 255), int(page.tags.valueof(274) or 1))


def _turn(image: Picture, orientation: int) -> Picture:
    turned = image.swapaxes(0, 1) if orientation >= 5 else image
    turned = turned[::-1] if orientation in {3, 4, 7, 8} else turned
    return turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned


def read_by_pydicom(content: bytes) -> Picture:
    """Give the first frame of a DICOM file, through pydicom's own functions."""
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    values = (
        pixels.pixel_array(io.BytesIO(content), index=0)
        if "TransferSyntaxUID" in (dataset.file_meta)
        else dataset.pixel_array
    )
    if "ICCProfile" in dataset:
        msg = "an ICC profile"
        raise NotImplementedError(msg)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        entries = pixels.apply_color_lut(values, dataset)
        return np.rint(entries * (255 / np.iinfo(entries.dtype).max))
    if dataset.SamplesPerPixel == 3:
        return np.rint(values * (255.0 / (2**dataset.BitsStored - 1)))
    signed, bits = dataset.get("PixelRepresentation", 0), dataset.BitsStored
    span = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = pixels.apply_modality_lut(values, dataset).astype(float)
        ends = sorted(pixels.apply_modality_lut(span, dataset).astype(float).tolist())
        if "VOILUTSequence" in dataset or "WindowCenter" in dataset:
            shown = pixels.apply_voi_lut(shown if "WindowCenter" in dataset else values, dataset)
        if "VOILUTSequence" in dataset:
            ends = [0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1]
    grey = np.clip(np.rint((shown - ends[0]) * 255 / (ends[1] - ends[0])), 0, 255)
    grey = 255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey
    return np.repeat(grey[..., None], 3, axis=-1)


READERS: dict[str, tuple[Callable[[bytes], Picture], ...]] = {
    "DICOM": (read_by_pydicom,),
    "TIFF": (read_by_pillow, read_by_tifffile),
    **dict.fromkeys(("JPEG", "PNG", "BMP", "WebP"), (read_by_pillow,)),
}
"""By kind of file, those that read it."""
