"""A stream's encoder, and a model with every kind of block whose network needs no TensorFlow."""

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.methods.fisher import FisherOptions
from trifuse.encoders.methods.vlad import VladOptions
from trifuse.encoders.stream_encoder import StreamEncoder
from trifuse.features.files import file_sha256
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import read_image
from trifuse.features.litert import CnnOutputs
from trifuse.recipes.options import StreamOptions
from trifuse.recipes.recipe import Recipe
from trifuse.training import encoding
from trifuse.training.fit import fit_model

BLOCKS = ("sift_fisher", "sift_vlad", "color_fisher", "color_vlad", "cnn", "cnn_fisher", "cnn_crop")


class FakeNetwork:
    """In place of a CNN: the colours of the image's parts are the feature maps."""

    def embed(self, image):
        last = cv2.resize(image / np.float32(255), (3, 2), interpolation=cv2.INTER_AREA)
        feature = cv2.resize(image / np.float32(255), (6, 4), interpolation=cv2.INTER_AREA)
        return CnnOutputs(feature, last)


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Products as small as theirs only wait for threads where the machine is busy."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def make_stream():
    """Fit an encoder of Fisher vectors and VLAD, and give it with an image's descriptors."""

    def make(n=60, pyramid=(1,), seed=0, encodings=None):
        rng = np.random.default_rng(seed)
        sample, image = (
            LocalDescriptors(
                rng.normal(size=(size, 5)).astype(np.float32),
                rng.uniform(-0.5, 0.5, size=(size, 2)).astype(np.float32),
            )
            for size in (300, n)
        )
        chosen = encodings or {"fisher": FisherOptions(3), "vlad": VladOptions(3)}
        options = StreamOptions(None, chosen, pca_dimension=4, pyramid=pyramid)
        return StreamEncoder.fit(sample, options, chosen.keys()), image

    return make


@pytest.fixture(scope="session")
def model(archive, recipe_file):
    """A model with six blocks; nobody may change it."""
    table = load_dataset(archive)
    small = Recipe.load(str(recipe_file)).to_dict()
    small["color"]["pyramid"] = (1, 2)
    small["cnn"] |= {"pca_dimension": 3, "fisher": {"components": 2}}
    recipe = Recipe.from_dict({**small, "fusion": {"weights": dict.fromkeys(BLOCKS, 1.0)}})
    folds = grouped_stratified_folds(table.labels, table.groups, 2, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "build_embedder", lambda *_: FakeNetwork())
        encoder, blocks = encoding.encode_archive(
            table.paths, encoding.build_extractor(recipe, table.paths)
        )
    images = [file_sha256(path) for path in table.paths]
    return fit_model(encoder, blocks, table, folds, images)[0]


@pytest.fixture
def image(pictures):
    return read_image(pictures[0])
