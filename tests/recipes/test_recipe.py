"""The recipe: what it reads, what it refuses and in which words, and its fingerprint."""

import json
import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks, encodings

PLAIN = Recipe().to_dict()
SECTIONS = ", ".join(PLAIN)
BLOCKS = ", ".join(blocks())


def _change_first(values):
    if not values:
        return ["x"]
    if isinstance(values[0], str):
        return values[1:]
    if isinstance(values[0], float):
        return [values[0] / 2, *values[1:]]
    return [values[0] + 1, *values[1:]]


CHANGES = {
    "NoneType": lambda _: (0, 0, 9, 9),  # the bounds
    "bool": lambda value: not value,
    "int": lambda value: value + 1,
    "float": lambda value: value / 2 if value else 0.5,
    "str": lambda value: value + "x",
    "list": _change_first,
    "tuple": _change_first,
    "dict": lambda value: {name: weight + 1 for name, weight in value.items()},
}


def choices(content=PLAIN, path=()):
    """The path of every choice: its section, or sections, and its key."""
    for key, value in content.items():
        if isinstance(value, dict) and key != "weights":
            yield from choices(value, (*path, key))
        else:
            yield (*path, key)


def change(content, path):
    """Plain data, but for one choice."""
    key, *rest = path
    value = change(content[key], rest) if rest else changed_value(key, content[key])
    return {**content, key: value}


FEW = {"window": "gauss", "precision": "float32", "views": 2}


def changed_value(key, value):
    if key in FEW:
        return FEW[key]
    return CHANGES[type(value).__name__](value)


def as_toml(plain, section=""):
    """Write plain data as TOML; JSON's numbers, texts and lists are TOML's too."""
    tables = {key: v for key, v in plain.items() if isinstance(v, dict)}
    lines = [
        f"{key} = {json.dumps(v)}"
        for key, v in plain.items()
        if key not in tables and v is not None
    ]
    for key, table in tables.items():
        name = f"{section}.{key}" if section else key
        lines += ["", f"[{name}]", as_toml(table, name)]
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
    assert recipe.streams["sift"].descriptor.bin_sizes == (3, 9)
    assert recipe.streams["sift"].position_weight == 2.0
    plain = recipe.to_dict()
    plain["sift"] |= {key: PLAIN["sift"][key] for key in ("bin_sizes", "position_weight")}
    assert plain == PLAIN


def test_a_recipe_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Recipe().members["svm"].C = 3.0


def test_block_weights_keep_their_order():
    weights = {"cnn": 3, "sift_vlad": 1.5, "color_vlad": 2}
    recipe = Recipe.from_dict({"fusion": {"weights": weights}})
    assert list(recipe.block_weights.items()) == list(weights.items())


@pytest.mark.parametrize("path", list(choices()), ids=".".join)
def test_the_fingerprint_changes_with_every_choice(path):
    recipe = Recipe.from_dict(change(PLAIN, path))
    assert recipe != Recipe()
    assert recipe.fingerprint != Recipe().fingerprint


def test_every_choice_is_tried():
    assert {path[0] for path in choices()} == set(PLAIN)
    for name, encoding in encodings().items():
        assert ("color", name, encoding.size) in set(choices())


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
    for path in spelled:
        own, content = plain, PLAIN
        for section in path[:-1]:
            own, content = own.setdefault(section, {}), content[section]
        own[path[-1]] = content[path[-1]]
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
            "The recipe's section [review] has no key 'threshold'; it has components, "
            "false_alarm_rate, coverage, groups, bands.",
        ),
        (
            {"color": {"root": True}},
            f"The recipe's section [color] has no key 'root'; it has {', '.join(PLAIN['color'])}.",
        ),
        (  # as trifuse 0.1.0 had it
            {"sift": {"components": 9}},
            f"The recipe's section [sift] has no key 'components'; it has "
            f"{', '.join(PLAIN['sift'])}.",
        ),
        (
            {"sift": {"fisher": {"centers": 9}}},
            "The recipe's section [sift.fisher] has no key 'centers'; it has components, "
            "square_root, normalize.",
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
        (
            {"review": {"groups": ["age"], "bands": {"sex": [1]}}},
            "bands names 'sex', which groups does not - at `$.review`",
        ),
        (
            {"review": {"groups": ["age"], "bands": {"age": [40, 0]}}},
            "bands of 'age' are not numbers in increasing order - at `$.review`",
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


def test_a_recipe_may_be_had_with_other_choices():
    weights = {"cnn": 3.0}
    recipe = Recipe.load("fast").but({"svm": {"C": 7}, "fusion": {"weights": weights}})
    plain = Recipe.load("fast").to_dict()
    plain["svm"]["C"], plain["fusion"]["weights"] = 7.0, weights
    assert recipe == Recipe.from_dict(plain)
    with refuses("The recipe's section [svm] has no key 'c'; it has C."):
        recipe.but({"svm": {"c": 1}})


def test_what_a_descriptor_refuses_a_recipe_refuses():
    with refuses(
        "The recipe has a value that does not fit: bounds must be None or four integers "
        "(top, left, bottom, right) in order, not (9, 0, 0, 9)."
    ):
        Recipe.from_dict({"sift": {"bounds": [9, 0, 0, 9]}})


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
