"""Sound images of all formats, for fuzz.py to damage, and of the kinds that take other paths."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import tifffile
from PIL import Image, ImageCms

Files = dict[str, list[bytes]]


def make_pictures() -> Files:
    """Give small files of all formats, and of the modes that take other paths."""

    def save(image: Image.Image, form: str, **options: Any) -> bytes:
        image.save(file := io.BytesIO(), form, **options)
        return file.getvalue()

    def tiles(values: Any, **options: Any) -> bytes:
        options = {"tile": (16, 16), "photometric": "rgb"} | options
        tifffile.imwrite(file := io.BytesIO(), values, **options)
        return file.getvalue()

    def left_to_tifffile(deep: Any) -> list[bytes]:
        planes, grey = deep.transpose(2, 0, 1), deep[..., 0]
        kinds: list[tuple[Any, dict[str, Any]]] = [
            (planes[:3], {"planarconfig": "separate", "compression": "lzw", "predictor": 2}),
            (planes[:3], {"planarconfig": "separate", "byteorder": ">", "bigtiff": True}),
            (deep, {"extrasamples": ["assocalpha"], "compression": "packbits"}),
            (grey, {"photometric": "miniswhite", "compression": "zstd", "tile": None}),
            (grey >> 4, {"photometric": "minisblack", "bitspersample": 12, "tile": None}),
            (grey >> 4, {"photometric": "minisblack", "bitspersample": 12, "compression": "jpeg",
                         "compressionargs": {"bitspersample": 12}}),
            ((grey >> 8).astype(np.uint8),
             {"photometric": "palette", "compression": "lzma",
              "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256) % 256}),
        ]  # fmt: skip
        return [tiles(values, **options) for values, options in kinds]

    def interlaced(values: Any) -> bytes:
        passes = ("0808", "0848", "4804", "0424", "2402", "0212", "1201")
        big = values.astype(values.dtype.newbyteorder(">"))
        rows = (row for a, b, c, d in (map(int, p) for p in passes) for row in big[a::b, c::d])
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        head = struct.pack(">IIBBBBB", *values.shape[1::-1], values.itemsize * 8, 2, 0, 0, 1)
        chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        parts = (struct.pack(">I", len(part)) + name + part + bytes(4) for name, part in chunks)
        return bytes(mend("png", bytearray(b"\x89PNG\r\n\x1a\n" + b"".join(parts))))

    noise = np.random.default_rng(0).integers(0, 256, (24, 33, 4), dtype=np.uint8)
    deep = noise.astype(np.uint16) * 257
    rgba, rgb, grey = map(Image.fromarray, (noise, noise[..., :3], noise[..., 0]))
    grey16, cmyk, palette = Image.fromarray(deep[..., 0]), rgb.convert("CMYK"), rgb.quantize(16)
    bits, exif = grey.convert("1"), Image.Exif()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif[0x0112] = 6  # to be turned
    return {
        "jpeg": [save(rgb, "JPEG", exif=exif), save(rgb, "JPEG", progressive=True, subsampling=2),
                 save(cmyk, "JPEG"), save(grey, "JPEG", restart_marker_blocks=1)],
        "png": [save(rgba, "PNG", icc_profile=profile.replace(b"rXYZ", b"bXYZ")),
                save(grey16, "PNG"), save(palette, "PNG", transparency=1),
                save(bits, "PNG"), interlaced(noise[..., :3]), interlaced(deep[..., :3])],
        "tiff": [tiles(noise[..., :3]), tiles(deep[..., :3], compression="zlib", bigtiff=True),
                 save(bits, "TIFF", compression="group4"),
                 *(save(image, "TIFF") for image in (grey16, cmyk, palette)),
                 *(save(image, "TIFF", compression=name) for image, name in (
                     (rgb, "raw"), (rgb, "tiff_lzw"), (grey16, "tiff_lzw"), (rgb, "packbits"),
                     (rgb, "tiff_adobe_deflate"), (rgb, "jpeg"))), *left_to_tifffile(deep)],
        "bmp": [save(image, "BMP") for image in (rgb, palette, bits)],
        "webp": [save(rgb, "WEBP"), save(rgba, "WEBP", lossless=True, exif=exif),
                 save(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90), rgb])],
    }  # fmt: skip


def make_dicom() -> list[bytes]:
    """Give small DICOM files: pydicom's, and kinds that these lack."""
    places = sorted((Path(pydicom.__file__).parent / "data").rglob("*.dcm"))
    files = [place.read_bytes() for place in places if place.stat().st_size < 12_000]
    scan = pydicom.dcmread(next(place for place in places if place.name == "chrX1.dcm"))
    scan.PhotometricInterpretation = "PALETTE COLOR"
    for tag in (0x281101, 0x281102, 0x281103):  # descriptors and data of red, green and blue
        scan.add_new(tag, "US", [256, 0, 16])
        scan.add_new(tag + 0x100, "OW", bytes(range(256)) * 2)
    scan.save_as(file := io.BytesIO())
    palette = file.getvalue()
    return files + [palette] * 5 + [palette[144:], *deep_dicom(scan)]


def deep_dicom(scan: Any) -> list[bytes]:
    """Give DICOM files of JPEG of more than 8 bits, and of a segmented palette."""
    values = np.arange(24 * 33, dtype=np.uint16).reshape(24, 33) * 5
    scan.Rows, scan.Columns, scan.BitsAllocated, scan.BitsStored, scan.HighBit = (
        *values.shape,
        16,
        12,
        11,
    )
    files = []
    for lossless, syntax in ((True, "70"), (False, "51")):
        scan.PhotometricInterpretation = "MONOCHROME2"
        frame = imagecodecs.jpeg8_encode(values, bitspersample=12, lossless=lossless)
        scan.PixelData = pydicom.encaps.encapsulate([frame])
        scan["PixelData"].VR = "OB"
        scan.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
        scan.save_as(file := io.BytesIO())
        files.append(file.getvalue())
    scan.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    scan.PhotometricInterpretation, scan.PixelData = "PALETTE COLOR", values.tobytes()
    for tag in (0x281201, 0x281202, 0x281203):
        segments = np.array([0, 2, 0, 9, 1, 99, 65535, 2, 1, 8, 0, 1, 155, 0], "<u2")
        del scan[tag]
        scan.add_new(tag + 0x20, "OW", segments.tobytes())
    scan.save_as(file := io.BytesIO())
    return [*files, file.getvalue()]


def mend(kind: str, data: bytearray) -> bytearray:
    """Make the checksums of a PNG's chunks and a tar's headers anew, lest damage end at them."""
    place = 8
    while kind == "png" and place + 12 <= len(data):
        end = place + 8 + struct.unpack_from(">I", data, place)[0]
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    for place in range(0, len(data) - 511, 512) if kind == "tar" else ():
        if data[place + 257 : place + 262] == b"ustar":
            data[place + 148 : place + 156] = b" " * 8
            data[place + 148 : place + 156] = b"%06o\0 " % sum(data[place : place + 512])
    return data
