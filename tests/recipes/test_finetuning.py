"""The recipe of fine-tuning: its presets, what it refuses, and its table in the docs."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from trifuse.recipes.finetuning import FinetuningRecipe, NetworkOptions
from trifuse.recipes.reading import RecipeError, to_toml
from trifuse.recipes.recipe import Recipe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "finetune.md"
TRAIN_PAGE = PAGE.with_name("train.md")
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
            "balance, schedule, export, split.",
        ),
        (
            {"network": {"freeze": 1}},
            "The recipe's section [network] has no key 'freeze'; it has backbone, weights, side, "
            "frozen, dropout, frozen_normalization.",
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
            "The recipe's section [schedule] has the value 'linear' for decay; it may be cosine, "
            "plateau.",
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
            "The recipe's section [export] has the value 3 for views; it may be 1, 2, 4.",
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


def test_the_page_of_training_has_what_networks_have_more():
    """A row is: | `[section]` `key` | default | thorough | what it is |."""
    text = TRAIN_PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `\[(\S+)\]` `(\w+)` \| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    presets = Recipe().networks, Recipe.load("thorough").networks
    assert rows == [
        ("networks", "per_fold", *(str(own.per_fold) for own in presets)),
        ("networks.schedule", "stored", *(str(own.schedule.stored).lower() for own in presets)),
    ]
    schedule = {item.name for item in fields(presets[0].schedule)}
    own = schedule - {item.name for item in fields(FinetuningRecipe().schedule)}
    assert own == {"stored"}


def test_what_needs_validation_images_is_not_there_without():
    sentence = (
        "The recipe's section [networks.schedule] has no key 'monitor'; it has epochs, "
        "images_per_epoch, batch, learning_rate, warm_up, label_smoothing, ema, stored."
    )
    with refuses(sentence):
        Recipe.from_dict({"networks": {"schedule": {"monitor": "bma"}}})
    with refuses("The recipe's section [networks] has no key 'split'; it has per_fold, network, "
                 "augmentation, balance, schedule, export."):  # fmt: skip
        Recipe.from_dict({"networks": {"split": {}}})


def test_networks_that_are_not_trained_are_not_kept():
    recipe = Recipe.from_dict({"networks": {"schedule": {"epochs": 3}}})
    assert recipe.used() == Recipe().used()
    assert "networks" not in recipe.used()
    tuned = Recipe.from_dict({"networks": {"per_fold": 1}})
    assert Recipe.from_dict(tuned.used()) == tuned


def shown(value):
    return f"`{json.dumps(value).replace(':', ' =')}`"


def test_the_page_names_the_presets():
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in FinetuningRecipe.presets() if f"`{name}`" not in page] == []
    assert NetworkOptions().backbone in page
