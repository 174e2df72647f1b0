"""Pictures, the bytes of image and DICOM files, and a small network in place of the real ones."""

import io
import struct
import threading
import zlib
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from trifuse.features import keras_backbones
from trifuse.features.dicom import read_dicom
from trifuse.features.keras_backbones import export_litert
from trifuse.features.quiet import import_tensorflow

DICOM_UID = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture(scope="session")
def picture():
    """Make a colour image of noise, of that many rows and columns."""

    def make(rows=30, columns=40, seed=0):
        return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)

    return make


@pytest.fixture(scope="session")
def content(encode):
    """Give the bytes of the PNG file of an image."""
    return partial(encode, format_name="PNG")


@pytest.fixture(scope="session")
def assert_same():
    """Assert that a list holds the expected descriptors, to the bit."""

    def compare(found, expected):
        assert isinstance(found, list)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            np.testing.assert_array_equal(one.positions, other.positions)

    return compare


@pytest.fixture(scope="session")
def network():
    """A small network, exported: the real ones take seconds."""
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 10, 3), name="image")
    features = keras.layers.Conv2D(5, 3, strides=2, activation="relu")(image)
    outputs = {"feature_map": features, "last_map": features}
    return export_litert(keras.Model(image, outputs))


@pytest.fixture
def built(monkeypatch, request):
    """Build that network, whatever is asked for, and give what was asked for."""
    asked = []

    def build(*arguments):
        asked.append(arguments)
        return "built"

    def export(*_):
        # only now: a test that builds no network needs no TensorFlow
        return request.getfixturevalue("network")

    monkeypatch.setattr(keras_backbones, "build_backbone", build)
    monkeypatch.setattr(keras_backbones, "export_litert", export)
    return asked


@pytest.fixture(scope="session")
def encode():
    """Give the bytes of an array or image in a format; WebP is lossless unless told."""

    def write(image, format_name, **options):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        if format_name == "WEBP":
            options = {"lossless": True, "exact": True} | options
        file = io.BytesIO()
        image.save(file, format_name, **options)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def png():
    """Build a PNG by hand; its header says what it likes."""

    def build(columns, rows, *chunks):
        header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
        body = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in [(b"IHDR", header), *chunks, (b"IEND", b"")]
        )
        return b"\x89PNG\r\n\x1a\n" + body

    return build


@pytest.fixture(scope="session")
def smooth():
    """A picture of 40 rows and 48 columns that JPEG keeps within a few levels."""
    y, x = np.mgrid[:40, :48]
    planes = [128 + 90 * np.sin(x / 9), 100 + 2 * y, 128 + 80 * np.cos((x + y) / 11)]
    return np.stack(planes, axis=2).astype(np.uint8)


@pytest.fixture(scope="session")
def grey():
    """Values of 8 bits."""
    return np.random.default_rng(0).integers(0, 256, (7, 6), dtype=np.uint8)


@pytest.fixture(scope="session")
def deep():
    """Values of 12 bits, of which all from 0 to 4095 may occur."""
    values = np.random.default_rng(2).integers(0, 4096, (7, 6), dtype=np.uint16)
    values[0, :2] = 0, 4095
    return values


@pytest.fixture(scope="session")
def make_dataset():
    """Make a DICOM dataset, or an item of a sequence; an element that is ``...`` is left out."""

    def make(**elements):
        dataset = Dataset()
        for keyword, value in elements.items():
            if value is not ...:
                setattr(dataset, keyword, value)
        return dataset

    return make


@pytest.fixture(scope="session")
def write_dicom(make_dataset):
    """Write a DICOM file of values, or of a frame that they were compressed into."""

    def write(values, photometric="RGB", syntax=ExplicitVRLittleEndian, frame=None, **elements):
        bits, order = values.itemsize * 8, ">" if syntax == ExplicitVRBigEndian else "<"
        pixels = values.astype(values.dtype.newbyteorder(order)).tobytes()
        pixels += b"\0" * (len(pixels) % 2)
        dataset = make_dataset(**{
            "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": DICOM_UID,
            "PatientName": "DOE^JANE", "Rows": values.shape[0], "Columns": values.shape[1],
            "SamplesPerPixel": 3 if values.ndim == 3 else 1, "PlanarConfiguration": 0,
            "PhotometricInterpretation": photometric, "BitsAllocated": bits, "BitsStored": bits,
            "HighBit": elements.get("BitsStored", bits) - 1,
            "PixelRepresentation": int(values.dtype.kind == "i"),
            "PixelData": pixels if frame is None else encapsulate([bytes(frame)]),
        } | elements)  # fmt: skip
        in_words = not syntax.is_encapsulated and (bits > 8 or syntax == ImplicitVRLittleEndian)
        if "PixelData" in dataset:
            dataset["PixelData"].VR = "OW" if in_words else "OB"
        dataset.file_meta, dataset.preamble = FileMetaDataset(), bytes(128)
        dataset.file_meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        dcmwrite(file, dataset, enforce_file_format=bool(dataset.SOPInstanceUID))
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def read_frame():
    """Decode a DICOM file of so many frames, and give one."""

    def read(content, index=0, frames=1):
        decoded = list(read_dicom(content))
        assert [frame.message for frame in decoded] == [""] * frames
        image = decoded[index].image
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        assert not image.flags.writeable
        return image

    return read


@pytest.fixture(scope="session")
def assert_shows(read_frame):
    """Assert what a DICOM file shows: a function of each value, scaled from a span to 0 to 255."""

    def check(content, values, function=int, span=(0, 255), **which):
        low, high = span
        levels = [(function(int(value)) - low) * 255 / (high - low) for value in values.flat]
        shown = np.array([min(max(round(level), 0), 255) for level in levels]).reshape(values.shape)
        expected = shown if values.ndim == 3 else np.repeat(shown[..., np.newaxis], 3, axis=2)
        np.testing.assert_array_equal(read_frame(content, **which), expected)

    return check


@pytest.fixture(scope="session")
def refusal():
    """Give the reason why a file of `write_dicom` cannot be read."""

    def read(content, **options):
        (frame,) = read_dicom(content, **options)
        assert (frame.uid, frame.index, frame.frames, frame.image) == (DICOM_UID, 0, 1, None)
        assert frame.message.startswith("cannot read the image: ")
        return frame.message.removeprefix("cannot read the image: ")

    return read


@pytest.fixture(scope="session")
def crossed():
    """Enter one context in a thread, then another in this one; the first in leaves first."""

    @contextmanager
    def cross(first, second):
        barrier = threading.Barrier(2, timeout=5)

        def enter_first():
            with first:
                barrier.wait()  # until this thread knows
                barrier.wait()  # until the other is in

        thread = threading.Thread(target=enter_first)
        thread.start()
        barrier.wait()
        with second:
            barrier.wait()
            thread.join(5)
            yield

    return cross


@pytest.fixture(scope="session")
def write_tiff():
    """Write an array as a TIFF by tifffile."""

    def write(values, byteorder="<", bigtiff=False, **options):
        file = io.BytesIO()
        with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder) as tiff:
            tiff.write(values, **options)
        return file.getvalue()

    return write
