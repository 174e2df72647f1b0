"""What encoders cannot take: sets, parameters and calls, each told by its name."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.features.grid import LocalDescriptors

SHORTER = LocalDescriptors(np.eye(3, 4, dtype=np.float32), np.zeros((3, 2), dtype=np.float32))


def test_it_must_be_fitted_first(sets, estimator):
    for call in (estimator.transform, lambda _: estimator.to_arrays()):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(sets())


def test_no_sets_are_an_error(sets, estimator):
    with pytest.raises(ValueError, match=r"^there are no sets of descriptors$"):
        clone(estimator).fit([])
    fitted = clone(estimator).fit(sets())
    for nothing in ([], iter(())):
        with pytest.raises(ValueError, match=r"^there are no sets of descriptors$"):
            fitted.transform(nothing)


@pytest.mark.parametrize(("n", "times"), [(0, 2), (1, 1), (1, 2)])
def test_no_two_different_descriptors_are_an_error(descriptors, estimator, n, times):
    found = [descriptors(n) for _ in range(times)]
    with pytest.raises(CodebookError, match=r"^There are no two different local descriptors"):
        clone(estimator).fit(found)


def test_descriptors_of_another_length_are_an_error(descriptors, sets, estimator):
    name = type(getattr(estimator, "encoder", estimator)).__name__
    with pytest.raises(
        ValueError,
        match=f"^set 1 has descriptors of 4 numbers, but {name} is expecting 5$",
    ):
        clone(estimator).fit([descriptors(9), descriptors(9, d=4)])
    fitted = clone(estimator).fit(sets())
    with pytest.raises(ValueError, match=f"of 6 numbers, but {name} is expecting 5$"):
        fitted.transform([descriptors(9, d=6)])


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


def test_numbers_too_large_for_float32_are_an_error(encoder):
    with (
        pytest.warns(RuntimeWarning, match="overflow encountered in cast"),
        pytest.raises(ValueError, match="infinity or a value too large"),
    ):
        clone(encoder).fit([np.full((3, 5), 1e39)])


@pytest.mark.parametrize("bad", [[np.full((3, 5), np.nan)], [SHORTER], [np.eye(2) * 1j]])
def test_what_does_not_fit_the_fitted_encoder_is_an_error(sets, encoder, bad):
    fitted = clone(encoder).fit(sets())
    with pytest.raises(ValueError, match=r"NaN|is expecting 5|Complex data"):
        fitted.transform(bad)


@pytest.mark.parametrize("bad", [[np.eye(5, dtype=np.float32)], np.eye(5, dtype=np.float32)])
def test_a_pyramid_needs_positions(sets, bad):
    pyramid = FisherEncoder(2, levels=(1, 2)).fit(sets())
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
def test_a_bad_count_is_named(sets, encoder, name, bad):
    encoder = clone(encoder).set_params(**{name: bad})
    message = f"^{name} must be a positive integer, not {re.escape(repr(bad))}$"
    with pytest.raises(ValueError, match=message):
        encoder.fit(sets())


@pytest.mark.parametrize("bad", [1, 0, "no", None])
@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        *((FisherEncoder(), name) for name in ("square_root", "normalize")),
        *(
            (VladEncoder(), name)
            for name in ("by_residual", "by_mass", "square_root", "by_component", "normalize")
        ),
    ],
)
def test_a_bad_flag_is_named(sets, encoder, name, bad):
    encoder = clone(encoder).set_params(**{name: bad})
    with pytest.raises(ValueError, match=f"^{name} must be True or False, not {bad!r}$"):
        encoder.fit(sets())


@pytest.mark.parametrize("bad", [(), (0,), (1, -2), (1, 2.0), 2, None, ("1",), (True,)])
def test_bad_levels_are_named(sets, bad):
    message = f"^levels must be a sequence of positive integers, not {re.escape(repr(bad))}$"
    with pytest.raises(ValueError, match=message):
        FisherEncoder(2, levels=bad).fit(sets())
    with pytest.raises(ValueError, match=message):
        VladEncoder.from_arrays({"centers": np.eye(2)}, levels=bad)


@pytest.mark.parametrize("bad", [-1, "seed", 0.5])
def test_a_bad_random_state_is_told(sets, encoder, bad):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        clone(encoder).set_params(random_state=bad).fit(sets())
