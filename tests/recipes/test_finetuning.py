"""The recipe of fine-tuning: its presets, what it refuses, and its table in the docs."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from trifuse.recipes.finetuning import FinetuningRecipe, NetworkOptions
from trifuse.recipes.reading import RecipeError
from trifuse.recipes.toml import to_toml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "finetune.md"
PLAIN = FinetuningRecipe().to_dict()


def refuses(sentence):
    return pytest.raises(RecipeError, match=f"^{re.escape(sentence)}$")


def test_the_presets():
    assert FinetuningRecipe.presets() == ["default", "original"]
    default, original = map(FinetuningRecipe.load, FinetuningRecipe.presets())
    assert default == FinetuningRecipe() == FinetuningRecipe.from_dict({})
    assert default.fingerprint != original.fingerprint
    assert original.balance.class_weights == {"mel": 3.0}


@pytest.mark.parametrize("name", FinetuningRecipe.presets())
def test_toml_and_json_bring_a_recipe_back(name, tmp_path):
    recipe = FinetuningRecipe.load(name)
    (tmp_path / "mine.toml").write_text(to_toml(recipe))
    assert FinetuningRecipe.load(str(tmp_path / "mine.toml")) == recipe
    again = FinetuningRecipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint


@pytest.mark.parametrize("frozen", [0, 5, -23, 0.25, "conv_pw_11"])
def test_layers_are_frozen_by_share_count_or_name(frozen):
    recipe = FinetuningRecipe.from_dict({"network": {"frozen": frozen}})
    assert recipe.network.frozen == frozen
    assert type(recipe.network.frozen) is type(frozen)


def test_a_count_and_a_share_are_different_choices():
    one, other = (FinetuningRecipe.from_dict({"network": {"frozen": n}}) for n in (0, 0.0))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            {"optimizer": {}},
            "The recipe has no key 'optimizer'; it has random_state, network, augmentation, "
            "balance, schedule, split, export.",
        ),
        (
            {"network": {"freeze": 1}},
            "The recipe's section [network] has no key 'freeze'; it has backbone, weights, side, "
            "frozen, dropout.",
        ),
        (
            {"network": {"frozen": 1.5}},
            "The recipe has a value that does not fit: Expected `float` < 1.0 - at "
            "`$.network.frozen`.",
        ),
        (
            {"network": {"frozen": True}},
            "The recipe has a value that does not fit: Expected `int | float | str`, got `bool` - "
            "at `$.network.frozen`.",
        ),
        (
            {"augmentation": {"rotation": 200}},
            "The recipe has a value that does not fit: Expected `float` <= 180.0 - at "
            "`$.augmentation.rotation`.",
        ),
        (
            {"augmentation": {"crop": 0}},
            "The recipe has a value that does not fit: Expected `float` > 0.0 - at "
            "`$.augmentation.crop`.",
        ),
        (
            {"balance": {"class_weights": {"mel": 0}}},
            "The recipe has a value that does not fit: Expected `float` > 0.0 - at "
            "`$.balance.class_weights[...]`.",
        ),
        (
            {"schedule": {"decay": "linear"}},
            "The recipe has a value that does not fit: Invalid enum value 'linear' - at "
            "`$.schedule.decay`.",
        ),
        (
            {"schedule": {"warm_up": 1.0}},
            "The recipe has a value that does not fit: Expected `float` < 1.0 - at "
            "`$.schedule.warm_up`.",
        ),
        (
            {"split": {"folds": 2}},
            "The recipe has a value that does not fit: Expected `int` >= 3 - at `$.split.folds`.",
        ),
        (
            {"export": {"views": 3}},
            "The recipe has a value that does not fit: Invalid enum value 3 - at `$.export.views`.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(data, sentence):
    with refuses(sentence):
        FinetuningRecipe.from_dict(data)


def test_a_preset_that_is_not_there():
    with refuses("There is no recipe 'fast'; name one of default, original, or a .toml file."):
        FinetuningRecipe.load("fast")


def test_the_page_has_every_option_with_its_default():
    """A row is: | `key` | default | original, or nothing where it is the same | what it is |."""
    original = FinetuningRecipe.load("original").to_dict()
    rows, section = {}, None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if title := re.fullmatch(r"\| \*\*`\[(\w+)\]`\*\* \| \| \| .* \|", line):
            section = title[1]
        elif row := re.fullmatch(r"\| `(\w+)` \| (.+?) \| (.*?) ?\| .+ \|", line):
            rows[section, row[1]] = row[2], row[3]
    expected = {}
    for item in fields(FinetuningRecipe):
        content = PLAIN[item.name]
        if not isinstance(content, dict):
            expected[None, item.name] = shown(content), ""
            continue
        for key, value in content.items():
            changed = original[item.name][key]
            expected[item.name, key] = shown(value), "" if changed == value else shown(changed)
    assert rows == expected


def shown(value):
    return f"`{json.dumps(value).replace(':', ' =')}`"


def test_the_page_names_the_presets():
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in FinetuningRecipe.presets() if f"`{name}`" not in page] == []
    assert NetworkOptions().backbone in page
