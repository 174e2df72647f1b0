"""What tests of encoders share: one thread, sets of descriptors, VLFeat's modes, and images."""

import cv2
import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.features import keras_backbones
from trifuse.features.descriptors import cnn as cnn_module
from trifuse.features.estimators import DenseSift
from trifuse.features.grid import LocalDescriptors
from trifuse.features.litert import CnnOutputs

BOTH = [FisherEncoder(4, random_state=3), VladEncoder(4, random_state=3)]
ALL = [*BOTH, FisherEncoder(4, levels=(1, 2)), VladEncoder(4, levels=(2,))]
FISHER_MODES = {
    "raw": {"square_root": False, "normalize": False},
    "square_root": {"square_root": True, "normalize": False},
    "normalized": {"square_root": False, "normalize": True},
    "improved": {"square_root": True, "normalize": True},
}
VLAD_RAW = {"square_root": False, "by_component": False, "normalize": False}
VLAD_MODES = {
    "unnormalized": VLAD_RAW,
    "l2": VLAD_RAW | {"normalize": True},
    "square_root": VLAD_RAW | {"square_root": True},
    "norm_components": VLAD_RAW | {"by_component": True},
    "norm_mass": VLAD_RAW | {"by_mass": True},
    "sqrt_components_l2": {"square_root": True, "by_component": True, "normalize": True},
}


class FakeNetwork:
    """In place of a CNN: the colours of the image's quarters are the feature map."""

    def __init__(self, tflite):
        self.tflite = tflite

    def embed(self, image):
        small = cv2.resize(image / np.float32(255), (3, 2), interpolation=cv2.INTER_AREA)
        return CnnOutputs(small, small)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products as small as theirs only wait for threads where the machine is busy."""
    with threadpool_limits(1):
        yield


@pytest.fixture(params=BOTH)
def encoder(request):
    """Each of the two encoders, not fitted."""
    return clone(request.param)


@pytest.fixture(params=ALL)
def estimator(request):
    """Each of the two encoders and a pyramid of each, not fitted."""
    return clone(request.param)


@pytest.fixture(scope="session")
def descriptors():
    """Make the descriptors of one image."""

    def make(n, d=5, seed=0):
        rng = np.random.default_rng(seed)
        values = (rng.normal(size=(n, d)) + rng.integers(0, 3, size=(n, 1))).astype(np.float32)
        return LocalDescriptors(values, rng.uniform(-0.5, 0.5, size=(n, 2)).astype(np.float32))

    return make


@pytest.fixture(scope="session")
def sets(descriptors):
    """Make the descriptors of images, which have so many."""

    def make(lengths=(40, 0, 60, 1, 30), d=5):
        return [descriptors(n, d, seed) for seed, n in enumerate(lengths)]

    return make


@pytest.fixture(scope="session")
def clouds():
    """Make descriptors of three well separated Gaussians, in the shares 1 : 2 : 3."""
    means = np.array([[0, 0], [10, 0], [0, 10]], dtype=np.float32)
    spreads = np.array([[1, 0.5], [0.5, 1], [1, 1]], dtype=np.float32)

    def make(n=600, seed=0):
        rng = np.random.default_rng(seed)
        of = rng.choice(3, size=n, p=[1 / 6, 2 / 6, 3 / 6])
        return (means[of] + spreads[of] * rng.normal(size=(n, 2))).astype(np.float32), of

    return make


@pytest.fixture(scope="session")
def reference(vlfeat):
    """Descriptors and codebooks that VLFeat encoded, and what it gave."""
    return vlfeat("encoders.npz")


@pytest.fixture(params=FISHER_MODES)
def fisher_mode(request, reference):
    """Options of a Fisher vector, and what VLFeat gives in that mode."""
    return FISHER_MODES[request.param], reference[f"fisher_{request.param}"]


@pytest.fixture(params=VLAD_MODES)
def vlad_mode(request, reference):
    """Options of VLAD, and what VLFeat gives in that mode."""
    return VLAD_MODES[request.param], reference[f"vlad_{request.param}"]


@pytest.fixture(scope="session")
def picture():
    """Make an image of coloured waves along the rows or the columns, with noise."""

    def make(seed=0, shape=(40, 48), axis=0):
        rng = np.random.default_rng(seed)
        waves = np.sin(np.indices(shape)[axis] / 2 + rng.uniform(0, 6))
        colors = 128 + waves[:, :, np.newaxis] * rng.uniform(50, 100, size=3)
        noise = rng.normal(scale=5, size=(*shape, 3))
        return (colors + noise).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture
def images(picture):
    """Six pictures of two classes, one after the other."""
    return [picture(seed, axis=seed % 2) for seed in range(6)]


@pytest.fixture
def files(images, tmp_path):
    """The images as PNG files."""
    paths = []
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        paths.append(str(tmp_path / f"{number}.png"))
    return paths


@pytest.fixture(scope="session")
def small():
    """Make a pipeline of few descriptors and a small codebook."""

    def make(descriptor=None, encoder=None, **options):
        descriptor = DenseSift(step=8, bin_sizes=(3,)) if descriptor is None else descriptor
        encoder = FisherEncoder(2) if encoder is None else encoder
        return LocalDescriptorPipeline(descriptor, encoder, **({"pca_dimension": 6} | options))

    return make


@pytest.fixture
def fake_network(monkeypatch):
    """Let no CNN be built."""
    monkeypatch.setattr(keras_backbones, "build_backbone", lambda *_: "network")
    monkeypatch.setattr(keras_backbones, "export_litert", lambda *_: b"network")
    monkeypatch.setattr(cnn_module, "CnnEmbedder", FakeNetwork)
    return FakeNetwork
