"""Codebooks that come as arrays: this package's own, scikit-learn's and VLFeat's."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as SklearnMixture

from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.mixture import GaussianMixture

RAW = {"square_root": False, "normalize": False}
FISHER = {
    "means": np.array([[0, 1], [2, 3], [4, 9]]),
    "variances": np.ones((3, 2)),
    "weights": np.array([0.5, 0.25, 0.25]),
}
NUMBERS = "^variances must be positive; weights not negative, and sum to 1$"


def test_arrays_bring_it_back_bit_for_bit(sets, estimator):
    found = sets()
    fitted = clone(estimator).fit(found)
    arrays = fitted.to_arrays()
    again = type(estimator).from_arrays(arrays, **estimator.get_params(deep=False))
    assert repr(again) == repr(estimator)
    assert again.n_features_in_ == 5
    assert list(again.to_arrays()) == list(arrays)
    for name, array in again.to_arrays().items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, arrays[name])
    expected = fitted.transform(found)
    np.testing.assert_array_equal(again.transform(found), expected)
    assert len(again.get_feature_names_out()) == expected.shape[1]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).transform(found), expected)


def test_arrays_brought_in_are_copied():
    means = FISHER["means"].astype(np.float32)
    encoder = FisherEncoder.from_arrays(FISHER | {"means": means})
    means[:] = 7
    np.testing.assert_array_equal(encoder.encoding_.mixture.means, FISHER["means"])


def test_a_mixture_of_scikit_learn_gives_its_gradients(descriptors):
    values = descriptors(300).values
    mixture = SklearnMixture(3, covariance_type="diag", random_state=0).fit(
        values.astype(np.float64)
    )
    encoder = FisherEncoder.from_arrays(
        {
            "means": mixture.means_,
            "variances": mixture.covariances_,
            "weights": mixture.weights_,
        },
        **RAW,
    )
    image = descriptors(50, seed=1).values.astype(np.float64)
    posteriors = mixture.predict_proba(image)[:, :, np.newaxis]
    z = (image[:, np.newaxis] - mixture.means_) / np.sqrt(mixture.covariances_)
    roots = np.sqrt(mixture.weights_)[:, np.newaxis]
    by_mean = (posteriors * z).mean(axis=0) / roots
    by_variance = (posteriors * (z * z - 1)).mean(axis=0) / roots / np.sqrt(2)
    expected = np.concatenate([by_mean.ravel(), by_variance.ravel()])
    np.testing.assert_allclose(encoder.transform([image])[0], expected, atol=1e-5)


def test_k_means_of_scikit_learn_gives_its_residuals(descriptors):
    values = descriptors(300).values
    kmeans = KMeans(3, n_init=1, random_state=0).fit(values)
    encoder = VladEncoder.from_arrays(
        {"centers": kmeans.cluster_centers_}, by_component=False, **RAW
    )
    image = descriptors(50, seed=1).values
    nearest = kmeans.predict(image)
    residuals = image - kmeans.cluster_centers_[nearest]
    expected = [residuals[nearest == k].sum(axis=0) for k in range(3)]
    np.testing.assert_allclose(encoder.transform([image])[0], np.ravel(expected), atol=1e-4)


def test_a_mixture_of_vlfeat_gives_its_fisher_vectors(reference, fisher_mode):
    options, expected = fisher_mode
    encoder = FisherEncoder.from_arrays(
        {
            "means": reference["means"],
            "variances": reference["covariances"],
            "weights": reference["priors"],
        },
        **options,
    )
    vectors = encoder.transform([reference["descriptors"]])
    np.testing.assert_allclose(vectors[0], expected, atol=1e-4)


def test_centres_of_vlfeat_give_its_vlad(reference, vlad_mode):
    options, expected = vlad_mode
    encoder = VladEncoder.from_arrays({"centers": reference["means"]}, **options)
    vectors = encoder.transform([reference["descriptors"]])
    np.testing.assert_allclose(vectors[0], expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_the_codebook_may_have_a_component_without_descriptors():
    encoder = FisherEncoder.from_arrays(FISHER | {"weights": [0.5, 0, 0.5]}, **RAW)
    parts = encoder.transform([np.array([[2, 3], [0, 1]])]).reshape(2, 3, 2)
    assert not parts[:, 1].any()
    assert parts[:, 0].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": np.zeros(3)}, r"not \(3,\), \(3, 2\) and \(3,\)$"),
        ({"means": np.zeros((2, 2))}, r"not \(2, 2\), \(3, 2\) and \(3,\)$"),
        ({"variances": np.ones((3, 2, 2))}, "must have the shape"),  # full covariances
        ({"variances": np.ones(3)}, "must have the shape"),  # spherical ones
        ({"weights": np.ones(2) / 2}, "must have the shape"),
        ({"means": np.full((3, 2), np.nan)}, "^means, variances and weights must be finite$"),
        ({"variances": np.full((3, 2), np.inf)}, "must be finite$"),
        ({"weights": [np.nan, 0.5, 0.5]}, "must be finite$"),
        ({"variances": np.zeros((3, 2))}, NUMBERS),
        ({"variances": np.full((3, 2), 1e-60)}, NUMBERS),  # zero as a float32
        ({"variances": -np.ones((3, 2))}, NUMBERS),
        ({"weights": [-0.5, 0.75, 0.75]}, NUMBERS),
        ({"weights": [0.5, 0.5, 0.5]}, NUMBERS),
        ({"weights": [0, 0, 0]}, NUMBERS),
    ],
)
@pytest.mark.parametrize("make", [GaussianMixture.from_arrays, FisherEncoder.from_arrays])
def test_what_is_no_mixture_is_told(make, change, message):
    with pytest.raises(CodebookError, match=message):
        make(FISHER | change)


@pytest.mark.parametrize("missing", FISHER)
def test_a_missing_array_is_named(missing):
    with pytest.raises(CodebookError, match=f"'{missing}' is missing$"):
        FisherEncoder.from_arrays({name: FISHER[name] for name in FISHER if name != missing})
    with pytest.raises(CodebookError, match=r"^a codebook needs centers: they are missing$"):
        VladEncoder.from_arrays(FISHER)


@pytest.mark.parametrize(
    ("centers", "shape"),
    [
        (np.zeros(3), "3,"),
        (np.zeros((2, 3, 4)), "2, 3, 4"),
        (np.zeros((0, 3)), "0, 3"),
        (np.full((2, 3), np.nan), "2, 3"),
        (np.full((2, 3), np.inf), "2, 3"),
    ],
)
def test_what_are_no_centres_is_told(centers, shape):
    message = f"centers must be finite numbers of the shape (n_centers, d), not of ({shape})"
    with pytest.raises(CodebookError, match=f"^{re.escape(message)}$"):
        VladEncoder.from_arrays({"centers": centers})


def test_words_are_no_centres():
    with pytest.raises(ValueError, match="could not convert"):
        VladEncoder.from_arrays({"centers": [["a", "b"]]})


def test_parameters_are_checked_with_arrays_too():
    with pytest.raises(ValueError, match=r"^n_components must be a positive integer, not 0$"):
        FisherEncoder.from_arrays(FISHER, n_components=0)
    with pytest.raises(ValueError, match=r"^n_centers must be a positive integer, not 'x'$"):
        VladEncoder.from_arrays({"centers": FISHER["means"]}, n_centers="x")
    with pytest.raises(TypeError, match="colour"):
        FisherEncoder.from_arrays(FISHER, colour=1)


def test_the_size_is_that_of_the_codebook_unless_named():
    assert FisherEncoder.from_arrays(FISHER).n_components == 3
    assert VladEncoder.from_arrays({"centers": FISHER["means"]}).n_centers == 3
    assert VladEncoder.from_arrays({"centers": FISHER["means"]}, n_centers=9).n_centers == 9
