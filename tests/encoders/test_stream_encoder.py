"""A stream against its parts put together by hand."""

import numpy as np
import pytest

from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.methods.fisher import FisherOptions, fisher_vector
from trifuse.encoders.methods.vlad import VladEncoding, VladOptions, vlad
from trifuse.encoders.normalization import l2_normalize
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream_encoder import StreamEncoder, project
from trifuse.features.grid import LocalDescriptors
from trifuse.recipes.options import StreamOptions

BOTH = ("fisher", "vlad")


def options(**changes):
    encodings = {"fisher": FisherOptions(4), "vlad": VladOptions(5)}
    own = {"pca_dimension": 3, "position_weight": 0.7}
    return StreamOptions(None, encodings, **(own | changes))


def descriptors(n=200, d=6, seed=0):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, d)) * np.arange(1, d + 1)).astype(np.float32)
    return LocalDescriptors(values, rng.uniform(-0.5, 0.5, size=(n, 2)).astype(np.float32))


def encoder(encodings=BOTH, **changes):
    return StreamEncoder.fit(descriptors(), options(**changes), encodings, random_state=0)


@pytest.mark.parametrize(("position_weight", "dimension"), [(0.7, 5), (0.0, 3)])
def test_projects_appends_positions_and_encodes(position_weight, dimension):
    fitted = encoder(position_weight=position_weight)
    image = descriptors(50, seed=1)
    points = (image.values - fitted.projection.mean) @ fitted.projection.components.T
    if position_weight:
        points = np.hstack([points, image.positions * np.float32(position_weight)])
    vectors = fitted.encode([image])
    assert list(vectors) == ["fisher", "vlad"]
    assert vectors["fisher"].shape == (2 * 4 * dimension,)
    assert vectors["vlad"].shape == (5 * dimension,)
    mixture, centers = fitted.encodings["fisher"].mixture, fitted.encodings["vlad"].centers
    np.testing.assert_allclose(vectors["fisher"], fisher_vector(points, mixture), atol=2e-3)
    np.testing.assert_allclose(vectors["vlad"], vlad(points, centers), atol=2e-3)


@pytest.mark.parametrize("encoding", BOTH)
def test_fits_only_what_is_wanted(encoding):
    fitted = encoder([encoding])
    assert list(fitted.encode([descriptors()])) == [encoding]
    assert list(fitted.encodings) == [encoding]


def test_a_pyramid_encodes_each_part():
    fitted = encoder(pyramid=(1, 2))
    image = descriptors(80, seed=1)
    whole = StreamEncoder(options(), fitted.projection, fitted.encodings)
    parts = [image]
    for row in (False, True):
        for column in (False, True):
            inside = np.all((image.positions >= 0) == [row, column], axis=1)
            parts.append(LocalDescriptors(image.values[inside], image.positions[inside]))
    for name, vector in fitted.encode([image]).items():
        expected = l2_normalize(np.concatenate([whole.encode([part])[name] for part in parts]))
        np.testing.assert_allclose(vector, expected, atol=2e-3)


@pytest.mark.parametrize("pyramid", [(1,), (1, 2)])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_norms_are_one_or_zero(pyramid, n):
    for vector in encoder(pyramid=pyramid).encode([descriptors(n, seed=1)]).values():
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1 if n else 0, abs=1e-5)


@pytest.mark.parametrize("encodings", [["fisher"], ["vlad"], BOTH])
def test_arrays_bring_it_back(encodings):
    fitted = encoder(encodings)
    again = StreamEncoder.from_arrays(fitted.to_arrays(), fitted.options, encodings)
    image = descriptors(30, seed=1)
    expected = fitted.encode([image])
    assert list(again.encode([image])) == list(expected)
    for name, vector in again.encode([image]).items():
        np.testing.assert_array_equal(vector, expected[name])


def test_fits_are_repeatable():
    first, second = encoder().to_arrays(), encoder().to_arrays()
    assert list(first) == list(second)
    for name, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, second[name])


def test_a_small_sample_gives_a_small_codebook():
    fitted = StreamEncoder.fit(descriptors(3), options(), BOTH)
    sizes = {name: one.codebook_shape[0] for name, one in fitted.encodings.items()}
    assert sizes == {"fisher": 3, "vlad": 3}


@pytest.mark.parametrize(
    "sample",
    [
        descriptors(0),
        descriptors(1),
        LocalDescriptors(np.full((9, 6), 0.3, dtype=np.float32), descriptors(9).positions),
    ],
)
def test_a_sample_of_one_descriptor_is_an_error(sample):
    sentence = (
        "There are no two different local descriptors to train a codebook on; "
        "the images are too small or too plain."
    )
    with pytest.raises(CodebookError, match="^" + sentence.replace(".", r"\.") + "$"):
        StreamEncoder.fit(sample, options(), BOTH)


@pytest.mark.parametrize("n_components", [None, 3])
@pytest.mark.parametrize("position_weight", [0.0, 2.5])
def test_points_are_projected_and_positions_weighed(n_components, position_weight):
    image = descriptors(20)
    projection = None if n_components is None else Projection.fit(image.values, n_components)
    columns = [image.values if projection is None else projection.apply(image.values)]
    if position_weight:
        columns.append(image.positions * position_weight)
    points = project(image, projection, position_weight)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, np.hstack(columns), atol=1e-5)


def test_the_options_are_the_encodings():
    raw = options()
    raw.encodings["vlad"] = VladOptions(5, by_mass=True, normalize=False)
    fitted = StreamEncoder.fit(descriptors(), raw, BOTH)
    image = descriptors(50, seed=1)
    points = project(image, fitted.projection, raw.position_weight)
    centers = fitted.encodings["vlad"].centers
    expected = vlad(points, centers, by_mass=True, normalize=False)
    np.testing.assert_allclose(fitted.encode([image])["vlad"], expected, atol=1e-5)


def test_without_pca_descriptors_are_as_they_are():
    fitted = encoder(["vlad"], pca_dimension=None)
    image = descriptors(50, seed=1)
    points = np.hstack([image.values, image.positions * np.float32(0.7)])
    expected = vlad(points, fitted.encodings["vlad"].centers)
    assert fitted.projection is None
    np.testing.assert_allclose(fitted.encode([image])["vlad"], expected, atol=1e-5)


def test_an_encoding_may_be_fitted_by_others():
    seen = []

    def fit(points):
        seen.append(points)
        return VladEncoding(points[:2])

    fitted = StreamEncoder.fit(descriptors(), options(), {"own": fit})
    assert [points.shape for points in seen] == [(200, 5)]
    assert fitted.encode([descriptors(9)])["own"].shape == (2 * 5,)


@pytest.mark.parametrize("n", [0, 1, 1024, 2500])
@pytest.mark.parametrize("pyramid", [(1,), (1, 2)])
def test_descriptors_may_come_in_bands(n, pyramid):
    fitted, image = encoder(pyramid=pyramid), descriptors(n)
    parts = (slice(n // 3), slice(n // 3, None))
    bands = [LocalDescriptors(*(array[part] for array in image)) for part in parts]
    whole = fitted.encode([image])
    for name, vector in fitted.encode(iter(bands)).items():
        np.testing.assert_allclose(vector, whole[name], atol=2e-3)
