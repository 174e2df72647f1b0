"""Images to vectors: which images and descriptors the codebook is trained on."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin

from trifuse.encoders import pipeline as pipeline_module
from trifuse.encoders.descriptor_encoders import FisherEncoder
from trifuse.features.estimators import LocalColor
from trifuse.features.grid import LocalDescriptors

COLOR = LocalColor(step=8, bin_sizes=(3,))


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


@pytest.mark.parametrize(("sample_size", "drawn"), [(1, 1), (6, 1), (7, 2), (60, 10), (999, 20)])
def test_every_image_gives_the_same_share_of_the_sample(small, images, sample_size, drawn):
    pipeline = small(COLOR, Recorder(2), sample_size=sample_size).fit(images)
    assert {len(image.values) for image in COLOR.transform(images)} == {20}
    assert len(pipeline.encoder_.points_) == 6 * drawn


def test_of_many_images_some_spread_over_all_are_looked_at(monkeypatch, small):
    monkeypatch.setattr(pipeline_module, "SAMPLE_IMAGES", 3)
    images = [np.full((4, 2, 3), number, dtype=np.uint8) for number in range(9)]
    Plain.asked.clear()
    pipeline = small(Plain(), Recorder(2), sample_size=9, pca_dimension=None).fit(images)
    assert Plain.asked == [0, 4, 8]
    assert pipeline.encoder_.points_.shape == (9, 6 + 2)


def test_fitting_looks_at_each_image_once_and_so_does_transforming(small):
    images = [np.full((4, 2, 3), number, dtype=np.uint8) for number in range(5)]
    Plain.asked.clear()
    pipeline = small(Plain(), pca_dimension=2).fit(images)
    assert Plain.asked == list(range(5))
    pipeline.transform(images)
    assert Plain.asked == list(range(5)) * 2


def test_the_random_state_decides(small, images):
    def sampled(random_state):
        pipeline = small(COLOR, Recorder(2), sample_size=12, random_state=random_state)
        return pipeline.fit(images).encoder_.points_

    np.testing.assert_array_equal(sampled(5), sampled(5))
    np.testing.assert_array_equal(
        sampled(np.random.RandomState(5)), sampled(np.random.RandomState(5))
    )
    assert not np.array_equal(sampled(5), sampled(6))
    assert sampled(None).shape == (12, 8)
