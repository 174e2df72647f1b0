"""scikit-learn's own checks of the estimators: tables of numbers are made into images for them."""

import numpy as np
import pytest
from estimator_checks import outcomes
from sklearn.utils.validation import validate_data

from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor

LISTS = dict.fromkeys(
    [
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_pipeline_consistency",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
    ],
    "descriptors are a list, as images have different numbers of them: the check wants an array",
)
STATELESS_LISTS = LISTS | {"check_transformers_unfitted_stateless": "the same"}


class Table:
    """scikit-learn's checks have tables of numbers: each row becomes an image of its levels."""

    def fit(self, X, y=None):
        return super().fit(self._pictures(validate_data(self, X)), y)

    def transform(self, X):
        return super().transform(self._pictures(validate_data(self, X, reset=False)))

    def _pictures(self, table):
        texture = np.random.default_rng(0).uniform(0.5, 1, size=(16, 16, 3))
        levels = 255 * np.sin(table.astype(np.float64)) ** 2
        return [(np.resize(row, (16, 16, 3)) * texture).astype(np.uint8) for row in levels]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


class Flat:
    """All images of a table have as many descriptors, so that they can be one array."""

    def transform(self, X):
        return np.stack([np.hstack(image).ravel() for image in super().transform(X)])


class TableSift(Table, DenseSift):
    pass


class TableColor(Table, LocalColor):
    pass


class TableEmbedding(Table, CnnEmbedding):
    pass


class FlatTableSift(Flat, TableSift):
    pass


class FlatTableColor(Flat, TableColor):
    pass


class FlatTableEmbedding(Flat, TableEmbedding):
    pass


@pytest.mark.parametrize("estimator", [TableSift(bin_sizes=(4,)), TableColor(bin_sizes=(4,))])
def test_scikit_learns_checks_fail_only_for_want_of_arrays(estimator):
    named = outcomes(estimator, STATELESS_LISTS)
    assert named["xfail"] == set(STATELESS_LISTS)
    assert "failed" not in named


@pytest.mark.parametrize(
    "estimator",
    [
        FlatTableSift(bin_sizes=(4,)),
        FlatTableSift(bin_sizes=(2, 4), window="gauss", root=True, longest_side=14),
        FlatTableColor(bin_sizes=(4,)),
    ],
)
def test_scikit_learns_checks_pass_where_descriptors_are_made_one_array(estimator):
    assert set(outcomes(estimator)) == {"passed"}


def test_scikit_learns_checks_of_an_embedding_pass(built):
    assert set(outcomes(TableEmbedding())) == {"passed"}
    assert set(outcomes(FlatTableEmbedding(output="feature_map"))) == {"passed"}


def test_scikit_learns_checks_of_a_feature_map_fail_only_for_want_of_arrays(built):
    named = outcomes(TableEmbedding(output="feature_map"), LISTS)
    assert named["xfail"] == set(LISTS)
    assert "failed" not in named
