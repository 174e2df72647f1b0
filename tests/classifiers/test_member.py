"""A member is one file: what it registers is in recipes, training, model files and scoring."""

import pytest

from trifuse.classifiers.member import LinearMachine, require_members
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.features.images import read_image
from trifuse.features.libraries import LibraryError
from trifuse.recipes import recipe as recipes
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import discover, members
from trifuse.training.train import TrainingOptions, run_training

NEAREST_MEAN = '''
"""Images go to the class whose mean is nearest."""

from dataclasses import dataclass

import numpy as np

from trifuse.classifiers.member import LinearMachine, Member, fit_by_folds


@dataclass(frozen=True)
class Options:
    scale: float = 1.0


def fit_means(problem, options, random_state):
    def fit(fused, labels):
        means = np.stack([fused[labels == c].mean(axis=0) for c in range(problem.n_classes)])
        weights = (2 * options.scale * means).astype(np.float32)
        return LinearMachine(weights, -options.scale * (means**2).sum(axis=1, dtype=np.float64))

    return fit_by_folds(fit, problem)


METHOD = Member("nearest_mean", Options, fit_means)
'''


def forget():
    discover.cache_clear()
    recipes.Recipe.schema.cache_clear()


@pytest.fixture
def nearest_mean(tmp_path, monkeypatch):
    """Put one more file beside the members for the time of a test."""
    from trifuse.classifiers import members

    (tmp_path / "nearest_mean.py").write_text(NEAREST_MEAN)
    monkeypatch.setattr(members, "__path__", [*members.__path__, str(tmp_path)])
    forget()
    yield
    forget()


def test_members_have_names_of_their_own():
    found = members()
    assert list(found) == ["lightgbm", "softmax", "svm"]
    assert all(name == member.name for name, member in found.items())
    assert {name for name, member in found.items() if member.machine is LinearMachine} == {
        "softmax", "svm"
    }  # fmt: skip


def test_a_new_member_is_one_file(nearest_mean, archive, recipe_file, pictures, tmp_path):
    recipe = tmp_path / "means.toml"
    text = (
        recipe_file.read_text() + '\nmembers = ["nearest_mean", "svm"]\n[nearest_mean]\nscale = 9'
    )
    recipe.write_text(text)
    assert Recipe.load(str(recipe)).members["nearest_mean"].scale == 9
    output = tmp_path / "m.trifuse"
    run_training(TrainingOptions(str(archive), str(output), str(recipe)))
    about = read_about(output)
    assert list(about["training"]["metrics"]) == ["nearest_mean", "svm", "ensemble"]
    assert about["training"]["metrics"]["nearest_mean"]["accuracy"] > 0.5
    model = load_model(output)
    assert model.ensemble.machines["nearest_mean"].weights.shape[0] == 7
    right = [model.classes[model.predict(read_image(path)).argmax()] in path for path in pictures]
    assert sum(right) > 0.8 * len(right)


def test_what_a_member_needs_is_told_early(monkeypatch):
    monkeypatch.setattr("trifuse.features.libraries.find_spec", lambda _: None)
    require_members(["svm", "softmax"])
    for names in (["svm", "lightgbm"], None):
        with pytest.raises(LibraryError, match="run pip install lightgbm"):
            require_members(names)
