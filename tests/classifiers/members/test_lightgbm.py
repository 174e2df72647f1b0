"""Boosted trees: what is asked of LightGBM, its own predictions, and texts that mean harm."""

import re
import time

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from trifuse.classifiers.members.lightgbm import LightgbmOptions, Trees, TreesError, fit_boosting

N_FEATURES, N_CLASSES = 6, 3
DAMAGED = r"^The boosted trees are damaged: .+\.$"
OPTIONS = LightgbmOptions(trees=6, leaves=5, learning_rate=0.2, feature_fraction=0.5)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Data this small takes longest where threads wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def problem(counts=(60, 60, 60), seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(labels), 6))
    features[np.arange(len(labels)), labels] += 2
    return features.astype(np.float32), labels


def fit(counts=(60, 60, 60), options=OPTIONS, random_state=0):
    features, labels = problem(counts)
    text = fit_boosting(features, labels, len(counts), options, random_state)
    return Trees.parse(text, features.shape[1], len(counts))


def test_learns():
    features, labels = problem(seed=1)
    assert np.mean(fit().scores(features).argmax(axis=1) == labels) > 0.75


def test_trees_are_as_many_and_as_large_as_asked_for():
    trees = fit()
    assert len(trees.roots) == 6 * 3
    assert len(trees.leaves) <= 6 * 3 * 5
    assert len(trees.leaves) > 6 * 3 * 2


def test_is_repeatable_and_has_a_seed():
    features, labels = problem()
    texts = [fit_boosting(features, labels, 3, OPTIONS, seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_classes_are_balanced():
    features, _ = problem(seed=1)
    shares = np.bincount(fit((400, 40, 40)).scores(features).argmax(axis=1), minlength=3) / 180
    np.testing.assert_allclose(shares, 1 / 3, atol=0.12)


def test_says_nothing(capfd):
    fit()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_classes", [2, 4])
def test_other_numbers_of_classes(n_classes):
    trees = fit((40,) * n_classes)
    assert trees.scores(problem((3,) * n_classes)[0]).shape == (3 * n_classes, n_classes)


def train(n_classes=N_CLASSES, n_features=N_FEATURES, rounds=8, leaves=6, seed=0, **parameters):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, 150)
    features = rng.normal(size=(150, n_features)) + np.eye(n_features)[labels % n_features]
    parameters = {
        "objective": "multiclass",
        "num_class": n_classes,
        "num_leaves": leaves,
        "min_data_in_leaf": 3,
        "verbosity": -1,
        "num_threads": 1,
    } | parameters
    data = lightgbm.Dataset(features.astype(np.float32), labels)
    return lightgbm.train(parameters, data, num_boost_round=rounds)


@pytest.fixture(scope="module")
def text():
    return train().model_to_string()


def equals_lightgbm(booster, n_classes, n_features):
    trees = Trees.parse(booster.model_to_string(), n_features, n_classes)
    features = np.random.default_rng(99).normal(scale=2, size=(200, n_features))
    features = features.astype(np.float32)
    expected = booster.predict(features, raw_score=True, num_threads=1)
    scores = trees.scores(features)
    assert scores.shape == (200, n_classes)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
    return trees


@pytest.mark.parametrize(
    ("n_classes", "n_features", "rounds", "leaves", "seed"),
    [(3, 6, 8, 6, 0), (2, 4, 20, 4, 1), (7, 30, 5, 15, 2), (5, 9, 1, 2, 3), (3, 1, 10, 31, 4)],
)
def test_equals_lightgbm(n_classes, n_features, rounds, leaves, seed):
    booster = train(n_classes, n_features, rounds, leaves, seed)
    equals_lightgbm(booster, n_classes, n_features)


def test_a_tree_may_be_a_single_leaf():
    booster = train(min_data_in_leaf=1000)
    trees = equals_lightgbm(booster, N_CLASSES, N_FEATURES)
    assert len(trees.features) == 0
    assert np.all(trees.roots < 0)


def test_single_leaves_among_trees():
    # a split must gain so much that only the first rounds find one
    booster = train(rounds=30, min_gain_to_split=6.0)
    trees = equals_lightgbm(booster, N_CLASSES, N_FEATURES)
    assert 0 < np.sum(trees.roots < 0) < len(trees.roots)


def test_a_value_on_a_threshold_goes_to_the_left(text):
    trees = Trees.parse(text, N_FEATURES, N_CLASSES)
    booster = lightgbm.Booster(model_str=text)
    # LightGBM takes numbers up to 1e-35 for zero before it compares them
    thresholds = trees.thresholds[np.abs(trees.thresholds) > 1e-34, None]
    for values in (thresholds, np.nextafter(thresholds, np.inf)):
        rows = np.repeat(values, N_FEATURES, axis=1)
        expected = booster.predict(rows, raw_score=True, num_threads=1)
        np.testing.assert_allclose(trees.scores(rows), expected, rtol=0, atol=1e-12)


def test_a_row_does_not_depend_on_its_neighbours(text):
    trees = Trees.parse(text, N_FEATURES, N_CLASSES)
    features = np.random.default_rng(0).normal(size=(9, N_FEATURES)).astype(np.float32)
    together = trees.scores(features)
    for row, expected in zip(features, together, strict=True):
        np.testing.assert_array_equal(trees.scores(row[None])[0], expected)
    assert trees.scores(features[:0]).shape == (0, N_CLASSES)


def test_other_numbers_of_classes_are_refused(text):
    for n_classes in (1, 2, 4, 6):
        sentence = rf"^The boosted trees do not vote for {n_classes} classes\.$"
        with pytest.raises(TreesError, match=sentence):
            Trees.parse(text, N_FEATURES, n_classes)


def test_features_that_are_not_there_are_refused(text):
    used = 1 + max(Trees.parse(text, N_FEATURES, N_CLASSES).features)
    Trees.parse(text, used, N_CLASSES)
    with pytest.raises(TreesError, match=r"^The boosted trees are damaged: an index leads nowhere"):
        Trees.parse(text, used - 1, N_CLASSES)


def replace_first(text, key, change):
    """Change the numbers of the first tree's line of a key."""
    old = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    return text[: old.start(1)] + " ".join(change(old[1].split())) + text[old.end(1) :]


def set_number(position, number):
    def change(numbers):
        numbers[position] = number
        return numbers

    return change


@pytest.mark.parametrize("key", ["left_child", "right_child"])
@pytest.mark.parametrize(
    "number",
    ["0", "1", "99", "-99", "1e300", "-1e300", "2147483648", "9" * 30, "-" + "9" * 30, "9" * 9999,
     "1.5", "1.0", "nan", "inf", "-inf", "", "x", "[1]", "1,2", '"1"', "null", "\x00", "\ud800"],
)  # fmt: skip
def test_hostile_children_are_refused(text, key, number):
    # the last node: a child 0 is a cycle to the root, the first node: 1 may be sound
    damaged = replace_first(text, key, set_number(-1, number))
    with pytest.raises(TreesError, match=r"^The boosted trees are damaged: "):
        Trees.parse(damaged, N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("position", [0, 1])
def test_a_cycle_is_refused(text, position):
    damaged = replace_first(text, "left_child", set_number(position, str(position)))
    with pytest.raises(TreesError, match="an index leads nowhere"):
        Trees.parse(damaged, N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("number", ["-1", "6", "1e300", "9" * 30, "nan", "0.5"])
def test_hostile_features_are_refused(text, number):
    damaged = replace_first(text, "split_feature", set_number(0, number))
    with pytest.raises(TreesError, match=DAMAGED):
        Trees.parse(damaged, N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("key", ["threshold", "leaf_value"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "one", "0x10", "1_0"])
def test_numbers_that_are_none_are_refused(text, key, number):
    damaged = replace_first(text, key, set_number(0, number))
    with pytest.raises(TreesError, match=DAMAGED):
        Trees.parse(damaged, N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("number", ["1", "3", "4", "8", "10", "-1"])
def test_categories_and_missing_values_are_refused(text, number):
    damaged = replace_first(text, "decision_type", set_number(0, number))
    sentence = r"^The boosted trees have categorical splits or rules for missing values\.$"
    with pytest.raises(TreesError, match=sentence):
        Trees.parse(damaged, N_FEATURES, N_CLASSES)


def test_real_categories_are_refused():
    labels = np.arange(200) % 3
    features = np.stack([labels * 2.0, np.arange(200.0)], axis=1)
    data = lightgbm.Dataset(features, labels, categorical_feature=[0])
    parameters = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, data, num_boost_round=2)
    with pytest.raises(TreesError, match="categorical splits"):
        Trees.parse(booster.model_to_string(), 2, 3)


KEYS = ("split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("change", [lambda numbers: numbers[1:], lambda numbers: [*numbers, "-1"]])
def test_missing_and_surplus_numbers_are_refused(text, key, change):
    with pytest.raises(TreesError, match=DAMAGED):
        Trees.parse(replace_first(text, key, change), N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("key", [*KEYS, "num_class"])
def test_missing_and_surplus_lines_are_refused(text, key):
    line = re.search(rf"^{key}=.*\n", text, re.MULTILINE)
    for damaged in (text.replace(line[0], "", 1), text.replace(line[0], 2 * line[0], 1)):
        with pytest.raises(TreesError, match=r"^The boosted trees "):
            Trees.parse(damaged, N_FEATURES, N_CLASSES)


@pytest.mark.parametrize("nothing", ["", "\n", "tree\nnum_class=3\n", "\x00" * 99, "=" * 99])
def test_no_trees_are_refused(nothing):
    with pytest.raises(TreesError, match=r"^The boosted trees do not vote for 3 classes\.$"):
        Trees.parse(nothing, N_FEATURES, N_CLASSES)


def test_half_a_text_is_refused(text):
    with pytest.raises(TreesError, match=r"^The boosted trees "):
        Trees.parse(text[: len(text) // 2], N_FEATURES, N_CLASSES)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutations_are_refused_or_evaluated(text, data):
    body = text[: text.index("end of trees")]
    at = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 40))
    inserted = data.draw(
        st.one_of(
            st.text(alphabet="0123456789-+.e =\n", max_size=12),
            st.sampled_from(["\nleft_child=0 0\n", "1e300", "nan", "\nleaf_value=", "-2147483648"]),
            st.text(max_size=5),
        )
    )
    mutated = body[:at] + inserted + body[at + length :]
    try:
        trees = Trees.parse(mutated, N_FEATURES, N_CLASSES)
    except TreesError:
        return
    with np.errstate(over="ignore", invalid="ignore"):  # leaves may be mutated to huge numbers
        assert trees.scores(np.zeros((2, N_FEATURES), np.float32)).shape == (2, N_CLASSES)


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_random_children_never_loop(text, data):
    """Whatever graph the children make, parsing finds it unsound or every walk ends."""
    key = data.draw(st.sampled_from(["left_child", "right_child"]))
    graph = data.draw(st.lists(st.integers(-7, 6), min_size=5, max_size=5))
    try:
        mutated = replace_first(text, key, lambda _: map(str, graph))
        trees = Trees.parse(mutated, N_FEATURES, N_CLASSES)
    except TreesError:
        return
    features = np.random.default_rng(0).normal(size=(20, N_FEATURES)).astype(np.float32)
    assert np.all(np.isfinite(trees.scores(features)))


def test_a_deep_tree_ends():
    depth = 5000
    nodes = " ".join(map(str, range(1, depth))) + f" -{depth + 1}"
    lines = {
        "split_feature": "0 " * (depth - 1) + "0",
        "threshold": "0 " * (depth - 1) + "0",
        "decision_type": "2 " * (depth - 1) + "2",
        "left_child": " ".join(f"-{leaf + 1}" for leaf in range(depth)),
        "right_child": nodes,
        "leaf_value": " ".join(map(str, range(depth + 1))),
    }
    text = "num_class=1\n" + "\n".join(f"{key}={numbers}" for key, numbers in lines.items())
    trees = Trees.parse(text, 1, 1)
    started = time.perf_counter()
    np.testing.assert_array_equal(trees.scores(np.array([[-1], [1]], np.float32)), [[0], [depth]])
    assert time.perf_counter() - started < 5
