"""Bags of visual words against a plain loop in float64, and what holds of every histogram."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.descriptor_encoders import BovwEncoder
from trifuse.encoders.methods.bovw import BovwEncoding, BovwOptions

PLAIN = {"square_root": False, "normalize": False}
OPTIONS = [
    {**PLAIN, "tf_idf": tf_idf, "square_root": root, "normalize": norm}
    for tf_idf in (False, True)
    for root in (False, True)
    for norm in (False, True)
]


def scattered(n, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def bag(n_words=5, d=3, seed=1, **options):
    idf = np.random.default_rng(seed).uniform(0.5, 3, size=n_words).astype(np.float32)
    return BovwEncoding(scattered(n_words, d, seed), idf, BovwOptions(**options))


def slow_bag(descriptors, encoding):
    """Word by word and descriptor by descriptor."""
    histogram = np.zeros(len(encoding.centers))
    for descriptor in descriptors.astype(np.float64):
        distances = [((descriptor - center) ** 2).sum() for center in encoding.centers]
        histogram[int(np.argmin(distances))] += 1 / len(descriptors)
    if encoding.options.tf_idf:
        histogram *= encoding.idf.astype(np.float64)
    if encoding.options.square_root:
        histogram = np.sqrt(histogram)
    norm = np.sqrt((histogram**2).sum())
    return histogram / norm if encoding.options.normalize and norm else histogram


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("n", [0, 1, 70])
def test_equals_a_loop(options, n):
    encoding, descriptors = bag(**options), scattered(n)
    vector = encoding.encode(descriptors)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, slow_bag(descriptors, encoding), atol=1e-6)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 999),
    n=st.integers(1, 50),
    n_words=st.integers(1, 9),
    tf_idf=st.booleans(),
)
def test_norms_are_one_and_order_does_not_matter(seed, n, n_words, tf_idf):
    encoding, descriptors = bag(n_words, seed=seed, tf_idf=tf_idf), scattered(n, seed=seed)
    vector = encoding.encode(descriptors)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert vector.min() >= 0
    shuffled = np.random.default_rng(seed).permutation(descriptors)
    np.testing.assert_array_equal(encoding.encode(shuffled), vector)


@given(seed=st.integers(0, 999), times=st.integers(1, 5))
def test_without_normalisation_it_is_the_words_shares(seed, times):
    encoding, descriptors = bag(seed=seed, **PLAIN), scattered(20, seed=seed)
    vector = encoding.encode(descriptors)
    assert vector.sum() == pytest.approx(1, abs=1e-6)
    repeated = encoding.encode(np.tile(descriptors, (times, 1)))
    np.testing.assert_allclose(repeated, vector, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
def test_an_empty_set_gives_zeros(options):
    vector = bag(**options).encode(scattered(0))
    assert vector.dtype == np.float32
    assert vector.tolist() == [0] * 5


@pytest.mark.parametrize("scale", [1e-30, 1, 1e18, 3e38])
def test_no_finite_descriptor_gives_a_nan(scale):
    descriptors = np.clip(scattered(30), -1, 1) * np.float32(scale)
    vector = bag(tf_idf=True).encode(descriptors)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_more_descriptors_than_a_block_are_all_counted():
    descriptors = scattered(5_000)
    encoding = bag(**PLAIN)
    halves = [encoding.encode(part) for part in np.split(descriptors, 2)]
    np.testing.assert_allclose(encoding.encode(descriptors), np.mean(halves, axis=0), atol=1e-6)


def test_rare_words_weigh_more():
    often, seldom = np.zeros((98, 2)), np.ones((2, 2))
    points = np.concatenate([often, seldom]).astype(np.float32)
    encoding = BovwEncoding.fit(points, BovwOptions(2, tf_idf=True, **PLAIN))
    is_seldom = encoding.centers[:, 0].round() == 1
    expected = np.where(is_seldom, np.log(101 / 2), np.log(101 / 98))
    np.testing.assert_allclose(encoding.idf, expected, rtol=1e-6)
    image = np.array([[0, 0], [1, 1]], dtype=np.float32)
    np.testing.assert_allclose(encoding.encode(image), expected / 2, rtol=1e-6)


def test_one_word_alone_has_a_weight():
    encoding = BovwEncoding.fit(scattered(9), BovwOptions(1, tf_idf=True))
    np.testing.assert_allclose(encoding.encode(scattered(4)), [1], atol=1e-6)


def test_an_estimator_is_had_by_the_name():
    images = [scattered(n, seed=n) for n in (40, 0, 60)]
    vectors = BovwEncoder(n_words=4, tf_idf=True).fit_transform(images)
    assert vectors.shape == (3, 4)
    assert repr(BovwEncoder(7)) == "BovwEncoder(n_words=7)"


@pytest.mark.parametrize(
    "idf", [None, np.ones(4), np.ones((5, 1)), np.zeros(5), [1, 1, 1, 1, np.nan]]
)
def test_words_without_weights_are_told(idf):
    arrays = {"centers": scattered(5)} | ({} if idf is None else {"idf": idf})
    message = "^visual words need idf: 5 finite numbers above zero, one a word$"
    with pytest.raises(CodebookError, match=message):
        BovwEncoder.from_arrays(arrays)
