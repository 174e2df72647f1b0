"""Model files: what was saved scores the same, and what is no file is refused."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.card import Training
from trifuse.classifiers.model_file import HASHED, load_model, read_about, save_model
from trifuse.classifiers.output import OutputError
from trifuse.features.images import read_image
from trifuse.recipes import recipe as recipe_module
from trifuse.recipes.reading import fingerprint_of
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks, encodings, members

TRAINING = Training(
    images=3, groups=2, fingerprint="f" * 64, class_counts={"a": 1, "b": 2}, metrics={}
)


def test_a_saved_model_scores_the_same(model_file, tmp_path, pictures):
    model = load_model(model_file)
    path = tmp_path / "again.trifuse"
    save_model(path, model, TRAINING)
    again = load_model(path)
    assert (again.classes, again.recipe) == (model.classes, model.recipe)
    for picture in pictures[::8]:
        image = read_image(picture)
        np.testing.assert_array_equal(again.predict(image), model.predict(image), strict=True)


def test_the_same_model_is_the_same_bytes(model_file, tmp_path):
    model = load_model(model_file)
    for name in ("1", "2"):
        save_model(tmp_path / name, model, TRAINING)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_copy_is_a_model_too(model_file, tmp_path):
    path = tmp_path / "copy with spaces.zip"
    shutil.copy(model_file, path)
    assert load_model(path).classes == load_model(model_file).classes


def test_its_parts(parts, about, model_file):
    assert list(parts) == ["model.json", *HASHED, "CARD.md"]
    assert parts["backbone.tflite"] == b""  # this recipe has no CNN
    assert about["format"] == 7
    assert about["recipe_fingerprint"] == fingerprint_of(about["recipe"])
    assert {"numpy", "lightgbm", "trifuse"} <= set(about["versions"])
    assert "tensorflow" not in about["versions"]  # this model uses no network
    read = read_about(model_file)
    assert read.pop("card").encode() == parts["CARD.md"]
    assert read == about


def test_a_file_that_cannot_be_written(model_file, tmp_path):
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        save_model(tmp_path / "none" / "m.trifuse", load_model(model_file), TRAINING)


@pytest.mark.parametrize("load", [load_model, read_about])
def test_what_is_no_file(load, tmp_path):
    message = r"cannot be read: No such file or directory\.$"
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / "none")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        with pytest.raises(ModelFileError, match=r"cannot be read: it is no regular file\.$"):
            load(path)
    with pytest.raises(ModelFileError, match=r"cannot be read: File name too long\.$"):
        load(tmp_path / ("x" * 300))


@pytest.fixture
def later():
    """An encoding and a member that come after the models of before."""
    encodings()["later"] = type("Later", (encodings()["bovw"],), {"name": "later"})
    members()["later"] = replace(members()["softmax"], name="later")
    caches = (blocks, Recipe.schema, recipe_module._stream_sections)
    for cached in caches:
        cached.cache_clear()
    yield
    del encodings()["later"], members()["later"]
    for cached in caches:
        cached.cache_clear()


def test_methods_that_come_later_change_no_model(model_file, later, tmp_path, pictures):
    model = load_model(model_file)
    assert "later" in model.recipe.streams["sift"].encodings
    assert "later" in model.recipe.members
    save_model(tmp_path / "m", model, TRAINING)
    about = read_about(tmp_path / "m")
    assert about["recipe"] == read_about(model_file)["recipe"]
    assert "later" not in str(about["recipe"])
    assert model.predict(read_image(pictures[0])).shape == (len(model.classes),)


def test_a_method_that_is_not_here(refused, variant, about):
    recipe = {**about["recipe"], "later": {"strength": 1}}
    reason = "The recipe has no key 'later'"
    refused(variant({"recipe": recipe, "recipe_fingerprint": fingerprint_of(recipe)}), reason)
