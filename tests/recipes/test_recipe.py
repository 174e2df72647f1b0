"""The recipe: what it reads, what it refuses and in which words, and its fingerprint."""

import json
import re
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe

SECTIONS = (
    "random_state, image, sift, color, cnn, sample, fusion, svm, lightgbm, softmax, ensemble, "
    "review"
)
BLOCKS = "cnn, sift_fisher, sift_vlad, color_fisher, color_vlad, cnn_fisher, cnn_vlad"
PLAIN = Recipe().to_dict()


def _change_first(values):
    if isinstance(values[0], str):
        return values[1:]
    return [values[0] + 1, *values[1:]]


CHANGES = {
    "bool": lambda value: not value,
    "int": lambda value: value + 1,
    "float": lambda value: value / 2 if value else 0.5,
    "str": lambda value: value + "x",
    "list": _change_first,
    "tuple": _change_first,
    "dict": lambda value: {name: weight + 1 for name, weight in value.items()},
}


def choices():
    """(section, key) of every choice; the section is None for a key of the recipe itself."""
    for section, content in PLAIN.items():
        if isinstance(content, dict):
            yield from ((section, key) for key in content)
        else:
            yield None, section


def changed(section, key):
    """The default recipe as plain data, but for one choice."""
    content = PLAIN if section is None else PLAIN[section]
    value = CHANGES[type(content[key]).__name__](content[key])
    if section is None:
        return {**PLAIN, key: value}
    return {**PLAIN, section: {**content, key: value}}


def as_toml(plain):
    """Write plain data as TOML; JSON's numbers, texts and lists are TOML's too."""
    lines = [f"{key} = {json.dumps(v)}" for key, v in plain.items() if not isinstance(v, dict)]
    for section, content in plain.items():
        if isinstance(content, dict):
            tables = {key: v for key, v in content.items() if isinstance(v, dict)}
            lines += ["", f"[{section}]"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in content.items() if k not in tables]
            for key, table in tables.items():
                lines += [f"[{section}.{key}]"]
                lines += [f"{k} = {json.dumps(v)}" for k, v in table.items()]
    return "\n".join(lines)


def refuses(sentence):
    return pytest.raises(RecipeError, match=f"^{re.escape(sentence)}$")


@pytest.mark.parametrize("name", Recipe.presets())
def test_presets_are_valid_and_have_one_form(name):
    recipe = Recipe.load(name)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_presets_differ():
    assert "default" in Recipe.presets()
    assert len({Recipe.load(name).fingerprint for name in Recipe.presets()}) == len(
        Recipe.presets()
    )


def test_the_default_is_what_is_left_out(tmp_path):
    assert Recipe.load("default") == Recipe() == Recipe.from_dict({})
    empty = tmp_path / "empty.toml"
    empty.touch()
    assert Recipe.load(str(empty)) == Recipe()


@pytest.mark.parametrize("name", Recipe.presets())
def test_toml_brings_a_recipe_back(tmp_path, name):
    recipe = Recipe.load(name)
    path = tmp_path / "mine.toml"
    path.write_text(as_toml(recipe.to_dict()), encoding="utf-8")
    assert Recipe.load(str(path)) == recipe
    assert Recipe.load(str(path)).fingerprint == recipe.fingerprint


def test_a_toml_file_changes_only_what_it_says(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[sift]\nbin_sizes = [3, 9]\nposition_weight = 2\n", encoding="utf-8")
    recipe = Recipe.load(str(path))
    assert recipe.sift.bin_sizes == (3, 9)
    assert recipe.sift.position_weight == 2.0
    plain = recipe.to_dict()
    plain["sift"] |= {key: PLAIN["sift"][key] for key in ("bin_sizes", "position_weight")}
    assert plain == PLAIN


def test_a_recipe_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Recipe().svm.C = 3.0


def test_block_weights_keep_their_order():
    weights = {"cnn": 3, "sift_vlad": 1.5, "color_vlad": 2}
    recipe = Recipe.from_dict({"fusion": {"weights": weights}})
    assert list(recipe.block_weights.items()) == list(weights.items())


@pytest.mark.parametrize(("section", "key"), list(choices()))
def test_the_fingerprint_changes_with_every_choice(section, key):
    recipe = Recipe.from_dict(changed(section, key))
    assert recipe != Recipe()
    assert recipe.fingerprint != Recipe().fingerprint


def test_every_choice_is_tried():
    assert {section or key for section, key in choices()} == {item.name for item in fields(Recipe)}


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_depend_on_order(random):
    def shuffle(plain):
        keys = list(plain)
        random.shuffle(keys)
        return {
            key: shuffle(plain[key]) if isinstance(plain[key], dict) else plain[key] for key in keys
        }

    assert Recipe.from_dict(shuffle(PLAIN)).fingerprint == Recipe().fingerprint


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(list(choices()))))
def test_the_fingerprint_does_not_depend_on_what_is_left_out(spelled):
    plain = {}
    for section, key in spelled:
        if section is None:
            plain[key] = PLAIN[key]
        else:
            plain.setdefault(section, {})[key] = PLAIN[section][key]
    recipe = Recipe.from_dict(plain)
    assert recipe.fingerprint == Recipe().fingerprint
    assert recipe.to_dict() == PLAIN


def test_the_fingerprint_is_of_values():
    assert re.fullmatch("[0-9a-f]{64}", Recipe().fingerprint)
    one, same = (Recipe.from_dict({"svm": {"C": number}}) for number in (2, 2.0))
    assert one.fingerprint == same.fingerprint


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"swm": {}}, f"The recipe has no key 'swm'; it has {SECTIONS}."),
        ({"C": 1}, f"The recipe has no key 'C'; it has {SECTIONS}."),
        ({"svm": {"c": 1}}, "The recipe's section [svm] has no key 'c'; it has C."),
        (
            {"review": {"threshold": 1}},
            "The recipe's section [review] has no key 'threshold'; it has false_alarm_rate, "
            "coverage.",
        ),
        (
            {"color": {"root": True}},
            "The recipe's section [color] has no key 'root'; it has pca_dimension, components, "
            "centers, position_weight, pyramid, step, bin_sizes.",
        ),
        (
            {"fusion": {"weights": {"sift": 1}}},
            f"The recipe's section [fusion.weights] has no key 'sift'; it has {BLOCKS}.",
        ),
    ],
)
def test_an_unknown_key_is_refused(data, sentence):
    with refuses(sentence):
        Recipe.from_dict(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"svm": 3}, "Expected `object`, got `int` - at `$.svm`"),
        ({"svm": {"C": "1"}}, "Expected `float`, got `str` - at `$.svm.C`"),
        ({"svm": {"C": 0}}, "Expected `float` > 0.0 - at `$.svm.C`"),
        ({"svm": {"C": float("nan")}}, "Expected `float` > 0.0 - at `$.svm.C`"),
        ({"svm": {"C": float("inf")}}, "Expected `float` <= 1000000000.0 - at `$.svm.C`"),
        (
            {"sift": {"contrast_threshold": -0.1}},
            "Expected `float` >= 0.0 - at `$.sift.contrast_threshold`",
        ),
        ({"sift": {"step": 2.5}}, "Expected `int`, got `float` - at `$.sift.step`"),
        ({"sift": {"step": True}}, "Expected `int`, got `bool` - at `$.sift.step`"),
        ({"sift": {"step": 0}}, "Expected `int` >= 1 - at `$.sift.step`"),
        ({"sift": {"step": 2**31}}, "Expected `int` <= 2147483647 - at `$.sift.step`"),
        ({"sift": {"root": 1}}, "Expected `bool`, got `int` - at `$.sift.root`"),
        ({"sift": {"bin_sizes": []}}, "Expected `array` of length >= 1 - at `$.sift.bin_sizes`"),
        ({"sift": {"bin_sizes": [4, 0]}}, "Expected `int` >= 1 - at `$.sift.bin_sizes[1]`"),
        (
            {"cnn": {"input_size": [9]}},
            "Expected `array` of length 2, got 1 - at `$.cnn.input_size`",
        ),
        ({"fusion": {"weights": {}}}, "Expected `object` of length >= 1 - at `$.fusion.weights`"),
        (
            {"fusion": {"weights": {"cnn": 0}}},
            "Expected `float` > 0.0 - at `$.fusion.weights[...]`",
        ),
        ({"ensemble": {"folds": 1}}, "Expected `int` >= 2 - at `$.ensemble.folds`"),
        ({"lightgbm": {"leaves": 1}}, "Expected `int` >= 2 - at `$.lightgbm.leaves`"),
        (
            {"lightgbm": {"feature_fraction": 1.01}},
            "Expected `float` <= 1.0 - at `$.lightgbm.feature_fraction`",
        ),
        ({"review": {"coverage": 1}}, "Expected `float` < 1.0 - at `$.review.coverage`"),
        ({"review": {"coverage": 0}}, "Expected `float` > 0.0 - at `$.review.coverage`"),
        (
            {"review": {"false_alarm_rate": 1.0}},
            "Expected `float` < 1.0 - at `$.review.false_alarm_rate`",
        ),
        (
            {"review": {"false_alarm_rate": -0.02}},
            "Expected `float` > 0.0 - at `$.review.false_alarm_rate`",
        ),
        (
            {"review": {"false_alarm_rate": "2 %"}},
            "Expected `float`, got `str` - at `$.review.false_alarm_rate`",
        ),
        ({"random_state": -1}, "Expected `int` >= 0 - at `$.random_state`"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(data, reason):
    with refuses(f"The recipe has a value that does not fit: {reason}."):
        Recipe.from_dict(data)


def test_an_unknown_preset_is_refused():
    names = ", ".join(Recipe.presets())
    with refuses(f"There is no recipe 'quick'; name one of {names}, or a .toml file."):
        Recipe.load("quick")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    for name, content in {"text": b"[svm", "bytes": b"a = '\xff'", "twice": b"a=1\na=2"}.items():
        path = tmp_path / f"{name}.toml"
        path.write_bytes(content)
        with pytest.raises(RecipeError, match=rf"^The recipe {path} cannot be read: .+\.$"):
            Recipe.load(str(path))
    for path in (tmp_path / "missing.toml", tmp_path / "folder.toml"):
        (tmp_path / "folder.toml").mkdir(exist_ok=True)
        with pytest.raises(RecipeError, match=rf"^The recipe {path} cannot be read: .+\.$"):
            Recipe.load(str(path))


def test_a_file_beside_us_does_not_hide_a_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").write_text("[svm]\nC = 77\n", encoding="utf-8")
    assert Recipe.load("default") == Recipe()
