"""Threads of libraries: held to one while somebody is inside, and given back after the last."""

import os
import subprocess
import sys
from threading import Barrier, Thread

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from trifuse.features.processes import limited_threads


@pytest.fixture
def two_threads():
    """Let libraries take two threads unless they are limited."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(2):
        yield
    cv2.setNumThreads(before)


def limits():
    """What OpenCV, and every BLAS and OpenMP as seen from this thread, may take."""
    return [cv2.getNumThreads(), *(pool["num_threads"] for pool in threadpool_info())]


def test_threads_are_given_back(two_threads):
    before = limits()
    with limited_threads():
        assert set(limits()) == {1}
        with limited_threads():
            assert set(limits()) == {1}
        assert set(limits()) == {1}
    assert limits() == before


def test_an_error_gives_them_back_too(two_threads):
    before = limits()
    with pytest.raises(KeyError), limited_threads():
        raise KeyError
    assert limits() == before


def test_two_threads_may_enter_and_leave_crosswise(two_threads):
    before, seen = limits(), {}
    steps = [Barrier(2, timeout=10) for _ in range(4)]

    def first():
        with limited_threads():
            steps[0].wait()  # the first is inside
            steps[1].wait()  # both are
        steps[2].wait()  # the first has left
        steps[3].wait()

    thread = Thread(target=first)
    thread.start()
    steps[0].wait()
    with limited_threads():
        steps[1].wait()
        steps[2].wait()
        seen["second"] = limits()
    seen["none"] = limits()
    steps[3].wait()
    thread.join()
    assert set(seen["second"]) == {1}
    assert seen["none"] == before == limits()


WATCHED = """
import sys
import numpy as np
from threadpoolctl import threadpool_info
from trifuse.classifiers import components
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream_encoder import StreamEncoder
from trifuse.features.grid import LocalDescriptors
from trifuse.recipes.recipe import Recipe

def watch(own):
    def fit(*arguments):
        found = own(*arguments)
        print({pool["num_threads"] for pool in threadpool_info()})
        return found
    return fit

assert "sklearn" not in sys.modules and "scipy" not in sys.modules
values = np.random.default_rng(0).normal(size=(30, 128)).astype(np.float32)
"""
CODEBOOKS = """
Projection.fit = watch(Projection.fit)
sample = LocalDescriptors(values, values[:, :2])
StreamEncoder.fit(sample, Recipe.load("fast").streams["sift"], ())
"""
ENSEMBLE = """
components.fit_projection = watch(components.fit_projection)
choices = {"ensemble": {"members": ["svm"]}, "fusion": {"weights": {"cnn": 1.0}}}
rows, labels = np.arange(30), np.arange(30) % 2
folds = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in range(3)]
fit_ensemble({"cnn": values}, labels, folds, 2, Recipe.from_dict(choices))
"""


@pytest.mark.parametrize("fit", [CODEBOOKS, ENSEMBLE])
def test_libraries_that_a_fit_is_the_first_to_import_are_held_too(fit):
    two = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    command = [sys.executable, "-c", WATCHED + fit]
    ran = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **two}
    )
    assert ran.stdout == "{1}\n"
