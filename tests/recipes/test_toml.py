"""A recipe written as TOML is read back equal."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.reading import TomlRecipe, to_toml
from trifuse.recipes.recipe import Recipe, member_options
from trifuse.recipes.registry import blocks

WEIGHTS = st.floats(1e-300, 1e9)
BY_TYPE = {
    bool: st.booleans(),
    int: st.integers(2, 2**31 - 1),
    float: st.floats(0, 1, exclude_min=True, exclude_max=True),
    str: st.text(),
    tuple: st.lists(st.integers(1, 2**31 - 1), min_size=2, max_size=2),
}
BY_KEY = {
    "weights": st.dictionaries(st.sampled_from(list(blocks())), WEIGHTS, min_size=1),
    "window": st.sampled_from(["flat", "gauss"]),
    "precision": st.sampled_from(["float32", "int8"]),
    "window_size": st.floats(0.1, 9),
    "magnification": st.floats(0.1, 9),
    "groups": st.lists(st.text(), max_size=3),
    "positive": st.lists(st.text(), max_size=3),
    "sensitivity": st.lists(BY_TYPE[float], min_size=1, max_size=20),
    "per_fold": st.integers(0, 10),
    "stored": st.booleans(),
    "views": st.sampled_from([1, 2, 4]),
    "members": st.lists(st.sampled_from(list(member_options())), min_size=1, unique=True),
}


def values(key, default):
    """What a choice may be, at least; the network's weights are a name."""
    if default is None:  # the bounds
        return st.none() | st.just((0, 0, 9, 9))
    if isinstance(default, dict) and key not in BY_KEY:
        return st.fixed_dictionaries({name: values(name, own) for name, own in default.items()})
    if key not in BY_KEY or (key == "weights" and isinstance(default, str)):
        return BY_TYPE[type(default)]
    return BY_KEY[key]


recipes = values("", Recipe().to_dict()).map(Recipe.from_dict)


@settings(deadline=None, max_examples=100)
@given(recipes)
def test_what_is_written_is_read_back_equal(recipe):
    text = to_toml(recipe)
    text.encode()
    again = Recipe.from_dict(tomllib.loads(text))
    assert again == recipe
    assert list(again.block_weights) == list(recipe.block_weights)
    assert to_toml(again) == text


@pytest.mark.parametrize("name", Recipe.presets())
def test_a_preset_as_a_file_of_its_own(tmp_path, name):
    path = tmp_path / "copy.toml"
    path.write_text(to_toml(Recipe.load(name)), encoding="utf-8")
    assert Recipe.load(str(path)) == Recipe.load(name)


@dataclass(frozen=True)
class Shares(TomlRecipe):
    """A recipe whose keys are anybody's."""

    shares: Mapping[str, float] = field(default_factory=dict)


@settings(deadline=None)
@given(st.dictionaries(st.text(), WEIGHTS))
def test_keys_of_any_text(shares):
    assert tomllib.loads(to_toml(Shares(shares))) == {"shares": shares}


def test_the_text_is_plain():
    text = to_toml(Shares({"nv": 0.5, "no name": 1e-12}))
    assert text == '\n[shares]\nnv = 0.5\n"no name" = 1e-12\n'
