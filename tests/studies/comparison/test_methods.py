"""Methods are recipes by name: from one recipe, or from a file of what differs from it."""

from dataclasses import replace

import pytest

from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks
from trifuse.studies.block_choices import with_blocks
from trifuse.studies.comparison.methods import (
    MethodsError,
    default_methods,
    read_methods,
    require_methods,
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "methods.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def with_members(recipe, *members):
    return replace(recipe, ensemble=replace(recipe.ensemble, members=members))


def test_default_methods():
    recipe = Recipe.load("fast")
    methods = default_methods(recipe)
    blocks = list(recipe.block_weights)
    assert list(methods) == ["fused, ensemble", "fused, svm", "fused, lightgbm", *blocks]
    assert methods["fused, ensemble"] is recipe
    assert methods["fused, lightgbm"] == with_members(recipe, "lightgbm")
    assert methods["cnn"] == with_blocks(with_members(recipe, "svm"), ["cnn"])


def test_default_methods_of_one_member_or_one_block():
    one_member = with_members(with_blocks(Recipe(), ["cnn", "sift_vlad"]), "softmax")
    assert list(default_methods(one_member)) == ["fused, ensemble", "cnn", "sift_vlad"]
    one_block = with_blocks(Recipe(), ["cnn"])
    assert list(default_methods(one_block)) == ["fused, ensemble", "fused, svm", "fused, lightgbm"]
    assert list(default_methods(with_members(one_block, "svm"))) == ["fused, ensemble"]


def test_a_file_says_what_differs(write):
    path = write("""
        ["Fisher (SIFT)"]
        fusion.weights = { sift_fisher = 1 }
        ensemble.members = ["svm"]
        [coarse]
        sift.step = 12
        random_state = 3
        ["as it is"]
    """)
    recipe = Recipe.from_dict({"svm": {"C": 5.0}})
    methods = read_methods(path, recipe)
    assert list(methods) == ["Fisher (SIFT)", "coarse", "as it is"]
    fisher, coarse, same = methods.values()
    assert fisher == with_blocks(with_members(recipe, "svm"), ["sift_fisher"])
    assert coarse == recipe.but({"sift": {"step": 12}, "random_state": 3})
    assert same == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", '{} holds no method; a method is a table with its name, such as ["SIFT alone"].'),
        ("C = 1", "{} has 'C' outside of a method; a method is a table with its name."),
        (
            "[one]\nsvm.c = 1",
            "{}, method 'one': The recipe's section [svm] has no key 'c'; it has C.",
        ),
        (
            "[one]\nfusion.weights = { sift = 1 }",
            "{}, method 'one': The recipe's section [fusion.weights] has no key 'sift'; it has "
            f"{', '.join(blocks())}.",
        ),
        (
            "[one]\nsvm = 3",
            "{}, method 'one': The recipe has a value that does not fit: "
            "Expected `object`, got `int` - at `$.svm`.",
        ),
        ('["a\\nb"]', "{} has a method with the name 'a\\nb', which is not one line of text."),
        ('[" "]', "{} has a method with the name ' ', which is not one line of text."),
        (
            "[one",
            "The methods of {} cannot be read: Expected ']' at the end of a table declaration "
            "(at end of document).",
        ),
    ],
)
def test_what_no_methods_file_may_say(write, text, message):
    path = write(text)
    with pytest.raises(MethodsError) as error:
        read_methods(path, Recipe())
    assert str(error.value) == message.replace("{}", str(path))


def test_a_methods_file_that_is_not_there(tmp_path):
    with pytest.raises(
        MethodsError, match=r"The methods of .*none\.toml cannot be read: .*No such"
    ):
        read_methods(tmp_path / "none.toml", Recipe())


def test_a_name_that_is_no_method():
    require_methods(["b", "a"], {"a": 1, "b": 2})
    with pytest.raises(MethodsError, match=r"^There is no method 'c'; there are 'a', 'b'\.$"):
        require_methods(["a", "c"], {"a": 1, "b": 2})
