"""The search space: it holds the recipe that it is made of, and every point is a recipe."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import descriptors
from trifuse.studies.block_choices import block_choices, with_blocks
from trifuse.studies.tuning.search_space import (
    MEMBERS,
    WEIGHT,
    Range,
    read_choices,
    search_space,
    with_choices,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tune.md"
ODD = Recipe.from_dict(
    {
        "sift": {"fisher": {"components": 5}},
        "color": {"vlad": {"centers": 7}, "pca_dimension": 9},
        "fusion": {"weights": {"color_vlad": 0.3, "sift_fisher": 1e-6, "cnn": 5}},
        "svm": {"C": 1e6},
        "lightgbm": {"trees": 1, "l2": 0, "leaves": 100, "feature_fraction": 1},
        "ensemble": {"members": ["softmax", "svm"]},
    }
)
BASES = [*map(Recipe.load, Recipe.presets()), ODD]


def points(space):
    """Choices within a space."""

    def candidates(those):
        if not isinstance(those, Range):
            return st.sampled_from(those)
        numbers = st.integers if isinstance(those.low, int) else st.floats
        return numbers(those.low, those.high)

    return st.fixed_dictionaries({name: candidates(those) for name, those in space.items()})


@pytest.mark.parametrize("base", BASES)
def test_a_recipe_is_in_its_own_space(base):
    space = search_space(base)
    own = read_choices(base, space)
    for name, candidates in space.items():
        if isinstance(candidates, Range):
            assert candidates.low <= own[name] <= candidates.high
        else:
            assert own[name] in candidates
    assert with_choices(base, own) == base
    assert list(with_choices(base, own).block_weights) == list(base.block_weights)


@settings(deadline=None)
@given(st.data())
def test_every_point_is_a_recipe_with_these_choices_and_no_others(data):
    base = data.draw(st.sampled_from(BASES))
    space = search_space(base)
    choices = data.draw(points(space))
    recipe = with_choices(base, choices)
    chosen = {name.removeprefix(WEIGHT): w for name, w in choices.items() if WEIGHT in name}
    weights = base.block_weights | chosen
    kept = {block: weight for block, weight in weights.items() if weight > 0}
    assert recipe.block_weights == (kept or dict.fromkeys(weights, 1.0))

    others = replace(recipe, fusion=base.fusion)
    rest = {name: value for name, value in choices.items() if WEIGHT not in name}
    assert read_choices(others, space) == read_choices(base, space) | rest
    assert with_choices(others, read_choices(base, space)) == base


def test_blocks_and_codebooks_that_the_recipe_does_not_use_are_not_searched():
    space = search_space(with_blocks(Recipe(), ["sift_vlad", "cnn"]))
    assert [name for name in space if not name.startswith("lightgbm.")] == [
        "fusion.weights.sift_vlad", "fusion.weights.cnn", "sift.pca_dimension",
        "sift.vlad.centers", "svm.C", "ensemble.members",
    ]  # fmt: skip
    assert not any(WEIGHT in name for name in search_space(with_blocks(Recipe(), ["sift_vlad"])))


def test_all_ensembles_are_tried():
    assert search_space(Recipe())[MEMBERS] == (
        "svm", "lightgbm", "softmax", "svm+lightgbm", "svm+softmax", "lightgbm+softmax",
        "svm+lightgbm+softmax",
    )  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_kept_codebooks_are_those_of_the_recipe(data):
    base = data.draw(st.sampled_from(BASES))
    recipe = with_choices(base, data.draw(points(search_space(base, keep_codebooks=True))))
    for block in recipe.block_weights:
        assert block_choices(recipe, block) == block_choices(base, block)


def test_the_page_tells_of_every_choice():
    page = PAGE.read_text(encoding="utf-8")
    streams, space = descriptors(), search_space(Recipe())
    general = {name.split(".")[-1] if name.split(".")[0] in streams else name for name in space}
    named = {"fusion.weights" if WEIGHT in name else name for name in general}
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []
