"""A CNN's embeddings and feature maps as scikit-learn's estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trifuse.features import keras_backbones
from trifuse.features.backbones import BackboneError
from trifuse.features.descriptors.cnn import CnnCells, map_descriptors
from trifuse.features.estimators import CnnEmbedding
from trifuse.features.litert import CnnEmbedder


def test_an_embedding_is_what_the_network_gives(built, network, picture, content, assert_same):
    images = [picture(), picture(50, 21, seed=1)]
    embedder = CnnEmbedder(network)
    expected = [embedder.embed(image) for image in images]
    vectors = CnnEmbedding().fit_transform(images)
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 5)
    np.testing.assert_array_equal(vectors, [found.embedding for found in expected])
    maps = CnnEmbedding(output="feature_map").fit(images)
    expected = [map_descriptors(found.feature_map) for found in expected]
    assert_same(maps.transform(images), expected)
    assert_same(maps.transform([content(image) for image in images]), expected)
    for image, one in zip(images, expected, strict=True):
        assert_same(list(maps.describe(image)), [one])


def test_the_network_asked_for_is_built_once(built, picture):
    images = [picture()]
    embedding = CnnEmbedding("mobilenet-1.0", "random", (64, 96)).fit(images)
    embedding.transform(images)
    embedding.transform(images)
    assert built == [("mobilenet-1.0", "random", (64, 96))]
    CnnEmbedding().fit(images)
    assert built[1:] == [("efficientnet-lite0", "default", None)]


def test_random_weights_are_warned_of(monkeypatch, network, picture):
    exported = []
    monkeypatch.setattr(
        keras_backbones, "export_litert", lambda model, _: exported.append(model) or network
    )
    with pytest.warns(UserWarning, match="an untrained CNN is no feature extractor"):
        CnnEmbedding("mobilenet-0.75", "random", (32, 48)).fit([picture()])
    assert exported[0].input_shape == (None, 32, 48, 3)


def test_a_network_of_int8_measures_its_ranges_on_images_spread_over_all(monkeypatch, network):
    given = []
    monkeypatch.setattr(keras_backbones, "build_backbone", lambda *_: "built")
    monkeypatch.setattr(
        keras_backbones, "export_litert", lambda _, images: given.append(images) or network
    )
    images = [np.full((9, 9, 3), level, np.uint8) for level in range(63)]
    CnnEmbedding().fit(images)
    CnnEmbedding(precision="int8").fit(images)
    assert [[image[0, 0, 0] for image in seen] for seen in given] == [[], list(range(0, 63, 2))]
    with pytest.raises(BackboneError, match="int8 needs images"):
        CnnCells(precision="int8").build()


def test_an_embedding_must_be_fitted_first(picture):
    for call in (CnnEmbedding().transform, CnnEmbedding(output="feature_map").transform):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call([picture()])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        next(CnnEmbedding().describe(picture()))


def test_a_clone_of_an_embedding_is_not_fitted_and_a_pickle_is(built, picture):
    images = [picture()]
    fitted = CnnEmbedding().fit(images)
    expected = fitted.transform(images)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(images), expected)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(images)


def test_a_pipeline_takes_an_embedding(built, picture):
    images = [picture(seed=seed) for seed in range(4)]
    scaled = make_pipeline(CnnEmbedding(), StandardScaler()).fit_transform(images)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
