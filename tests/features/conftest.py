"""Pictures, the bytes of image files, and a small network in place of the real ones."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from trifuse.features import keras_backbones
from trifuse.features.keras_backbones import export_litert
from trifuse.features.quiet import import_tensorflow


@pytest.fixture(scope="session")
def picture():
    """Make a colour image of noise, of that many rows and columns."""

    def make(rows=30, columns=40, seed=0):
        return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)

    return make


@pytest.fixture(scope="session")
def content():
    """Give the bytes of the PNG file of an image."""

    def encode(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        return file.getvalue()

    return encode


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
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return export_litert(keras.Model(image, {"embedding": pooled, "feature_map": features}))


@pytest.fixture
def built(monkeypatch, request):
    """Build that network, whatever is asked for, and give what was asked for."""
    asked = []

    def build(*arguments):
        asked.append(arguments)
        return "built"

    def export(_):
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
