"""The arrays and trees of a model file: those that do not fit are refused at little cost."""

import tracemalloc

import numpy as np
import pytest


def test_arrays_missing_renamed_or_extra(refused, variant, arrays):
    for name in arrays:
        fewer = {key: array for key, array in arrays.items() if key != name}
        refused(variant(arrays=fewer))
        refused(variant(arrays={**fewer, f"{name}2": arrays[name]}))
    extra = {**arrays, "extra": np.ones(1)}
    refused(variant(arrays=extra), "it must not hold the array 'extra'")
    refused(variant(arrays={}))


def test_arrays_of_other_shapes(refused, variant, arrays):
    for name, array in arrays.items():
        others = [array[..., :-1], array[None], array[..., None], array.ravel()[:1], array.T]
        others += [array.astype("<f8" if array.dtype == np.float32 else "<f4")]
        if not name.startswith("block"):  # whose number of components nothing else depends on
            others += [array[:-1], np.concatenate([array, array])]
        for other in others:
            if other.shape != array.shape or other.dtype != array.dtype:
                refused(variant(arrays={**arrays, name: np.ascontiguousarray(other)}))


def test_arrays_that_numpy_would_stretch_cost_no_memory(refused, variant, arrays):
    large = {
        "stream.sift.mixture_means": np.ones((20_000, 1), np.float32),
        "stream.sift.mixture_variances": np.ones((1, 20_000), np.float32),
    }
    path = variant(arrays={**arrays, **large})
    tracemalloc.start()
    refused(path, "does not fit the others")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_numbers_out_of_range(refused, variant, arrays):
    for name in ("prior", "stream.sift.mixture_variances", "stream.color.mixture_weights"):
        for number in (0, -1):
            changed = arrays[name].copy()
            changed.flat[0] = number
            refused(variant(arrays={**arrays, name: changed}), f"'{name}' must be positive")
    refused(variant(arrays={**arrays, "prior": arrays["prior"] * 2}), "numbers are out of range")
    huge = np.full_like(arrays["svm.intercepts"], 1e308)
    huge[0] = -1e308
    small = variant(
        {"temperatures": {"svm": 1e-3, "lightgbm": 1}}, {**arrays, "svm.intercepts": huge}
    )
    refused(small, "numbers are out of range")


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"tree", b"num_class=7\n", b"num_class=7\nsplit_feature=1e999\n"]
)
def test_trees_that_are_none(refused, variant, text):
    refused(variant(lightgbm_txt=text))


def test_trees_that_ask_for_other_features(refused, variant, parts):
    text = parts["lightgbm.txt"].replace(b"split_feature=", b"split_feature=99 ", 1)
    refused(variant(lightgbm_txt=text))
