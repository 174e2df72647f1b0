"""The model that comes with the project: whole, of the present format, and what its page says."""

import tomllib
from pathlib import Path

import numpy as np

from trifuse.classifiers.model_file import load_model, read_about
from trifuse.features.files import file_sha256
from trifuse.recipes.reading import fingerprint_of
from trifuse.recipes.recipe import Recipe

MODELS = Path(__file__).parents[1] / "models"
FOLDER = MODELS / "ham10000"
FILE = FOLDER / "trifuse_ham10000" / "model.trifuse"


def test_its_page_tells_its_file():
    assert f"`{file_sha256(FILE)}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert FILE.stat().st_size <= 40e6
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["license"]) == ("trifuse-ham10000", "CC-BY-NC-4.0")


def test_it_is_of_its_recipe():
    about = read_about(FILE)
    choices = Recipe.load(str(MODELS / "ham10000.toml")).used()
    assert about["recipe_fingerprint"] == fingerprint_of(choices)
    assert about["training"]["images"] == 10_015


def test_it_judges_a_picture():
    model = load_model(FILE)
    assert model.classes == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    picture = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    verdict = model.judge(picture)
    np.testing.assert_allclose(verdict.probabilities.sum(), 1)
    assert verdict.unfamiliar
