"""The examples of the docstrings run, in the modules' own names."""

import doctest
import importlib
import pkgutil

import pytest

import trifuse

MODULES = [
    module.name
    for module in pkgutil.walk_packages(trifuse.__path__, prefix="trifuse.")
    if module.name.split(".")[1]
    in {"recipes", "features", "encoders", "classifiers", "datasets", "studies", "batch"}
]


def test_modules_are_found():
    assert "trifuse.features.dense_sift" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
