"""Encoders as scikit-learn's estimators: its checks, its tools, and codebooks from elsewhere."""

import pickle
import re
from inspect import signature

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from trifuse.encoders.codebook import CodebookError, GaussianMixture
from trifuse.encoders.estimators import FisherEncoder, SpatialPyramid, VladEncoder
from trifuse.encoders.fisher import fisher_vector
from trifuse.encoders.normalization import l2_normalize
from trifuse.encoders.vlad import vlad
from trifuse.features.grid import LocalDescriptors

BOTH = [FisherEncoder(4, random_state=3), VladEncoder(4, random_state=3)]
ALL = [*BOTH, SpatialPyramid(FisherEncoder(4)), SpatialPyramid(VladEncoder(4), levels=(2,))]
RAW = {"square_root": False, "normalize": False}

POSITIONS = "a table of numbers has no positions, without which no pyramid encodes"
PYRAMID_EXCEPTIONS = dict.fromkeys(
    [
        "check_dict_unchanged",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_nan_inf",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_predict1d",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
    ],
    POSITIONS,
)


class TablePyramid(SpatialPyramid):
    """Every row of a table is one descriptor in the middle of its image's second quarter."""

    def fit(self, X, y=None):
        table = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)
        return super().fit(self._placed(table), y)

    def transform(self, X):
        return super().transform(
            self._placed(validate_data(self, X, dtype=np.float32, reset=False))
        )

    def _placed(self, table):
        position = np.array([[-0.25, 0.25]], dtype=np.float32)
        return [LocalDescriptors(row[np.newaxis], position) for row in table]


def descriptors(n, d=5, seed=0):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, d)) + rng.integers(0, 3, size=(n, 1))).astype(np.float32)
    return LocalDescriptors(values, rng.uniform(-0.5, 0.5, size=(n, 2)).astype(np.float32))


def images(lengths=(40, 0, 60, 1, 30), d=5):
    return [descriptors(n, d, seed) for seed, n in enumerate(lengths)]


def labelled(n=24):
    """Images of two classes, whose descriptors lie about two different centres."""
    labels = np.arange(n) % 2
    found = [descriptors(20 + seed, seed=seed) for seed in range(n)]
    return [
        LocalDescriptors(values + np.float32(label), positions)
        for label, (values, positions) in zip(labels, found, strict=True)
    ], labels


def outcomes(estimator, expected=()):
    """Names of the checks by their status; one may have run only where its library is set up."""
    results = check_estimator(
        estimator, expected_failed_checks=dict(expected), on_fail=None, on_skip=None
    )
    named = {}
    for result in results:
        named.setdefault(result["status"], set()).add(result["check_name"])
    assert named.pop("skipped", set()) <= {"check_array_api_input"}
    assert len(results) >= 45
    return named


@pytest.mark.parametrize(
    "estimator",
    [FisherEncoder(3), VladEncoder(3), VladEncoder(2, by_residual=True, by_mass=True)],
)
def test_scikit_learns_checks_pass_without_exception(estimator):
    assert set(outcomes(estimator)) == {"passed"}


@pytest.mark.parametrize("levels", [(1,), (1, 2)])
def test_scikit_learns_checks_of_a_pyramid_pass_where_descriptors_have_positions(levels):
    assert set(outcomes(TablePyramid(FisherEncoder(3), levels=levels))) == {"passed"}


def test_scikit_learns_checks_of_a_pyramid_fail_only_for_want_of_positions():
    named = outcomes(SpatialPyramid(FisherEncoder(3)), PYRAMID_EXCEPTIONS)
    assert named["xfail"] == set(PYRAMID_EXCEPTIONS)
    assert "failed" not in named


def test_a_fisher_encoder_gives_fisher_vectors():
    found = images()
    encoder = FisherEncoder(4).fit(found)
    for options in ({}, RAW, {"square_root": False}, {"normalize": False}):
        vectors = encoder.set_params(**({"square_root": True, "normalize": True} | options))
        expected = [fisher_vector(image.values, encoder.mixture_, **options) for image in found]
        np.testing.assert_array_equal(vectors.transform(found), expected)


def test_a_vlad_encoder_gives_vlad():
    found = images()
    encoder = VladEncoder(4).fit(found)
    for name in ("by_residual", "by_mass", "square_root", "by_component", "normalize"):
        changed = clone(encoder).set_params(**{name: not getattr(encoder, name)}).fit(found)
        np.testing.assert_array_equal(changed.centers_, encoder.centers_)
        option = {name: getattr(changed, name)}
        expected = [vlad(image.values, encoder.centers_, **option) for image in found]
        np.testing.assert_array_equal(changed.transform(found), expected)


@pytest.mark.parametrize("encoder", BOTH)
@pytest.mark.parametrize("levels", [(1,), (2,), (1, 3)])
def test_a_pyramid_encodes_each_part_by_one_codebook(encoder, levels):
    found = images()
    pyramid = SpatialPyramid(encoder, levels).fit(found)
    whole = clone(encoder).fit(found)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(pyramid.to_arrays()[name], array)
    vectors = []
    for values, positions in found:
        parts = []
        for level in levels:
            row, column = np.minimum((positions + 0.5) * level, level - 1).astype(int).T
            parts += [values[row * level + column == part] for part in range(level * level)]
        vectors.append(np.concatenate(whole.transform(parts)))
    expected = l2_normalize(np.array(vectors))
    np.testing.assert_allclose(pyramid.transform(found), expected, atol=1e-6)


def test_a_pyramid_is_of_fisher_vectors_and_two_levels_by_default():
    vectors = SpatialPyramid().fit_transform(images((80, 90)))
    assert vectors.shape == (2, 5 * 2 * 64 * 5)


@pytest.mark.parametrize("estimator", ALL)
def test_vectors_are_float32_of_norm_one_or_zero(estimator):
    vectors = clone(estimator).fit_transform(images())
    assert vectors.dtype == np.float32
    expected = [1, 0, 1, 1, 1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), expected, atol=1e-5)


@pytest.mark.parametrize("encoder", BOTH)
def test_sets_may_be_arrays_lists_or_descriptors_of_any_length(encoder):
    found = images()
    expected = clone(encoder).fit_transform(found)
    forms = {
        "arrays": [values for values, _ in found],
        "a tuple": tuple(values for values, _ in found),
        "an array of objects": np.array([None] + [v for v, _ in found], dtype=object)[1:],
        "float64": [values.astype(np.float64) for values, _ in found],
    }
    for form, sets in forms.items():
        vectors = clone(encoder).fit_transform(sets)
        assert vectors.dtype == np.float32, form
        np.testing.assert_array_equal(vectors, expected, form)
    lists = [values.tolist() for values, _ in found if len(values)]  # no list has no rows of 5
    np.testing.assert_array_equal(
        clone(encoder).fit(found).transform(lists), expected[[0, 2, 3, 4]]
    )


@pytest.mark.parametrize("encoder", BOTH)
def test_an_array_of_three_axes_is_sets_of_equal_length(encoder):
    cube = descriptors(60).values.reshape(4, 15, 5)
    np.testing.assert_array_equal(
        clone(encoder).fit_transform(cube), clone(encoder).fit_transform(list(cube))
    )


@pytest.mark.parametrize("encoder", BOTH)
def test_a_table_is_sets_of_one_descriptor(encoder):
    table = descriptors(60).values
    fitted = clone(encoder).fit(table)
    np.testing.assert_array_equal(fitted.transform(table), fitted.transform(list(table)))
    whole = clone(encoder).fit([table])
    np.testing.assert_allclose(fitted.transform([table]), whole.transform([table]), atol=1e-6)


@pytest.mark.parametrize("estimator", ALL)
def test_sets_may_come_from_a_generator(estimator):
    found = images()
    fitted = clone(estimator).fit(image for image in found)
    expected = clone(estimator).fit_transform(found)
    np.testing.assert_array_equal(fitted.transform(iter(found)), expected)


@pytest.mark.parametrize("encoder", BOTH)
def test_a_codebook_is_trained_on_a_sample_of_its_size(encoder):
    found = images((200, 300))
    (codebook, *_) = clone(encoder).set_params(sample_size=3).fit(found).to_arrays().values()
    assert len(codebook) == 3  # no more than there were descriptors
    larger = clone(encoder).set_params(sample_size=500).fit(found)
    np.testing.assert_array_equal(
        larger.transform(found),
        clone(encoder).fit_transform(found),  # both saw all of them
    )


@pytest.mark.parametrize("encoder", BOTH)
def test_the_random_state_decides(encoder):
    found = images((200, 300))

    def codebook(random_state):
        fitted = clone(encoder).set_params(random_state=random_state, sample_size=40).fit(found)
        return next(iter(fitted.to_arrays().values()))

    np.testing.assert_array_equal(codebook(5), codebook(5))
    np.testing.assert_array_equal(
        codebook(np.random.RandomState(5)),
        codebook(np.random.RandomState(5)),
    )
    assert not np.array_equal(codebook(5), codebook(6))
    assert np.all(np.isfinite(codebook(None)))


@pytest.mark.parametrize("estimator", ALL)
def test_a_clone_is_not_fitted_and_a_pickle_is(estimator):
    found = images()
    fitted = clone(estimator).fit(found)
    expected = fitted.transform(found)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(found)
    again = pickle.loads(pickle.dumps(fitted))
    assert repr(again.get_params()) == repr(fitted.get_params())
    np.testing.assert_array_equal(again.transform(found), expected)


@pytest.mark.parametrize("estimator", ALL)
def test_parameters_are_got_and_set(estimator):
    changed = clone(estimator)
    for name, value in estimator.get_params().items():
        changed.set_params(**{name: value})
    assert repr(changed) == repr(estimator)
    assert set(estimator.get_params(deep=False)) == set(signature(type(estimator)).parameters)
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        changed.set_params(colour=1)


def test_a_pyramid_reaches_into_its_encoder():
    pyramid = SpatialPyramid(FisherEncoder(4)).set_params(encoder__n_components=2, levels=(1,))
    assert pyramid.fit_transform(images()).shape == (5, 2 * 2 * 5)
    assert not hasattr(pyramid.encoder, "mixture_")  # only its clone was fitted


@pytest.mark.parametrize("estimator", ALL)
def test_a_pipeline_takes_it(estimator):
    found, labels = labelled()
    pipeline = make_pipeline(clone(estimator), StandardScaler(), LinearSVC(random_state=0))
    assert pipeline.fit(found, labels).score(found, labels) > 0.9
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict(found), pipeline.predict(found))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (FisherEncoder(), {"step__n_components": [1, 3]}),
        (VladEncoder(), {"step__n_centers": [1, 3], "step__by_residual": [False, True]}),
        (SpatialPyramid(VladEncoder(2)), {"step__levels": [(1,), (1, 2)]}),
        (SpatialPyramid(), {"step__encoder": [FisherEncoder(1), VladEncoder(2)]}),
    ],
)
def test_a_search_takes_it(estimator, grid):
    found, labels = labelled()
    pipeline = make_pipeline(estimator, LinearSVC(random_state=0))
    named = {name.replace("step", pipeline.steps[0][0]): values for name, values in grid.items()}
    search = GridSearchCV(pipeline, named, cv=2).fit(found, labels)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_score_ > 0.6


@pytest.mark.parametrize("estimator", ALL)
def test_columns_have_names(estimator):
    found = images()
    fitted = clone(estimator).set_output(transform="pandas").fit(found)
    frame = fitted.transform(found)
    prefix = type(estimator).__name__.lower()
    names = [f"{prefix}{column}" for column in range(frame.shape[1])]
    assert list(frame.columns) == list(fitted.get_feature_names_out()) == names
    expected = clone(estimator).fit_transform(found)
    np.testing.assert_array_equal(frame.to_numpy(), expected)


@pytest.mark.parametrize("estimator", ALL)
def test_it_must_be_fitted_first(estimator):
    for call in (estimator.transform, lambda _: estimator.to_arrays()):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(images())


@pytest.mark.parametrize("estimator", ALL)
def test_no_sets_are_an_error(estimator):
    with pytest.raises(ValueError, match=r"^there are no sets of descriptors$"):
        clone(estimator).fit([])
    fitted = clone(estimator).fit(images())
    for nothing in ([], iter(())):
        with pytest.raises(ValueError, match=r"^there are no sets of descriptors$"):
            fitted.transform(nothing)


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize("found", [images((0, 0)), images((1,)), [descriptors(1), descriptors(1)]])
def test_no_two_different_descriptors_are_an_error(estimator, found):
    with pytest.raises(CodebookError, match=r"^There are no two different local descriptors"):
        clone(estimator).fit(found)


@pytest.mark.parametrize("estimator", ALL)
def test_descriptors_of_another_length_are_an_error(estimator):
    name = type(getattr(estimator, "encoder", estimator)).__name__
    with pytest.raises(
        ValueError,
        match=f"^set 1 has descriptors of 4 numbers, but {name} is expecting 5$",
    ):
        clone(estimator).fit([descriptors(9), descriptors(9, d=4)])
    fitted = clone(estimator).fit(images())
    with pytest.raises(ValueError, match=f"of 6 numbers, but {name} is expecting 5$"):
        fitted.transform([descriptors(9, d=6)])


@pytest.mark.parametrize("encoder", BOTH)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([np.full((3, 5), np.nan)], "NaN"),
        ([np.full((3, 5), np.inf)], "infinity"),
        ([np.zeros((2, 3, 5))], "dim 3"),
        ([np.array([["a", "b"]])], "could not convert"),
        (["abc"], "0 dimension|scalar|could not convert"),
        ("a.jpg", "0 dimension|scalar|could not convert"),
        ([[]], r"0 feature\(s\)"),
        (np.float32(3), "2D array"),
    ],
)
def test_what_is_no_set_of_descriptors_is_an_error(encoder, bad, message):
    with pytest.raises(ValueError, match=message):
        clone(encoder).fit(bad)


@pytest.mark.parametrize("encoder", BOTH)
def test_numbers_too_large_for_float32_are_an_error(encoder):
    with (
        pytest.warns(RuntimeWarning, match="overflow encountered in cast"),
        pytest.raises(ValueError, match="infinity or a value too large"),
    ):
        clone(encoder).fit([np.full((3, 5), 1e39)])


@pytest.mark.parametrize("encoder", BOTH)
@pytest.mark.parametrize("bad", [[np.full((3, 5), np.nan)], images((3,), d=4), [np.eye(2) * 1j]])
def test_what_does_not_fit_the_fitted_encoder_is_an_error(encoder, bad):
    fitted = clone(encoder).fit(images())
    with pytest.raises(ValueError, match=r"NaN|is expecting 5|Complex data"):
        fitted.transform(bad)


@pytest.mark.parametrize("bad", [[descriptors(5).values], descriptors(5).values])
def test_a_pyramid_needs_positions(bad):
    pyramid = SpatialPyramid(FisherEncoder(2)).fit(images())
    message = "^a spatial pyramid needs the positions of descriptors: give it LocalDescriptors$"
    with pytest.raises(ValueError, match=message):
        pyramid.transform(bad)


@pytest.mark.parametrize("bad", [0, -1, 2.0, "4", None, True, [4]])
@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        (FisherEncoder(), "n_components"),
        (VladEncoder(), "n_centers"),
        (FisherEncoder(), "sample_size"),
        (VladEncoder(), "sample_size"),
    ],
)
def test_a_bad_count_is_named(encoder, name, bad):
    encoder = clone(encoder).set_params(**{name: bad})
    message = f"^{name} must be a positive integer, not {re.escape(repr(bad))}$"
    with pytest.raises(ValueError, match=message):
        encoder.fit(images())
    with pytest.raises(ValueError, match=message):
        SpatialPyramid(encoder).fit(images())


@pytest.mark.parametrize("bad", [(), (0,), (1, -2), (1, 2.0), 2, None, ("1",), (True,)])
def test_bad_levels_are_named(bad):
    message = f"^levels must be a sequence of positive integers, not {re.escape(repr(bad))}$"
    with pytest.raises(ValueError, match=message):
        SpatialPyramid(FisherEncoder(2), levels=bad).fit(images())
    with pytest.raises(ValueError, match=message):
        SpatialPyramid.from_arrays(FISHER, levels=bad)


@pytest.mark.parametrize("encoder", BOTH)
@pytest.mark.parametrize("bad", [-1, "seed", 0.5])
def test_a_bad_random_state_is_told(encoder, bad):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        clone(encoder).set_params(random_state=bad).fit(images())


@pytest.mark.parametrize("bad", ["fisher", FisherEncoder, 3])
def test_what_is_no_encoder_is_told(bad):
    with pytest.raises(TypeError, match="estimator"):
        SpatialPyramid(bad).fit(images())


FISHER = {
    "means": np.array([[0, 1], [2, 3], [4, 9]]),
    "variances": np.ones((3, 2)),
    "weights": np.array([0.5, 0.25, 0.25]),
}
NUMBERS = "^variances must be positive; weights not negative, and sum to 1$"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": np.zeros(3)}, r"not \(3,\), \(3, 2\) and \(3,\)$"),
        ({"means": np.zeros((2, 2))}, r"not \(2, 2\), \(3, 2\) and \(3,\)$"),
        ({"variances": np.ones((3, 2, 2))}, "must have the shape"),  # full covariances
        ({"variances": np.ones(3)}, "must have the shape"),  # spherical ones
        ({"weights": np.ones((3, 1)) / 3}, "must have the shape"),
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
@pytest.mark.parametrize(
    "make", [GaussianMixture.from_arrays, FisherEncoder.from_arrays, SpatialPyramid.from_arrays]
)
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
    ("centers", "message"),
    [
        (np.zeros(3), "Expected 2D array"),
        (np.zeros((2, 3, 4)), "dim 3"),
        (np.zeros((0, 3)), "minimum of 1"),
        (np.full((2, 3), np.nan), "centers contains NaN"),
        (np.full((2, 3), np.inf), "centers contains infinity"),
        ([["a", "b"]], "could not convert"),
    ],
)
def test_what_are_no_centres_is_told(centers, message):
    with pytest.raises(ValueError, match=message):
        VladEncoder.from_arrays({"centers": centers})


def test_parameters_are_checked_with_arrays_too():
    with pytest.raises(ValueError, match=r"^n_components must be a positive integer, not 0$"):
        FisherEncoder.from_arrays(FISHER, n_components=0)
    with pytest.raises(ValueError, match=r"^n_centers must be a positive integer, not 'x'$"):
        VladEncoder.from_arrays({"centers": FISHER["means"]}, n_centers="x")
    with pytest.raises(TypeError, match="colour"):
        FisherEncoder.from_arrays(FISHER, colour=1)


@pytest.mark.parametrize("estimator", ALL)
def test_arrays_bring_it_back_bit_for_bit(estimator):
    found = images()
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
    np.testing.assert_array_equal(encoder.mixture_.means, FISHER["means"])


def test_a_mixture_of_scikit_learn_gives_its_gradients():
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


def test_k_means_of_scikit_learn_gives_its_residuals():
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


@pytest.mark.parametrize(
    ("key", "square_root", "normalize"),
    [
        ("raw", False, False),
        ("square_root", True, False),
        ("normalized", False, True),
        ("improved", True, True),
    ],
)
def test_a_mixture_of_vlfeat_gives_its_fisher_vectors(vlfeat, key, square_root, normalize):
    reference = vlfeat("encoders.npz")
    encoder = FisherEncoder.from_arrays(
        {
            "means": reference["means"],
            "variances": reference["covariances"],
            "weights": reference["priors"],
        },
        square_root=square_root,
        normalize=normalize,
    )
    vectors = encoder.transform([reference["descriptors"]])
    np.testing.assert_allclose(vectors[0], reference[f"fisher_{key}"], atol=1e-4)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("unnormalized", {}),
        ("l2", {"normalize": True}),
        ("square_root", {"square_root": True}),
        ("norm_components", {"by_component": True}),
        ("norm_mass", {"by_mass": True}),
        ("sqrt_components_l2", {"square_root": True, "by_component": True, "normalize": True}),
    ],
)
def test_centres_of_vlfeat_give_its_vlad(vlfeat, key, options):
    reference = vlfeat("encoders.npz")
    none = {"square_root": False, "by_component": False, "normalize": False}
    encoder = VladEncoder.from_arrays({"centers": reference["means"]}, **(none | options))
    vectors = encoder.transform([reference["descriptors"]])
    expected = reference[f"vlad_{key}"]
    np.testing.assert_allclose(vectors[0], expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_the_codebook_may_have_a_component_without_descriptors():
    encoder = FisherEncoder.from_arrays(FISHER | {"weights": [0.5, 0, 0.5]}, **RAW)
    parts = encoder.transform([np.array([[2, 3], [0, 1]])]).reshape(2, 3, 2)
    assert not parts[:, 1].any()
    assert parts[:, 0].any()
