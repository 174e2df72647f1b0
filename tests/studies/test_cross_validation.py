"""Cross-validation measures every method on images that nothing was fitted on."""

import csv
import math

import numpy as np
import pytest

from trifuse.classifiers.metrics import mean_interval
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import DatasetError, LabelledTable
from trifuse.features.images import read_image
from trifuse.recipes.recipe import load_recipe
from trifuse.studies import cross_validation
from trifuse.studies.cross_validation import FIGURES, CrossValidation, cross_validate

METHODS = ["sift_fisher", "color_fisher", "fused, svm", "fused, lightgbm", "fused, ensemble"]


@pytest.fixture(scope="module")
def table(archive):
    labelled = load_dataset(archive)
    groups = tuple(map(str, labelled.paths))  # its few lesions do not suffice for folds in folds
    return LabelledTable(labelled.paths, labelled.labels, groups, labelled.classes)


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return load_recipe(str(recipe_file))


@pytest.fixture(scope="module")
def result(table, recipe):
    return cross_validate(table, recipe, n_folds=2)


def test_every_method_in_every_fold(result, table, recipe):
    folds = grouped_stratified_folds(table.labels, table.groups, 2, recipe.random_state)
    assert list(result.figures) == METHODS
    for figures in result.figures.values():
        assert [fold["n_images"] for fold in figures] == [len(test) for _, test in folds]
        for fold in figures:
            assert all(0 <= fold[key] <= 1 for key in FIGURES)


def test_it_learns(result):
    for method in ("sift_fisher", "color_fisher", "fused, ensemble"):
        mean, _, _ = mean_interval([fold["macro_auc"] for fold in result.figures[method]])
        assert mean > 0.65  # chance is 0.5


def test_it_repeats(result, table, recipe):
    again = cross_validate(table, recipe, n_folds=2)
    for method, figures in result.figures.items():
        for fold, other in zip(figures, again.figures[method], strict=True):
            for key in ("log_loss", "brier", "confusion", *FIGURES):
                assert fold[key] == other[key]


def test_each_image_is_read_once_for_its_blocks(table, recipe, monkeypatch):
    seen = []
    monkeypatch.setattr(
        cross_validation, "read_image", lambda path: seen.append(path) or read_image(path)
    )
    cross_validate(table, recipe, n_folds=2)
    assert sorted(seen) == sorted(table.paths)


def test_labels_of_the_test_part_change_nothing_but_the_figures(table, recipe, monkeypatch):
    folds = grouped_stratified_folds(table.labels, table.groups, 2, 0)
    whole, outputs = len(table), []

    def one_fold(labels, groups, n, seed):
        split = grouped_stratified_folds(labels, groups, n, seed)
        return folds[:1] if len(labels) == whole else split

    def keep(probabilities, *_):
        outputs.append(probabilities)
        return {}

    monkeypatch.setattr(cross_validation, "grouped_stratified_folds", one_fold)
    monkeypatch.setattr(cross_validation, "_measure", keep)
    cross_validate(table, recipe, n_folds=2)
    labels = list(table.labels)
    for row in folds[0][1]:
        labels[row] = table.classes[len(labels[row]) % 7]
    changed = LabelledTable(table.paths, tuple(labels), table.groups, table.classes)
    cross_validate(changed, recipe, n_folds=2)
    assert len(outputs) == 2 * len(METHODS)
    for before, after in zip(outputs[: len(METHODS)], outputs[len(METHODS) :], strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_class_too_small_for_folds_in_folds_is_told_before_the_work(archive, recipe, monkeypatch):
    monkeypatch.setattr(cross_validation, "build_embedder", lambda _: pytest.fail("work began"))
    with pytest.raises(DatasetError, match="the class synthetic_b has 1 groups"):
        cross_validate(load_dataset(archive), recipe, n_folds=2)


FIGURES_OF_TWO = {
    "one": [dict.fromkeys(FIGURES, 0.5), dict.fromkeys(FIGURES, 0.75)],
    "two|three": [dict.fromkeys(FIGURES, 0.25), dict.fromkeys(FIGURES, 0.25)],
}


def test_the_table():
    header, _, one, other = CrossValidation(FIGURES_OF_TWO).to_markdown().splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["method", *FIGURES.values()]
    reach = 12.7062 * 0.125  # Student's t with one degree of freedom, times the standard error
    assert f"0.625 [{0.625 - reach:.3f}, {0.625 + reach:.3f}]" in one
    assert r"two\|three" in other
    assert "0.250 [0.250, 0.250]" in other


def test_the_csv(tmp_path):
    path = tmp_path / "folds.csv"
    CrossValidation(FIGURES_OF_TWO).write_csv(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["method", "fold", *FIGURES]
    assert [(row["method"], row["fold"], float(row["bma"])) for row in rows] == [
        ("one", "0", 0.5), ("one", "1", 0.75), ("two|three", "0", 0.25), ("two|three", "1", 0.25),
    ]  # fmt: skip


def test_a_figure_that_is_undefined_in_a_fold():
    undefined = [{**dict.fromkeys(FIGURES, 0.5), "macro_auc": math.nan}] * 2
    assert "nan" in CrossValidation({"one": undefined}).to_markdown()
