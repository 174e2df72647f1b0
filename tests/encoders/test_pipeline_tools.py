"""Images to vectors: scikit-learn's checks and tools, and codebooks kept as arrays."""

import pickle

import cv2
import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_info, threadpool_limits

from trifuse.encoders import pipeline as module
from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor

pytestmark = pytest.mark.slow

SIFT = DenseSift(step=8, bin_sizes=(3,))
COLOR = LocalColor(step=8, bin_sizes=(3,))


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


@pytest.fixture
def labels():
    """Classes of the images."""
    return np.arange(6) % 2


@pytest.mark.parametrize(
    "estimator",
    [
        TablePipeline(SIFT, FisherEncoder(2), pca_dimension=4),
        TablePipeline(COLOR, VladEncoder(2, levels=(1, 2)), pca_dimension=None),
    ],
)
def test_scikit_learns_checks_pass_where_a_table_is_made_images(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    named = {result["check_name"]: result["status"] for result in results}
    assert named.pop("check_array_api_input") in {"passed", "skipped"}
    assert set(named.values()) == {"passed"}
    assert len(results) >= 45


@pytest.mark.parametrize("form", ["paths", "arrays"])
def test_a_classifier_learns_of_images(small, images, labels, files, form):
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
        {"localdescriptorpipeline__encoder": [VladEncoder(2), VladEncoder(2, levels=(1, 2))]},
        {"localdescriptorpipeline__pca_dimension": [None, 3]},
    ],
)
def test_a_search_takes_images(small, labels, files, grid):
    pipeline = make_pipeline(small(), LinearSVC(random_state=0))
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(files, labels)
    assert len(search.cv_results_["params"]) == 2
    assert search.score(files, labels) == 1


def test_a_union_fuses_descriptors(small, images, labels, fake_network):
    union = make_union(small(SIFT), small(COLOR), CnnEmbedding())
    vectors = union.fit_transform(images)
    assert vectors.shape == (6, 2 * (2 * 2 * 8) + 3)
    assert make_pipeline(union, LinearSVC(random_state=0)).fit(images, labels)


def test_two_jobs_give_what_one_gives(small, files):
    one = small().fit(files)
    two = small(n_jobs=2).fit(files)
    for name, array in one.to_arrays().items():
        np.testing.assert_allclose(two.to_arrays()[name], array, atol=1e-5)
    np.testing.assert_allclose(two.transform(files), one.transform(files), atol=1e-5)


@pytest.mark.parametrize(("jobs", "sizes"), [(1, [4, 2]), (2, [3, 3]), (9, [1] * 6)])
def test_the_pipeline_travels_once_a_chunk_of_images(small, images, monkeypatch, jobs, sizes):
    seen, encode = [], module._encode

    def recorded(fitted, chunk):
        seen.append(len(chunk))
        return encode(fitted, chunk)

    fitted = small().fit(images)
    expected = fitted.transform(images)
    monkeypatch.setattr(module, "_encode", recorded)
    monkeypatch.setattr(module, "CHUNK_SIZE", 4)
    monkeypatch.setattr(module, "effective_n_jobs", lambda _: jobs)
    np.testing.assert_array_equal(fitted.transform(images), expected)
    assert seen == sizes


def test_a_clone_is_not_fitted_and_a_pickle_is(small, images):
    fitted = small().fit(images)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    assert repr(again) == repr(fitted) == repr(clone(fitted))
    for call in (clone(fitted).transform, lambda _: clone(fitted).to_arrays()):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(images)


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_of_ours_take_one_thread_of_each_library(small, images, monkeypatch, jobs):
    describe, seen = DenseSift.describe, []

    def noting(self, image):
        seen.append((cv2.getNumThreads(), *(pool["num_threads"] for pool in threadpool_info())))
        return describe(self, image)

    monkeypatch.setattr(DenseSift, "describe", noting)
    with threadpool_limits(2), parallel_config("threading"):
        small(n_jobs=jobs).fit(images).transform(images)
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}  # given back
    assert len(seen) == 2 * len(images)
    assert set().union(*seen) == {1}


def test_columns_have_names(small, files):
    pipeline = small().set_output(transform="pandas").fit(files)
    frame = pipeline.transform(files)
    names = [f"localdescriptorpipeline{column}" for column in range(2 * 2 * 8)]
    assert list(frame.columns) == list(pipeline.get_feature_names_out()) == names
    np.testing.assert_array_equal(frame.to_numpy(), small().fit_transform(files))


@pytest.mark.parametrize("encoder", [FisherEncoder(2), VladEncoder(2), VladEncoder(2, levels=(2,))])
@pytest.mark.parametrize("pca_dimension", [6, None])
def test_arrays_bring_it_back_bit_for_bit(small, images, encoder, pca_dimension):
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
