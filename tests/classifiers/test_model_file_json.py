"""The model.json of a model file: what does not fit is refused, whatever it holds."""

import contextlib
import copy
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trifuse.classifiers.archive import ModelFileError, pack
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.features.images import read_image
from trifuse.recipes.reading import fingerprint_of
from trifuse.recipes.recipe import Recipe


def test_a_format_of_another_time(refused, variant):
    for number in (0, 1, 2, 3, 4, 5, 6, 8, "7", None, [7]):
        refused(variant({"format": number}), "is not of model format 7; train it anew, or use its")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"format": ' + b"1" * 5000 + b"}"],
)
def test_a_model_json_that_is_none(refused, parts, tmp_path, text):
    path = tmp_path / "m"
    path.write_bytes(pack({**parts, "model.json": text}))
    refused(path)


@pytest.mark.parametrize(
    "classes",
    [
        None,
        "abcdefg",
        {"a": 1},
        ["a"],
        ["a", "b"],
        [1, 2, 3, 4, 5, 6, 7],
        ["a", "b", "c", "d", "e", "f", None],
        ["a", "b", "c", "d", "e", "f", "a"],
        ["a", "b", "c", "d", "e", "f", ""],
        ["a", "b", "c", "d", "e", "f", "\x1b[2J"],
        ["a", "b", "c", "d", "e", "f", "g\nh"],
        ["a", "b", "c", "d", "e", "f", "\ud800"],
        [str(number) for number in range(1000)],
    ],
)
def test_classes_that_are_none(refused, variant, classes):
    refused(variant({"classes": classes}))


@pytest.mark.parametrize(
    "entry", [None, {}, [1], [{"name": "age", "words": [], "knots": [2.0, 1.0]}]]
)
def test_metadata_that_are_none(refused, variant, entry):
    path = variant({"metadata": entry})
    refused(path, "its columns of metadata are not sound")
    with pytest.raises(ModelFileError, match="its columns of metadata are not sound"):
        read_about(path)


def test_metadata_without_coefficients(refused, variant):
    age = {"name": "age", "words": [], "knots": [1.0, 2.0]}
    refused(variant({"metadata": [age]}), "it lacks the array .pool.coefficients.")


@pytest.mark.parametrize("number", [41.0, -41.0, 1e308])
def test_a_pool_out_of_range(refused, variant, arrays, number):
    mixing = arrays["pool.mixing"].copy()
    mixing[1, 2] = number
    path = variant(arrays={**arrays, "pool.mixing": mixing})
    refused(path, "the numbers of its pool are out of range")


@pytest.mark.parametrize("name", ["temperatures", "member_weights"])
@pytest.mark.parametrize(
    "values",
    [
        None,
        1,
        [1, 1],
        {},
        {"svm": 1},
        {"svm": 1, "lightgbm": 0, "cnn": 0},
        {"svm": "1", "lightgbm": 0},
        {"svm": True, "lightgbm": False},
        {"svm": -1, "lightgbm": 2},
        {"svm": float("nan"), "lightgbm": 1},
        {"svm": float("inf"), "lightgbm": 0},
        {"svm": 10**400, "lightgbm": 0},
        {"svm": 0, "lightgbm": 0},
    ],
)
def test_numbers_of_members_out_of_range(refused, variant, name, values):
    refused(variant({name: values}))


def test_a_recipe_that_is_not_its_own(refused, variant, about):
    other = {**about["recipe"], "random_state": 1}
    refused(variant({"recipe": other}), "its recipe's fingerprint differs")
    refused(variant({"recipe_fingerprint": None}), "its recipe's fingerprint differs")
    refused(variant({"recipe": {**other, "magic": 1}}), "has no key 'magic'")
    for recipe in (None, [], "default", 1):
        refused(variant({"recipe": recipe}), "its recipe is no table")


def with_recipe(**sections):
    """Entries of model.json with another recipe, whose fingerprint fits."""
    recipe = Recipe.from_dict({**Recipe().to_dict(), **sections})
    return {"recipe": recipe.used(), "recipe_fingerprint": fingerprint_of(recipe.used())}


@pytest.mark.parametrize(
    "change",
    [
        {"sift": {"pyramid": [2**31 - 1]}},
        {"sift": {"pyramid": [1, 2, 4]}},
        {"sift": {"position_weight": 0.0}},
        {"fusion": {"weights": {"sift_fisher": 1}}},
        {"fusion": {"weights": {"sift_vlad": 1, "color_fisher": 1}}},
        {"fusion": {"weights": {"color_fisher": 1, "sift_fisher": 1, "cnn": 1}}},
    ],
)
def test_a_recipe_that_does_not_fit_the_arrays(refused, variant, about, change):
    recipe = copy.deepcopy(about["recipe"])
    for section, values in change.items():
        recipe[section].update(values)
    tracemalloc.start()
    refused(variant(with_recipe(**recipe)))
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "sift",
    [
        {"step": 1, "bin_sizes": [1] * 16},
        {"step": 2**31 - 1, "bin_sizes": [2**31 - 1]},
        {"position_weight": 1e9},
    ],
)
def test_an_extreme_recipe_costs_little_memory(variant, about, sift):
    recipe = copy.deepcopy(about["recipe"])
    recipe["sift"].update(sift)
    path = variant(with_recipe(**recipe))
    tracemalloc.start()
    load_model(path)
    assert tracemalloc.get_traced_memory()[1] < 200_000_000
    tracemalloc.stop()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value, path=()):
    """The path of every value inside a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_in_model_json_is_refused_or_harmless(data, parts, about, tmp_path, pictures):
    changed = copy.deepcopy(about)
    # Every key alike: the recipe's many must not hide the others.
    key = data.draw(st.sampled_from(sorted(about)))
    place = (key, *data.draw(st.sampled_from(list(places(about[key])))))
    inside = changed
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = data.draw(JSON)
    if key == "recipe" and data.draw(st.booleans()):
        with contextlib.suppress(ValueError, AttributeError):
            changed["recipe_fingerprint"] = fingerprint_of(changed["recipe"])
    path = tmp_path / "m"
    path.write_bytes(pack({**parts, "model.json": json.dumps(changed).encode()}))
    try:
        read_about(path)
        model = load_model(path)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert model.predict(read_image(pictures[0])).sum() == pytest.approx(1)
