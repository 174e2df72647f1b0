"""Encoders as scikit-learn's estimators: its checks, its tools, and codebooks from elsewhere."""

import pickle
from inspect import signature

import numpy as np
import pytest
from estimator_checks import outcomes
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.validation import validate_data

from trifuse.encoders import descriptor_encoders as module
from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.methods.vlad import vlad
from trifuse.encoders.normalization import l2_normalize
from trifuse.encoders.sampling import Reservoir
from trifuse.features.grid import LocalDescriptors

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


class TablePyramid(FisherEncoder):
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


@pytest.fixture
def labelled(descriptors):
    """Images of two classes, whose descriptors lie about two different centres."""
    labels = np.arange(24) % 2
    found = [descriptors(20 + seed, seed=seed) for seed in range(24)]
    return [
        LocalDescriptors(values + np.float32(label), positions)
        for label, (values, positions) in zip(labels, found, strict=True)
    ], labels


@pytest.mark.parametrize(
    "estimator",
    [FisherEncoder(3), VladEncoder(3), VladEncoder(2, by_residual=True, by_mass=True)],
)
def test_scikit_learns_checks_pass_without_exception(estimator):
    assert set(outcomes(estimator)) == {"passed"}


@pytest.mark.parametrize("levels", [(1,), (1, 2)])
def test_scikit_learns_checks_of_a_pyramid_pass_where_descriptors_have_positions(levels):
    assert set(outcomes(TablePyramid(3, levels=levels))) == {"passed"}


def test_scikit_learns_checks_of_a_pyramid_fail_only_for_want_of_positions():
    named = outcomes(FisherEncoder(3, levels=(1, 2)), PYRAMID_EXCEPTIONS)
    assert named["xfail"] == set(PYRAMID_EXCEPTIONS)
    assert "failed" not in named


def test_a_fisher_encoder_gives_fisher_vectors(sets):
    found = sets()
    encoder = FisherEncoder(4).fit(found)
    for options in ({}, RAW, {"square_root": False}, {"normalize": False}):
        vectors = encoder.set_params(**({"square_root": True, "normalize": True} | options))
        expected = [
            fisher_vector(image.values, encoder.encoding_.mixture, **options) for image in found
        ]
        np.testing.assert_array_equal(vectors.transform(found), expected)


def test_a_vlad_encoder_gives_vlad(sets):
    found = sets()
    encoder = VladEncoder(4).fit(found)
    for name in ("by_residual", "by_mass", "square_root", "by_component", "normalize"):
        changed = clone(encoder).set_params(**{name: not getattr(encoder, name)}).fit(found)
        np.testing.assert_array_equal(changed.encoding_.centers, encoder.encoding_.centers)
        option = {name: getattr(changed, name)}
        expected = [vlad(image.values, encoder.encoding_.centers, **option) for image in found]
        np.testing.assert_array_equal(changed.transform(found), expected)


@pytest.mark.parametrize("levels", [(1,), (2,), (1, 3)])
def test_a_pyramid_encodes_each_part_by_one_codebook(sets, encoder, levels):
    found = sets()
    pyramid = clone(encoder).set_params(levels=levels).fit(found)
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


def test_vectors_are_float32_of_norm_one_or_zero(sets, estimator):
    vectors = clone(estimator).fit_transform(sets())
    assert vectors.dtype == np.float32
    expected = [1, 0, 1, 1, 1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), expected, atol=1e-5)


def test_sets_may_be_arrays_lists_or_descriptors_of_any_length(sets, encoder):
    found = sets()
    expected = clone(encoder).fit_transform(found)
    forms = {
        "arrays": [values for values, _ in found],
        "a tuple": tuple(values for values, _ in found),
        "an array of objects": np.array([None] + [v for v, _ in found], dtype=object)[1:],
        "float64": [values.astype(np.float64) for values, _ in found],
    }
    for form, given in forms.items():
        vectors = clone(encoder).fit_transform(given)
        assert vectors.dtype == np.float32, form
        np.testing.assert_array_equal(vectors, expected, form)
    lists = [values.tolist() for values, _ in found if len(values)]  # no list has no rows of 5
    np.testing.assert_array_equal(
        clone(encoder).fit(found).transform(lists), expected[[0, 2, 3, 4]]
    )


def test_an_array_of_three_axes_is_sets_of_equal_length(descriptors, encoder):
    cube = descriptors(60).values.reshape(4, 15, 5)
    np.testing.assert_array_equal(
        clone(encoder).fit_transform(cube), clone(encoder).fit_transform(list(cube))
    )


def test_a_table_is_sets_of_one_descriptor(descriptors, encoder):
    table = descriptors(60).values
    fitted = clone(encoder).fit(table)
    np.testing.assert_array_equal(fitted.transform(table), fitted.transform(list(table)))
    whole = clone(encoder).fit([table])
    np.testing.assert_allclose(fitted.transform([table]), whole.transform([table]), atol=1e-6)


def test_a_table_is_added_to_the_sample_at_once(monkeypatch, descriptors, encoder):
    added = []

    class Counted(Reservoir):
        def add(self, *columns):
            added.append(len(columns[0]))
            super().add(*columns)

    monkeypatch.setattr(module, "Reservoir", Counted)
    clone(encoder).fit(descriptors(300).values)
    assert added == [300]


def test_sets_may_come_from_a_generator(sets, estimator):
    found = sets()
    fitted = clone(estimator).fit(image for image in found)
    expected = clone(estimator).fit_transform(found)
    np.testing.assert_array_equal(fitted.transform(iter(found)), expected)


def test_a_codebook_is_trained_on_a_sample_of_its_size(sets, encoder):
    found = sets((200, 300))
    (codebook, *_) = clone(encoder).set_params(sample_size=3).fit(found).to_arrays().values()
    assert len(codebook) == 3  # no more than there were descriptors
    larger = clone(encoder).set_params(sample_size=500).fit(found)
    np.testing.assert_array_equal(
        larger.transform(found),
        clone(encoder).fit_transform(found),  # both saw all of them
    )


def test_the_random_state_decides(sets, encoder):
    found = sets((200, 300))

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


def test_a_clone_is_not_fitted_and_a_pickle_is(sets, estimator):
    found = sets()
    fitted = clone(estimator).fit(found)
    expected = fitted.transform(found)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(found)
    again = pickle.loads(pickle.dumps(fitted))
    assert repr(again.get_params()) == repr(fitted.get_params())
    np.testing.assert_array_equal(again.transform(found), expected)


def test_parameters_are_got_and_set(estimator):
    changed = clone(estimator)
    for name, value in estimator.get_params().items():
        changed.set_params(**{name: value})
    assert repr(changed) == repr(estimator)
    assert set(estimator.get_params(deep=False)) == set(signature(type(estimator)).parameters)
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        changed.set_params(colour=1)


def test_a_pipeline_takes_it(labelled, estimator):
    found, labels = labelled
    pipeline = make_pipeline(clone(estimator), StandardScaler(), LinearSVC(random_state=0))
    assert pipeline.fit(found, labels).score(found, labels) > 0.9
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict(found), pipeline.predict(found))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (FisherEncoder(), {"step__n_components": [1, 3]}),
        (VladEncoder(), {"step__n_centers": [1, 3], "step__by_residual": [False, True]}),
        (VladEncoder(2), {"step__levels": [(1,), (1, 2)]}),
    ],
)
def test_a_search_takes_it(labelled, estimator, grid):
    found, labels = labelled
    pipeline = make_pipeline(estimator, LinearSVC(random_state=0))
    named = {name.replace("step", pipeline.steps[0][0]): values for name, values in grid.items()}
    search = GridSearchCV(pipeline, named, cv=2).fit(found, labels)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_score_ > 0.6


def test_columns_have_names(sets, estimator):
    found = sets()
    fitted = clone(estimator).set_output(transform="pandas").fit(found)
    frame = fitted.transform(found)
    prefix = type(estimator).__name__.lower()
    names = [f"{prefix}{column}" for column in range(frame.shape[1])]
    assert list(frame.columns) == list(fitted.get_feature_names_out()) == names
    expected = clone(estimator).fit_transform(found)
    np.testing.assert_array_equal(frame.to_numpy(), expected)
