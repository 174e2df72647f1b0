"""Images to vectors: descriptors in bands of a large image, and of a CNN's feature map."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.features import grid
from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor

SIFT = DenseSift(step=8, bin_sizes=(3,))
COLOR = LocalColor(step=8, bin_sizes=(3,))


@pytest.mark.parametrize(
    "encoder",
    [
        FisherEncoder(2, square_root=False),  # the root of what nearly cancels magnifies rounding
        VladEncoder(2, square_root=False),
        VladEncoder(2, square_root=False, levels=(1, 2)),
    ],
)
@pytest.mark.parametrize("descriptor", [SIFT, COLOR])
def test_a_large_image_in_bands_gives_the_same_vector(
    monkeypatch, small, images, descriptor, encoder
):
    descriptor = clone(descriptor).set_params(bin_sizes=(2, 3), step=3)
    pipeline = small(descriptor, encoder).fit(images)
    expected = pipeline.transform(images)
    monkeypatch.setattr(grid, "_BAND_PIXELS", 7 * images[0].shape[1])
    assert len(list(descriptor.describe(images[0]))) == 6
    np.testing.assert_allclose(pipeline.transform(images), expected, atol=2e-3)
    in_bands = small(descriptor, encoder).fit(images)
    assert np.all(np.isfinite(in_bands.transform(images)))


def test_a_codebook_of_bands_is_that_of_the_whole_image(monkeypatch, small, images):
    whole = small().fit(images).to_arrays()
    monkeypatch.setattr(grid, "_BAND_PIXELS", 7 * images[0].shape[1])
    for name, array in small().fit(images).to_arrays().items():
        np.testing.assert_allclose(array, whole[name], atol=1e-4)


def test_a_feature_map_is_local_descriptors(small, images, fake_network):
    pipeline = small(CnnEmbedding(), pca_dimension=2, position_weight=0.5)
    vectors = pipeline.fit_transform(images)
    assert vectors.shape == (6, 2 * 2 * 4)
    feature_map = fake_network(b"").embed(images[0]).feature_map
    values = feature_map.reshape(6, 3)
    values = values / np.linalg.norm(values, axis=1, keepdims=True)
    rows, columns = np.indices((2, 3)).reshape(2, -1)
    positions = np.column_stack([rows / 2 - 0.25, columns / 3 - 1 / 3]).astype(np.float32)
    points = np.hstack([pipeline.projection_.apply(values), positions / 2])
    expected = fisher_vector(points.astype(np.float32), pipeline.encoder_.encoding_.mixture)
    np.testing.assert_allclose(vectors[0], expected, atol=1e-3)


def test_a_network_is_brought_in_fitted(small, images, fake_network):
    fitted = small(CnnEmbedding(), pca_dimension=2).fit(images)
    parameters = fitted.get_params(deep=False)
    with pytest.raises(NotFittedError, match="CnnEmbedding"):
        LocalDescriptorPipeline.from_arrays(fitted.to_arrays(), **parameters)
    parameters["descriptor"] = CnnEmbedding().fit(images)
    again = LocalDescriptorPipeline.from_arrays(fitted.to_arrays(), **parameters)
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
