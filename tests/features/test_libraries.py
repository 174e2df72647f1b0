"""Versions of what is imported, and the sentence for what cannot be loaded."""

import importlib.metadata
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from trifuse.features.libraries import (
    ExtraError,
    LibraryError,
    explain_import,
    find_versions,
    require_lightgbm,
    require_modules,
)

GL = "libGL.so.1: cannot open shared object file: No such file or directory"
GOMP = "libgomp.so.1: cannot open shared object file: No such file or directory"


def test_versions_are_those_of_the_imported_modules():
    versions = find_versions(["numpy", "cv2", "trifuse"])
    assert versions == {
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "trifuse": importlib.metadata.version("trifuse"),
    }


def test_no_name_of_a_distribution_is_asked_for(monkeypatch):
    def refuse(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", refuse)
    assert find_versions()["opencv"] == cv2.__version__
    assert "trifuse" not in find_versions()


def test_what_was_not_imported_has_no_version(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    assert "tensorflow" not in find_versions()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ImportError(GL),
            ["libGL.so.1", "apt-get install libgl1", "opencv-contrib-python-headless"],
        ),
        (OSError(GOMP), ["libgomp.so.1", "apt-get install libgomp1"]),
        (ImportError("libodd.so.7: cannot open shared object file: x"), ["libodd.so.7"]),
        (
            OSError("dlopen(x): Library not loaded: @rpath/libomp.dylib\n  Referenced from: y"),
            ["libomp.dylib", "brew install libomp"],
        ),
        (ModuleNotFoundError("x", name="cv2"), ["pip install opencv-contrib-python"]),
        (ModuleNotFoundError("x", name="sklearn.svm"), ["pip install scikit-learn"]),
        (ImportError("undefined symbol: x", name="scipy.linalg"), ["scipy.linalg", "undefined"]),
    ],
)
def test_a_missing_library_is_one_sentence_with_its_remedy(error, told):
    sentence = explain_import(error)
    assert all(words in sentence for words in told)
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "error",
    [ValueError(GL), FileNotFoundError(2, "No such file"), ImportError("x"),
     ModuleNotFoundError("x", name="trifuse.odd")],
)  # fmt: skip
def test_other_errors_are_left_to_others(error):
    assert explain_import(error) is None


def test_lightgbm_is_here():
    require_lightgbm()


def test_lightgbm_that_cannot_be_loaded_is_told_without_importing_it(monkeypatch, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "lib_lightgbm.so").write_bytes(b"")

    def fail(_):
        raise OSError(GOMP)

    spec = ModuleSpec("lightgbm", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("trifuse.features.libraries.find_spec", lambda _: spec)
    monkeypatch.setattr("trifuse.features.libraries.ctypes", SimpleNamespace(CDLL=fail))
    with pytest.raises(LibraryError, match="libgomp1"):
        require_lightgbm()


def test_lightgbm_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr("trifuse.features.libraries.find_spec", lambda _: None)
    with pytest.raises(LibraryError, match="run pip install lightgbm"):
        require_lightgbm()


def test_what_is_there_is_no_matter():
    require_modules("studies", "json", "jinja2")


def test_the_first_missing_one_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(
        ExtraError, match=r'^this needs bokeh, .*; run: pip install "trifuse\[x\]"$'
    ):
        require_modules("x", "json", "bokeh", "no_such_module")
