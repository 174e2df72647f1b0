"""The examples of the docstrings run, in the modules' own names."""

import doctest
import importlib
import pkgutil

import pytest

import trifuse

MODULES = [module.name for module in pkgutil.walk_packages(trifuse.__path__, prefix="trifuse.")]


def test_modules_are_found():
    assert "trifuse.features.descriptors.sift" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
