"""An image in which nothing can be described is a row that says so, and ends a training by name."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def thin(tmp_path):
    path = tmp_path / "thin.png"
    noise = np.random.default_rng(0).integers(0, 256, (3, 5000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def test_it_is_a_row_with_an_error(trifuse, model_file, pictures, thin, tmp_path):
    output = tmp_path / "rows.csv"
    ran = trifuse("predict", thin, pictures[0], "-m", model_file, "-o", output, "-q")
    assert ran.code == 3
    with output.open(newline="") as file:
        small, sound = csv.DictReader(file)
    assert (small["status"], small["label_1"]) == ("error", "")
    assert small["message"] == (
        "cannot score the image: it is too small to describe (3 rows x 5,000 columns)"
    )
    assert sound["status"] == "ok"


def test_training_names_it(trifuse, archive, recipe_file, thin, tmp_path):
    shutil.copytree(archive, tmp_path / "archive")
    path = sorted((tmp_path / "archive" / "images").iterdir())[3]
    Image.open(thin).save(path)
    output = tmp_path / "m.trifuse"
    ran = trifuse("train", tmp_path / "archive", "-o", output, "--recipe", recipe_file)
    assert ran.code == 1
    assert f"'{path}': cannot score the image: it is too small to describe" in ran.err
    assert not output.exists()
