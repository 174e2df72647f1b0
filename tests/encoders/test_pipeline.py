"""Images to vectors: the parts put together by hand, scikit-learn's tools, and what goes wrong."""

import pickle

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from trifuse.encoders import pipeline as pipeline_module
from trifuse.encoders.estimators import FisherEncoder, VladEncoder
from trifuse.encoders.fisher import fisher_vector
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.encoders.projection import Projection
from trifuse.encoders.spatial_pyramid import SpatialPyramid
from trifuse.encoders.vlad import vlad
from trifuse.features import estimators as features_module
from trifuse.features import grid, keras_backbones
from trifuse.features.dense_sift import DenseSiftExtractor
from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor
from trifuse.features.grid import LocalDescriptors

SIFT = DenseSift(step=8, bin_sizes=(3,))
COLOR = LocalColor(step=8, bin_sizes=(3,))
SHAPE = (40, 48)


class FakeNetwork:
    """In place of a CNN: the colours of the image's quarters are the feature map."""

    def __init__(self, tflite):
        self.tflite = tflite

    def embed(self, image):
        small = cv2.resize(image / np.float32(255), (3, 2), interpolation=cv2.INTER_AREA)
        return small.mean(axis=(0, 1)), small


class Plain(TransformerMixin, BaseEstimator):
    """An image's rows are its descriptors, each at the top left; says which images were asked."""

    asked: list = []  # noqa: RUF012 - the clones of one test share it

    def fit(self, X, y=None):
        return self

    def describe(self, image):
        Plain.asked.append(int(image[0, 0, 0]))
        values = image.reshape(len(image), -1).astype(np.float32)
        yield LocalDescriptors(values, np.full((len(image), 2), -0.5, dtype=np.float32))


class Recorder(FisherEncoder):
    """Keeps what it was trained on."""

    def fit(self, X, y=None):
        self.points_ = X
        return super().fit(X, y)


class TablePipeline(LocalDescriptorPipeline):
    """scikit-learn's checks have tables of numbers: each row becomes an image of its levels."""

    def fit(self, X, y=None):
        return super().fit(self._pictures(validate_data(self, X)), y)

    def transform(self, X):
        return super().transform(self._pictures(validate_data(self, X, reset=False)))

    def _pictures(self, table):
        texture = np.random.default_rng(0).uniform(0.5, 1, size=(24, 24, 3))
        levels = 255 * np.sin(table.astype(np.float64)) ** 2
        return [(np.resize(row, (24, 24, 3)) * texture).astype(np.uint8) for row in levels]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def picture(seed=0, shape=SHAPE, axis=0):
    """Coloured waves along the rows or the columns, with noise."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.indices(shape)[axis] / 2 + rng.uniform(0, 6))
    colors = 128 + waves[:, :, np.newaxis] * rng.uniform(50, 100, size=3)
    return (colors + rng.normal(scale=5, size=(*shape, 3))).clip(0, 255).astype(np.uint8)


def pictures(n=6):
    """Pictures of two classes, one after the other."""
    return [picture(seed, axis=seed % 2) for seed in range(n)], np.arange(n) % 2


def small(descriptor=SIFT, encoder=None, **options):
    encoder = FisherEncoder(2) if encoder is None else encoder
    return LocalDescriptorPipeline(descriptor, encoder, **({"pca_dimension": 6} | options))


@pytest.fixture
def files(tmp_path):
    """The pictures as PNG files."""
    paths = []
    for number, image in enumerate(pictures()[0]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        paths.append(str(tmp_path / f"{number}.png"))
    return paths


@pytest.fixture
def fake_network(monkeypatch):
    monkeypatch.setattr(keras_backbones, "build_backbone", lambda *_: "network")
    monkeypatch.setattr(keras_backbones, "export_litert", lambda _: b"network")
    monkeypatch.setattr(features_module, "CnnEmbedder", FakeNetwork)


@pytest.mark.parametrize(
    "estimator",
    [
        TablePipeline(SIFT, FisherEncoder(2), pca_dimension=4),
        TablePipeline(COLOR, SpatialPyramid(VladEncoder(2)), pca_dimension=None),
    ],
)
def test_scikit_learns_checks_pass_where_a_table_is_made_images(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    named = {result["check_name"]: result["status"] for result in results}
    assert named.pop("check_array_api_input") in {"passed", "skipped"}
    assert set(named.values()) == {"passed"}
    assert len(results) >= 45


@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
@pytest.mark.parametrize("position_weight", [0, 0.7])
@pytest.mark.parametrize("pca_dimension", [6, None])
def test_equals_its_parts_put_together(descriptor, position_weight, pca_dimension):
    images, _ = pictures()
    described = descriptor.transform(images)
    values = np.concatenate([image.values for image in described])
    projection = Projection.fit(values, pca_dimension) if pca_dimension else None
    points = []
    for image in described:
        columns = [projection.apply(image.values) if projection else image.values]
        if position_weight:
            columns.append(image.positions * np.float32(position_weight))
        points.append(np.hstack(columns))
    encoder = FisherEncoder(2).fit(np.concatenate(points))
    pipeline = small(
        descriptor, FisherEncoder(2), pca_dimension=pca_dimension, position_weight=position_weight
    )
    vectors = pipeline.fit_transform(images)
    np.testing.assert_allclose(pipeline.encoder_.mixture_.means, encoder.mixture_.means, atol=1e-5)
    expected = [fisher_vector(image, encoder.mixture_) for image in points]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=2e-3)


def test_vlad_of_the_parts_is_vlad():
    images, _ = pictures()
    pipeline = small(encoder=VladEncoder(3), position_weight=0)
    vectors = pipeline.fit_transform(images)
    for vector, image in zip(vectors, SIFT.transform(images), strict=True):
        points = pipeline.projection_.apply(image.values)
        np.testing.assert_allclose(vector, vlad(points, pipeline.encoder_.centers_), atol=2e-3)


def test_a_pyramid_encodes_the_parts_of_images():
    images, _ = pictures()
    pyramid = SpatialPyramid(VladEncoder(3), levels=(1, 2))
    pipeline = small(encoder=pyramid).fit(images)
    described = [
        LocalDescriptors(
            np.hstack([pipeline.projection_.apply(image.values), image.positions]), image.positions
        )
        for image in SIFT.transform(images)
    ]
    expected = pipeline.encoder_.transform(described)
    vectors = pipeline.transform(images)
    assert vectors.shape == (6, 5 * 3 * 8)
    np.testing.assert_allclose(vectors, expected, atol=2e-3)


def test_by_default_it_is_dense_sift_64_dimensions_and_64_gaussians():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(2, 44, 44, 3), dtype=np.uint8)
    pipeline = LocalDescriptorPipeline().fit(images)
    assert isinstance(pipeline.descriptor_, DenseSift)
    assert pipeline.transform(images).shape == (2, 2 * 64 * (64 + 2))


def test_no_given_step_is_changed():
    descriptor, encoder = DenseSift(step=8, bin_sizes=(3,)), FisherEncoder(2)
    pipeline = small(descriptor, encoder).fit(pictures()[0])
    assert pipeline.descriptor_ is not descriptor
    assert pipeline.encoder_ is not encoder
    assert not hasattr(encoder, "mixture_")


@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
def test_images_may_be_paths_contents_or_arrays(files, tmp_path, descriptor):
    images, _ = pictures()
    pipeline = small(descriptor).fit(images)
    expected = pipeline.transform(images)
    again = small(descriptor).fit(files)
    contents = [(tmp_path / f"{number}.png").read_bytes() for number in range(6)]
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for form in (files, np.array(files), paths, contents, np.stack(images), tuple(images)):
        np.testing.assert_array_equal(pipeline.transform(form), expected)
        np.testing.assert_array_equal(again.transform(form), expected)


def test_images_may_be_a_column_of_a_table(files):
    column, _ = train_test_split(pd.Series(files, index=list("fedcba")), random_state=0)
    expected = small().fit_transform(list(column))
    np.testing.assert_array_equal(small().fit_transform(column), expected)
    numbered = column.set_axis([30, 10, 20, 0])
    np.testing.assert_array_equal(small().fit_transform(numbered), expected)


def test_images_may_have_any_size():
    images = [picture(seed, (30 + 7 * seed, 70 - 9 * seed)) for seed in range(4)]
    vectors = small().fit_transform(images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_an_image_without_descriptors_gives_zero():
    pipeline = small().fit([*pictures()[0], picture(shape=(5, 5))])
    tiny, other = pipeline.transform([picture(shape=(5, 5)), picture(9)])
    assert not tiny.any()
    assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("form", ["paths", "arrays"])
def test_a_classifier_learns_of_images(files, form):
    images, labels = pictures()
    images = files if form == "paths" else images
    described = make_pipeline(SIFT, FisherEncoder(4), LinearSVC(random_state=0))
    whole = make_pipeline(small(), LinearSVC(random_state=0))
    for pipeline in (described, whole):
        assert pipeline.fit(images, labels).score(images, labels) == 1
        again = pickle.loads(pickle.dumps(pipeline))
        np.testing.assert_array_equal(again.predict(images), labels)


@pytest.mark.parametrize(
    "grid",
    [
        {"localdescriptorpipeline__encoder__n_components": [1, 2]},
        {"localdescriptorpipeline__descriptor__step": [8, 12]},
        {"localdescriptorpipeline__descriptor": [SIFT, COLOR]},
        {"localdescriptorpipeline__encoder": [VladEncoder(2), SpatialPyramid(VladEncoder(2))]},
        {"localdescriptorpipeline__pca_dimension": [None, 3]},
    ],
)
def test_a_search_takes_images(files, grid):
    _, labels = pictures()
    pipeline = make_pipeline(small(), LinearSVC(random_state=0))
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(files, labels)
    assert len(search.cv_results_["params"]) == 2
    assert search.score(files, labels) == 1


def test_a_union_fuses_descriptors(fake_network):
    images, labels = pictures()
    union = make_union(small(SIFT), small(COLOR), CnnEmbedding())
    vectors = union.fit_transform(images)
    assert vectors.shape == (6, 2 * (2 * 2 * 8) + 3)
    assert make_pipeline(union, LinearSVC(random_state=0)).fit(images, labels)


def test_two_jobs_give_what_one_gives(files):
    one = small().fit(files)
    two = small(n_jobs=2).fit(files)
    for name, array in one.to_arrays().items():
        np.testing.assert_allclose(two.to_arrays()[name], array, atol=1e-5)
    np.testing.assert_allclose(two.transform(files), one.transform(files), atol=1e-5)


def test_a_clone_is_not_fitted_and_a_pickle_is():
    images, _ = pictures()
    fitted = small().fit(images)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    assert repr(again) == repr(fitted) == repr(clone(fitted))
    for call in (clone(fitted).transform, lambda _: clone(fitted).to_arrays()):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(images)


def test_columns_have_names(files):
    pipeline = small().set_output(transform="pandas").fit(files)
    frame = pipeline.transform(files)
    names = [f"localdescriptorpipeline{column}" for column in range(2 * 2 * 8)]
    assert list(frame.columns) == list(pipeline.get_feature_names_out()) == names
    np.testing.assert_array_equal(frame.to_numpy(), small().fit_transform(files))


@pytest.mark.parametrize(
    "encoder", [FisherEncoder(2), VladEncoder(2), SpatialPyramid(VladEncoder(2), (2,))]
)
@pytest.mark.parametrize("pca_dimension", [6, None])
def test_arrays_bring_it_back_bit_for_bit(encoder, pca_dimension):
    images, _ = pictures()
    fitted = small(encoder=encoder, pca_dimension=pca_dimension, position_weight=0.5).fit(images)
    arrays = fitted.to_arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    assert ("pca_mean" in arrays) == (pca_dimension is not None)
    again = LocalDescriptorPipeline.from_arrays(arrays, **fitted.get_params(deep=False))
    assert list(again.to_arrays()) == list(arrays)
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    assert len(again.get_feature_names_out()) == len(fitted.get_feature_names_out())


@pytest.mark.parametrize(
    "encoder",
    [
        FisherEncoder(2, square_root=False),  # the root of what nearly cancels magnifies rounding
        VladEncoder(2, square_root=False),
        SpatialPyramid(VladEncoder(2, square_root=False)),
    ],
)
@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
def test_a_large_image_in_bands_gives_the_same_vector(monkeypatch, descriptor, encoder):
    descriptor = clone(descriptor).set_params(bin_sizes=(2, 3), step=3)
    images, _ = pictures()
    pipeline = small(descriptor, encoder).fit(images)
    expected = pipeline.transform(images)
    monkeypatch.setattr(grid, "_BAND_PIXELS", 7 * SHAPE[1])
    assert len(list(descriptor.describe(images[0]))) == 6
    np.testing.assert_allclose(pipeline.transform(images), expected, atol=2e-3)
    in_bands = small(descriptor, encoder).fit(images)
    assert np.all(np.isfinite(in_bands.transform(images)))


def test_a_codebook_of_bands_is_that_of_the_whole_image(monkeypatch):
    images, _ = pictures()
    whole = small().fit(images).to_arrays()
    monkeypatch.setattr(grid, "_BAND_PIXELS", 7 * SHAPE[1])
    for name, array in small().fit(images).to_arrays().items():
        np.testing.assert_allclose(array, whole[name], atol=1e-4)


def test_a_feature_map_is_local_descriptors(fake_network):
    images, _ = pictures()
    pipeline = small(CnnEmbedding(), pca_dimension=2, position_weight=0.5)
    vectors = pipeline.fit_transform(images)
    assert vectors.shape == (6, 2 * 2 * 4)
    _, feature_map = FakeNetwork(b"").embed(images[0])
    values = feature_map.reshape(6, 3)
    values = values / np.linalg.norm(values, axis=1, keepdims=True)
    rows, columns = np.indices((2, 3)).reshape(2, -1)
    positions = np.column_stack([rows / 2 - 0.25, columns / 3 - 1 / 3]).astype(np.float32)
    points = np.hstack([pipeline.projection_.apply(values), positions / 2])
    expected = fisher_vector(points.astype(np.float32), pipeline.encoder_.mixture_)
    np.testing.assert_allclose(vectors[0], expected, atol=1e-3)


def test_a_network_is_brought_in_fitted(fake_network):
    images, _ = pictures()
    fitted = small(CnnEmbedding(), pca_dimension=2).fit(images)
    parameters = fitted.get_params(deep=False)
    with pytest.raises(NotFittedError, match="CnnEmbedding"):
        LocalDescriptorPipeline.from_arrays(fitted.to_arrays(), **parameters)
    parameters["descriptor"] = CnnEmbedding().fit(images)
    again = LocalDescriptorPipeline.from_arrays(fitted.to_arrays(), **parameters)
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))


@pytest.mark.parametrize(("sample_size", "drawn"), [(1, 1), (6, 1), (7, 2), (60, 10), (999, 20)])
def test_every_image_gives_the_same_share_of_the_sample(sample_size, drawn):
    images, _ = pictures()
    pipeline = small(COLOR, Recorder(2), sample_size=sample_size).fit(images)
    assert {len(image.values) for image in COLOR.transform(images)} == {20}
    assert len(pipeline.encoder_.points_) == 6 * drawn


def test_of_many_images_some_spread_over_all_are_looked_at(monkeypatch):
    monkeypatch.setattr(pipeline_module, "SAMPLE_IMAGES", 3)
    images = [np.full((4, 2, 3), number, dtype=np.uint8) for number in range(9)]
    Plain.asked.clear()
    pipeline = small(Plain(), Recorder(2), sample_size=9, pca_dimension=None).fit(images)
    assert Plain.asked == [0, 4, 8]
    assert pipeline.encoder_.points_.shape == (9, 6 + 2)


def test_fitting_looks_at_each_image_once_and_so_does_transforming():
    images = [np.full((4, 2, 3), number, dtype=np.uint8) for number in range(5)]
    Plain.asked.clear()
    pipeline = small(Plain(), pca_dimension=2).fit(images)
    assert Plain.asked == list(range(5))
    pipeline.transform(images)
    assert Plain.asked == list(range(5)) * 2


def test_the_random_state_decides():
    images, _ = pictures()

    def sampled(random_state):
        pipeline = small(COLOR, Recorder(2), sample_size=12, random_state=random_state)
        return pipeline.fit(images).encoder_.points_

    np.testing.assert_array_equal(sampled(5), sampled(5))
    np.testing.assert_array_equal(
        sampled(np.random.RandomState(5)), sampled(np.random.RandomState(5))
    )
    assert not np.array_equal(sampled(5), sampled(6))
    assert sampled(None).shape == (12, 8)


def test_its_descriptors_are_those_of_the_extractor():
    image = picture()
    (described,) = DenseSift(step=8, bin_sizes=(3,)).transform([image])
    expected = DenseSiftExtractor(8, (3,)).extract(image)
    np.testing.assert_array_equal(described.values, expected.values)
