"""Images to vectors: the parts put together by hand, and the forms that images come in."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.methods.vlad import vlad
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.encoders.projection import Projection
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.estimators import DenseSift, LocalColor
from trifuse.features.grid import LocalDescriptors

SIFT = DenseSift(step=8, bin_sizes=(3,))
COLOR = LocalColor(step=8, bin_sizes=(3,))


@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
@pytest.mark.parametrize("position_weight", [0, 0.7])
@pytest.mark.parametrize("pca_dimension", [6, None])
def test_equals_its_parts_put_together(small, images, descriptor, position_weight, pca_dimension):
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
    np.testing.assert_allclose(
        pipeline.encoder_.encoding_.mixture.means, encoder.encoding_.mixture.means, atol=1e-5
    )
    expected = [fisher_vector(image, encoder.encoding_.mixture) for image in points]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=2e-3)


def test_vlad_of_the_parts_is_vlad(small, images):
    pipeline = small(encoder=VladEncoder(3), position_weight=0)
    vectors = pipeline.fit_transform(images)
    for vector, image in zip(vectors, SIFT.transform(images), strict=True):
        points = pipeline.projection_.apply(image.values)
        np.testing.assert_allclose(
            vector, vlad(points, pipeline.encoder_.encoding_.centers), atol=2e-3
        )


def test_a_pyramid_encodes_the_parts_of_images(small, images):
    pipeline = small(encoder=VladEncoder(3, levels=(1, 2))).fit(images)
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


def test_no_given_step_is_changed(small, images):
    descriptor, encoder = DenseSift(step=8, bin_sizes=(3,)), FisherEncoder(2)
    pipeline = small(descriptor, encoder).fit(images)
    assert pipeline.descriptor_ is not descriptor
    assert pipeline.encoder_ is not encoder
    assert not hasattr(encoder, "encoding_")


@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
def test_images_may_be_paths_contents_or_arrays(small, images, files, tmp_path, descriptor):
    pipeline = small(descriptor).fit(images)
    expected = pipeline.transform(images)
    again = small(descriptor).fit(files)
    contents = [(tmp_path / f"{number}.png").read_bytes() for number in range(6)]
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for form in (files, np.array(files), paths, contents, np.stack(images), tuple(images)):
        np.testing.assert_array_equal(pipeline.transform(form), expected)
        np.testing.assert_array_equal(again.transform(form), expected)


def test_images_may_be_a_column_of_a_table(small, files):
    column, _ = train_test_split(pd.Series(files, index=list("fedcba")), random_state=0)
    expected = small().fit_transform(list(column))
    np.testing.assert_array_equal(small().fit_transform(column), expected)
    numbered = column.set_axis([30, 10, 20, 0])
    np.testing.assert_array_equal(small().fit_transform(numbered), expected)


def test_images_may_have_any_size(small, picture):
    images = [picture(seed, (30 + 7 * seed, 70 - 9 * seed)) for seed in range(4)]
    vectors = small().fit_transform(images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_an_image_without_descriptors_gives_zero(small, picture, images):
    pipeline = small().fit([*images, picture(shape=(5, 5))])
    tiny, other = pipeline.transform([picture(shape=(5, 5)), picture(9)])
    assert not tiny.any()
    assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)


def test_its_descriptors_are_those_of_the_extractor(picture):
    image = picture()
    (described,) = DenseSift(step=8, bin_sizes=(3,)).transform([image])
    expected = DenseSiftExtractor(8, (3,)).extract(image)
    np.testing.assert_array_equal(described.values, expected.values)
