"""Models that are found by their names: a path first, and no code of a package runs."""

import hashlib
import shutil

import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.packages import installed_models
from trifuse.classifiers.packages.installed_models import (
    InstalledModelError,
    describe_installed,
    find_installed,
    installed_names,
    resolve_model,
)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Something with a model's name; the working folder is empty."""
    path = tmp_path / "any.trifuse"
    path.write_bytes(b"a model")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return path


def test_nothing_is_installed(model):
    assert installed_names() == []
    with pytest.raises(
        InstalledModelError, match=r"^No model 'skin' is installed; `trifuse models"
    ):
        find_installed("skin")


def test_a_name_leads_to_the_file_of_the_package(announce, model):
    about = "Summary: HAM10000, all of it\nLicense-Expression: CC-BY-NC-4.0\n"
    folder = announce("skin", model, metadata=about)
    announce("other", model)
    assert installed_names() == ["other", "skin"]
    assert resolve_model("skin") == str(folder / "model.trifuse")
    assert find_installed("skin") == (
        "skin", "trifuse-skin", "1.5", "HAM10000, all of it", "CC-BY-NC-4.0",
        folder / "model.trifuse",
    )  # fmt: skip
    assert find_installed("other")[3:5] == ("", "")


def test_a_file_comes_first(announce, model):
    folder = announce("skin", model)
    shutil.copy(model, "skin")
    assert resolve_model("skin") == "skin"
    (folder / "model.trifuse").unlink()  # it is not even looked for
    assert resolve_model("skin") == "skin"


def test_a_folder_is_no_model(announce, model, tmp_path):
    (tmp_path / "work" / "skin").mkdir()
    assert resolve_model("skin") == "skin"  # whose reader says what it is
    folder = announce("skin", model)
    assert resolve_model("skin") == str(folder / "model.trifuse")


def test_a_path_costs_no_look_at_what_is_installed(model, monkeypatch):
    monkeypatch.setattr(installed_models, "installed_names", lambda: pytest.fail("it was looked"))
    assert resolve_model(str(model)) == str(model)


@pytest.mark.parametrize("given", ["none.trifuse", "a/b", "./skin", "", "\0"])
def test_a_path_that_leads_nowhere_is_left_to_its_reader(model, given):
    assert resolve_model(given) == given


@pytest.mark.parametrize("given", ["skin", "HAM10000", "my_model-2"])
def test_a_name_that_nobody_knows(announce, model, given):
    announce("other", model)
    sentence = (
        f"^There is no model '{given}': neither a file of this name, nor an installed model; "
        "`trifuse models` lists those that are installed.$"
    )
    with pytest.raises(InstalledModelError, match=sentence):
        resolve_model(given)


def test_two_distributions_of_one_name(announce, model):
    announce("skin", model)
    announce("skin", model, distribution="clinic-skin")
    sentence = (
        "^The model 'skin' is announced by clinic-skin and trifuse-skin; uninstall all but one, or "
        "give the path of its file.$"
    )
    with pytest.raises(InstalledModelError, match=sentence):
        resolve_model("skin")
    assert installed_names() == ["skin"]


@pytest.mark.parametrize("left", ["a package", "a module", "nothing", "no name"])
def test_a_distribution_that_is_not_whole(announce, model, left):
    folder = announce("skin", package="in.side" if left == "no name" else None)
    if left in {"a module", "nothing"}:
        shutil.rmtree(folder)
    if left == "a module":
        folder.with_suffix(".py").touch()
    fault = "does not hold model.trifuse" if left.startswith("a ") else "cannot be imported"
    sentence = (
        f"^The model 'skin' cannot be used: its package '{folder.name}' {fault}; install "
        "trifuse-skin anew.$"
    )
    with pytest.raises(InstalledModelError, match=sentence):
        resolve_model("skin")


def test_what_is_said_of_a_model(announce, model_file):
    folder = announce("tiny", model_file)
    about, described = read_about(model_file), describe_installed(find_installed("tiny"))
    metrics = about["training"]["metrics"]["ensemble"]
    assert described == {
        "name": "tiny", "distribution": "trifuse-tiny", "version": "1.5", "data": "",
        "license": "", "path": str(folder / "model.trifuse"), "images": 56, "groups": 35,
        "sha256": hashlib.sha256(model_file.read_bytes()).hexdigest(),
        "classes": about["classes"],
        "figures": {
            name: {"value": metrics[name], "interval": metrics["intervals"][name]}
            for name in ("bma", "accuracy", "top_3_accuracy", "macro_auc", "ece")
        },
    }  # fmt: skip


@pytest.mark.parametrize("training", [None, {}, {"metrics": {"ensemble": []}}, "x"])
def test_a_model_that_tells_nothing(announce, variant, training):
    announce("tiny", variant({"training": training}))
    with pytest.raises(InstalledModelError, match=r"^The model 'tiny' does not tell its figures; "):
        describe_installed(find_installed("tiny"))
