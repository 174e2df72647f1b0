"""Model files: what was saved scores the same, and a stranger's can do no harm."""

import contextlib
import copy
import hashlib
import json
import os
import pickle
import random
import shutil
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.model_file import HASHED, Training, load_model, read_about, save_model
from trifuse.classifiers.output import OutputError
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe

TRAINING = Training(
    images=3, groups=2, fingerprint="f" * 64, class_counts={"a": 1, "b": 2}, metrics={}
)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.fixture(scope="module")
def parts(model_file):
    return unpack(model_file.read_bytes(), "model")


@pytest.fixture(scope="module")
def arrays(parts):
    return unpack_arrays(parts["arrays.npz"], "model")


@pytest.fixture(scope="module")
def about(parts):
    return json.loads(parts["model.json"])


@pytest.fixture(scope="module")
def variant(parts, about, tmp_path_factory):
    """Write a model file with some parts, arrays or entries of model.json changed; hashes fit."""
    path = tmp_path_factory.mktemp("variant") / "m.trifuse"

    def write(entries=None, arrays=None, **others):
        files = {**parts, **{name.replace("_", "."): part for name, part in others.items()}}
        if arrays is not None:
            files["arrays.npz"] = pack_arrays(arrays)
        entries = {**about, **(entries or {})}
        if "sha256" not in others:
            entries["sha256"] = {
                name: hashlib.sha256(files[name]).hexdigest() for name in HASHED if name in files
            }
        files["model.json"] = json.dumps(entries).encode()
        path.write_bytes(pack(files))
        return path

    return write


def refused(path, reason=None):
    """Check that the file is refused with one sentence."""
    with pytest.raises(ModelFileError, match=reason) as caught:
        load_model(path)
    text = str(caught.value)
    assert str(path) in text
    assert text.endswith(".")
    assert "\n" not in text
    return text


# What was saved


def test_a_saved_model_scores_the_same(model_file, tmp_path, pictures):
    model = load_model(model_file)
    path = tmp_path / "again.trifuse"
    save_model(path, model, TRAINING)
    again = load_model(path)
    assert (again.classes, again.recipe) == (model.classes, model.recipe)
    for picture in pictures[::8]:
        image = read_image(picture)
        np.testing.assert_array_equal(again.predict(image), model.predict(image), strict=True)


def test_the_same_model_is_the_same_bytes(model_file, tmp_path):
    model = load_model(model_file)
    for name in ("1", "2"):
        save_model(tmp_path / name, model, TRAINING)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_its_parts(parts, about, model_file):
    assert list(parts) == ["model.json", *HASHED, "CARD.md"]
    assert parts["backbone.tflite"] == b""  # this recipe has no CNN
    assert about["format"] == 1
    assert about["recipe_fingerprint"] == Recipe.from_dict(about["recipe"]).fingerprint
    assert {"numpy", "lightgbm", "trifuse"} <= set(about["versions"])
    read = read_about(model_file)
    assert read.pop("card").encode() == parts["CARD.md"]
    assert read == about


def test_a_file_that_cannot_be_written(model_file, tmp_path):
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        save_model(tmp_path / "none" / "m.trifuse", load_model(model_file), TRAINING)


# What is no model file


@pytest.mark.parametrize("load", [load_model, read_about])
def test_what_is_no_file(load, tmp_path):
    message = r"cannot be read: No such file or directory\.$"
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / "none")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        with pytest.raises(ModelFileError, match=r"cannot be read: it is no regular file\.$"):
            load(path)
    with pytest.raises(ModelFileError, match=r"cannot be read: File name too long\.$"):
        load(tmp_path / ("x" * 300))


def test_a_truncated_file_is_refused(model_file, tmp_path):
    content = model_file.read_bytes()
    path = tmp_path / "cut"
    for length in [*range(0, len(content), 1000), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rng=st.randoms(use_true_random=False))
def test_flipped_bits_are_refused_or_harmless(rng: random.Random, model_file, tmp_path, pictures):
    content = bytearray(model_file.read_bytes())
    for _ in range(rng.choice([1, 1, 10])):
        # The directory of the zip is at the end, and short: aim at it as often as at the rest.
        start = rng.choice([0, len(content) - 400])
        content[rng.randrange(start, len(content))] ^= 1 << rng.randrange(8)
    path = tmp_path / "flipped"
    path.write_bytes(content)
    for load in (read_about, load_model):
        try:
            load(path)
        except ModelFileError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_the_parts_must_be_the_right_ones(parts, tmp_path):
    path = tmp_path / "m"
    reason = "does not hold the right parts"
    for name in parts:
        path.write_bytes(pack({key: part for key, part in parts.items() if key != name}))
        refused(path, reason)
        renamed = {f"{key}~" if key == name else key: part for key, part in parts.items()}
        path.write_bytes(pack(renamed))
        refused(path, reason)
    path.write_bytes(pack({**parts, "extra": b""}))
    refused(path, reason)


@pytest.mark.parametrize("name", HASHED)
def test_a_changed_part_is_refused(parts, tmp_path, name):
    path = tmp_path / "m"
    path.write_bytes(pack({**parts, name: parts[name] + b" "}))
    text = refused(path)
    assert text == f"{path} is damaged: the checksum of {name} differs."


@pytest.mark.parametrize("name", ["model.json", "CARD.md", *HASHED])
def test_a_pickle_is_never_loaded(parts, about, tmp_path, monkeypatch, name):
    trap = pickle.dumps(Trap())
    files = {**parts, name: trap}
    sums = {key: hashlib.sha256(files[key]).hexdigest() for key in HASHED}
    if name != "model.json":
        files["model.json"] = json.dumps({**about, "sha256": sums}).encode()
    path = tmp_path / "m"
    path.write_bytes(pack(files))
    for module in ("pickle.loads", "pickle.load", "_pickle.loads", "_pickle.load"):
        monkeypatch.setattr(module, lambda *_, **__: pytest.fail("pickle was used"))
    if name in {"CARD.md", "backbone.tflite"}:  # a text, and a part that this recipe does not use
        load_model(path)
        read_about(path)
    else:
        refused(path)


# Parts that do not fit


def test_a_format_of_another_time(variant):
    for number in (0, 2, "1", None, [1]):
        refused(variant({"format": number}), "is not of model format 1; train it anew, or use its")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"format": ' + b"1" * 5000 + b"}"],
)
def test_a_model_json_that_is_none(parts, tmp_path, text):
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
def test_classes_that_are_none(variant, classes):
    refused(variant({"classes": classes}))


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
def test_numbers_of_members_out_of_range(variant, name, values):
    refused(variant({name: values}))


def test_a_recipe_that_is_not_its_own(variant, about):
    other = {**about["recipe"], "random_state": 1}
    refused(variant({"recipe": other}), "its recipe's fingerprint differs")
    refused(variant({"recipe_fingerprint": None}), "its recipe's fingerprint differs")
    refused(variant({"recipe": {**other, "magic": 1}}), "has no key 'magic'")
    for recipe in (None, [], "default", 1):
        refused(variant({"recipe": recipe}), "its recipe is no table")


def with_recipe(**sections):
    """Entries of model.json with another recipe, whose fingerprint fits."""
    recipe = Recipe.from_dict({**Recipe().to_dict(), **sections})
    return {"recipe": recipe.to_dict(), "recipe_fingerprint": recipe.fingerprint}


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
def test_a_recipe_that_does_not_fit_the_arrays(variant, about, change):
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


def test_arrays_missing_renamed_or_extra(variant, arrays):
    for name in arrays:
        fewer = {key: array for key, array in arrays.items() if key != name}
        refused(variant(arrays=fewer))
        refused(variant(arrays={**fewer, f"{name}2": arrays[name]}))
    extra = {**arrays, "extra": np.ones(1)}
    refused(variant(arrays=extra), "it must not hold the array 'extra'")
    refused(variant(arrays={}))


def test_arrays_of_other_shapes(variant, arrays):
    for name, array in arrays.items():
        others = [array[..., :-1], array[None], array[..., None], array.ravel()[:1], array.T]
        others += [array.astype("<f8" if array.dtype == np.float32 else "<f4")]
        if not name.startswith("block"):  # whose number of components nothing else depends on
            others += [array[:-1], np.concatenate([array, array])]
        for other in others:
            if other.shape != array.shape or other.dtype != array.dtype:
                refused(variant(arrays={**arrays, name: np.ascontiguousarray(other)}))


def test_arrays_that_numpy_would_stretch_cost_no_memory(variant, arrays):
    large = {
        "stream.sift.mixture_means": np.ones((20_000, 1), np.float32),
        "stream.sift.mixture_variances": np.ones((1, 20_000), np.float32),
    }
    path = variant(arrays={**arrays, **large})
    tracemalloc.start()
    refused(path, "does not fit the others")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_numbers_out_of_range(variant, arrays):
    for name in ("prior", "stream.sift.mixture_variances", "stream.color.mixture_weights"):
        for number in (0, -1):
            changed = arrays[name].copy()
            changed.flat[0] = number
            refused(variant(arrays={**arrays, name: changed}), f"'{name}' must be positive")
    refused(variant(arrays={**arrays, "prior": arrays["prior"] * 2}), "numbers are out of range")
    huge = np.full_like(arrays["svm.intercepts"], 1e308)
    huge[0] = -1e308
    small = variant(
        {"temperatures": {"svm": 1e-3, "lightgbm": 1}}, {**arrays, "svm.intercepts": huge}
    )
    refused(small, "numbers are out of range")


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"tree", b"num_class=7\n", b"num_class=7\nsplit_feature=1e999\n"]
)
def test_trees_that_are_none(variant, text):
    refused(variant(lightgbm_txt=text))


def test_trees_that_ask_for_other_features(variant, parts):
    text = parts["lightgbm.txt"].replace(b"split_feature=", b"split_feature=99 ", 1)
    refused(variant(lightgbm_txt=text))


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
            changed["recipe_fingerprint"] = Recipe.from_dict(changed["recipe"]).fingerprint
    path = tmp_path / "m"
    path.write_bytes(pack({**parts, "model.json": json.dumps(changed).encode()}))
    try:
        read_about(path)
        model = load_model(path)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert model.predict(read_image(pictures[0])).sum() == pytest.approx(1)


def test_a_copy_is_a_model_too(model_file, tmp_path):
    path = tmp_path / "copy with spaces.zip"
    shutil.copy(model_file, path)
    assert load_model(path).classes == load_model(model_file).classes
