"""Model files: what was saved scores the same, and what is no file is refused."""

import os
import shutil

import numpy as np
import pytest

from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import HASHED, Training, load_model, read_about, save_model
from trifuse.classifiers.output import OutputError
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe

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
    assert about["format"] == 3
    assert about["recipe_fingerprint"] == Recipe.from_dict(about["recipe"]).fingerprint
    assert {"numpy", "lightgbm", "trifuse"} <= set(about["versions"])
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
