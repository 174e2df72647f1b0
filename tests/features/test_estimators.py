"""Dense SIFT and local colour as scikit-learn's estimators: what they give, and of which images."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from trifuse.features import grid
from trifuse.features.descriptors.color import LocalColorExtractor
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.estimators import DenseSift, LocalColor
from trifuse.features.resize import shrink

SIFT = DenseSift(step=8, bin_sizes=(4, 3))
COLOR = LocalColor(step=8, bin_sizes=(4, 3))
BOTH = [SIFT, COLOR]


def test_dense_sift_gives_what_the_extractor_gives(picture, assert_same):
    images = [picture(), picture(50, 21, seed=1)]
    options = {
        "step": 5,
        "bin_sizes": [3, 2],
        "window": "gauss",
        "window_size": 1.5,
        "magnification": 3.0,
        "aligned": True,
        "bounds": (2, 3, 28, 19),
        "contrast_threshold": 0.5,
        "root": True,
    }
    assert set(options) == set(DenseSift().get_params()) - {"longest_side"}
    found = DenseSift(**options).fit_transform(images)
    assert_same(found, map(DenseSiftExtractor(**options).extract, images))
    assert_same(DenseSift().transform(images), map(DenseSiftExtractor().extract, images))


def test_local_color_gives_what_the_extractor_gives(picture, assert_same):
    images = [picture(), picture(50, 21, seed=1)]
    found = LocalColor(5, [3, 2]).fit_transform(images)
    assert_same(found, map(LocalColorExtractor(5, [3, 2]).extract, images))
    assert_same(LocalColor().transform(images), map(LocalColorExtractor().extract, images))


@pytest.mark.parametrize("estimator", BOTH)
def test_images_may_be_paths_contents_or_arrays(tmp_path, estimator, picture, content, assert_same):
    images = [picture(), picture(20, 50, seed=1)]
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(content(image))
    expected = estimator.transform(images)
    objects = np.empty(2, dtype=object)
    objects[:] = paths
    mixed = [paths[0], content(images[1])]
    forms = [paths, list(map(str, paths)), np.array(list(map(str, paths))), objects, mixed]
    for form in (*forms, tuple(images), [content(image) for image in images]):
        assert_same(estimator.transform(form), expected)
        assert_same(clone(estimator).fit_transform(form), expected)


@pytest.mark.parametrize("estimator", BOTH)
def test_images_of_one_size_may_be_one_array(estimator, picture, assert_same):
    stack = np.stack([picture(seed=seed) for seed in range(3)])
    assert_same(estimator.transform(stack), estimator.transform(list(stack)))


def test_sift_takes_grey_levels_of_any_type(picture, assert_same):
    grey = picture()[:, :, 0]
    expected = SIFT.transform([grey])[0].values
    levels = grey.astype(np.float32)
    for image in (levels, grey.astype(np.float64), levels / 255, levels * 1e20 - 7e22):
        np.testing.assert_allclose(SIFT.transform([image])[0].values, expected, atol=1e-4)
    stack = np.stack([grey, grey])
    assert_same(SIFT.transform(stack), SIFT.transform([grey, grey]))
    colored = SIFT.transform([picture().astype(np.float32)])[0].values
    np.testing.assert_allclose(colored, SIFT.transform([picture()])[0].values, atol=0.05)


@pytest.mark.parametrize("estimator", BOTH)
def test_large_images_are_shrunk_and_small_ones_are_not(estimator, picture, content, assert_same):
    images = [picture(90, 60), picture(45, 90, seed=1), picture(31, 44, seed=2)]
    shrinking = clone(estimator).set_params(longest_side=45)
    shrunk = [shrink(image, 45) for image in images]
    assert [image.shape[:2] for image in shrunk] == [(45, 30), (22, 45), (31, 44)]
    assert_same(shrinking.fit_transform(images), estimator.transform(shrunk))
    assert_same(
        shrinking.transform([content(image) for image in images]), estimator.transform(shrunk)
    )
    for image, expected in zip(images, estimator.transform(shrunk), strict=True):
        assert_same(list(shrinking.describe(image)), [expected])


@pytest.mark.parametrize("estimator", BOTH)
def test_a_large_image_is_described_in_bands(monkeypatch, estimator, picture, content, assert_same):
    image = picture(60, 40)
    (whole,) = estimator.transform([image])
    assert_same(list(estimator.describe(image)), [whole])
    monkeypatch.setattr(grid, "_BAND_PIXELS", 11 * 40)
    bands = list(estimator.describe(content(image)))
    assert len(bands) == 6
    values, positions = map(np.concatenate, zip(*bands, strict=True))
    order, expected = np.lexsort(positions.T), np.lexsort(whole.positions.T)
    np.testing.assert_array_equal(positions[order], whole.positions[expected])
    # two scales may share a position
    np.testing.assert_allclose(
        np.sort(values[order], axis=0), np.sort(whole.values[expected], axis=0), atol=1e-4
    )


@pytest.mark.parametrize("estimator", BOTH)
def test_an_image_too_small_has_no_descriptors(estimator, picture):
    (found,) = estimator.transform([picture(4, 4)])
    assert found.values.shape == (0, 128 if estimator is SIFT else 96)
    assert found.positions.shape == (0, 2)


@pytest.mark.parametrize("estimator", BOTH)
def test_nothing_is_learned(estimator, picture, assert_same):
    images = [picture()]
    fitted = clone(estimator)
    assert fitted.fit(images, [1]) is fitted
    assert vars(fitted) == vars(estimator)
    assert_same(pickle.loads(pickle.dumps(fitted)).transform(images), estimator.transform(images))


def test_parameters_are_those_of_the_constructor_unchanged():
    bin_sizes = [4, 3]
    estimator = DenseSift(bin_sizes=bin_sizes)
    assert estimator.bin_sizes is bin_sizes
    estimator.set_params(step=3, longest_side=100)
    assert (estimator.step, estimator.longest_side) == (3, 100)
    with pytest.raises(ValueError, match="Invalid parameter 'steps'"):
        estimator.set_params(steps=3)
