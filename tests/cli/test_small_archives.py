"""Archives too small to judge a model by: it is said, and the folds fit what there is."""

import csv
import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.datasets.splits import fit_fold_count
from trifuse.datasets.table import DatasetError


@pytest.fixture
def train(trifuse, recipe_file, tmp_path, monkeypatch, pictures):
    """Train on so many lesions of each class, with a recipe of five folds."""
    monkeypatch.chdir(tmp_path)
    recipe = recipe_file.read_text().replace("folds = 2", "folds = 5")
    Path("five.toml").write_text(recipe)

    def run(**lesions):
        rows, left = [], list(pictures)
        for label, number in lesions.items():
            for lesion in range(number):
                path = shutil.copy(left.pop(0), f"{label}{lesion}.jpg")
                rows.append((path, label, f"{label}{lesion}"))
        with Path("table.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label", "group"), *rows])
        return trifuse("train", "table.csv", "-o", "m.trifuse", "--recipe", "five.toml", "-j", "1")

    return run


def warnings(result):
    lines = result.err.splitlines()
    return [line for line in lines if line.startswith("warning: ") and "show" not in line]


def test_a_few_lesions_train_with_fewer_folds_and_a_warning_each(train):
    result = train(mel=3, nv=12)
    assert result.code == 0
    assert warnings(result) == [
        "warning: a class has fewer than 5 groups (lesions): mel 3; how well they are recognised "
        "cannot be judged",
        "warning: 3 folds instead of 5, as no class may miss in one",
        "warning: there are 15 images, fewer than 40: all folds share the codebooks, which know so "
        "few images by heart, and the out-of-fold figures mislead",
    ]
    assert "fitting the ensemble: 15 images, 3 folds" in result.err
    card = " ".join(read_about(Path("m.trifuse"))["card"].split())
    assert "**Warning:** a class has fewer than 5 groups (lesions): mel 3; how well" in card


def test_two_lesions_a_class_are_the_least(train):
    assert train(mel=2, nv=2).code == 0


def test_enough_is_not_warned_of(train):
    result = train(mel=20, nv=20)
    assert (result.code, warnings(result)) == (0, [])


def test_a_class_of_one_lesion_is_refused_before_the_work(train):
    result = train(mel=1, nv=12)
    assert result.code == 1
    assert result.err == (
        "Error: the class mel has 1 group (lesion), and two are needed to train on one and judge "
        "by the other; add images of other lesions, or leave the class out\n"
    )


@pytest.mark.parametrize(("lesions", "most", "expected"), [(7, 5, 5), (4, 5, 4), (2, 5, 2)])
def test_the_folds_that_there_can_be(lesions, most, expected):
    labels, groups = "a" * 9 + "b" * lesions, [str(n) for n in range(9 + lesions)]
    assert fit_fold_count(labels, groups, most) == expected


def test_no_folds_of_one_lesion():
    with pytest.raises(DatasetError, match="the class b has 1 group "):
        fit_fold_count("aab", "123", 5)
