"""`trifuse compare`: from an archive to tables, a figure and a page."""

import csv

import pytest

from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.methods import default_methods

pytestmark = pytest.mark.slow

METHODS = """
["SIFT"]
fusion.weights = { sift_fisher = 1 }
ensemble.members = ["svm"]
["colour"]
fusion.weights = { color_fisher = 1 }
ensemble.members = ["svm"]
"""
REPORT = {"comparison.csv", "comparison.md", "comparison.tex", "comparison.png", "report.html"}


@pytest.fixture(scope="module")
def table(archive, tmp_path_factory):
    """A table of the archive's pictures in which every picture is its own lesion."""
    table = tmp_path_factory.mktemp("table") / "table.csv"
    paths = sorted((archive / "images").glob("*.jpg"))
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = [(path, path.stem.rsplit("_", 1)[0]) for path in paths]
        csv.writer(file).writerows([("path", "label"), *rows])
    return table


@pytest.fixture
def methods(tmp_path):
    path = tmp_path / "methods.toml"
    path.write_text(METHODS, encoding="utf-8")
    return path


@pytest.fixture
def compare(trifuse, table, recipe_file, methods):
    def run(*options):
        given = ("--recipe", recipe_file, "--methods", methods, "--folds", "2", "--jobs", "1")
        return trifuse("compare", table, *given, *options)

    return run


def test_a_comparison(compare, tmp_path):
    folder = tmp_path / "new" / "comparison"
    ran = compare("-o", folder, "--learning-curve", "colour", "--leakage", "SIFT")
    assert ran.code == 0, ran.err
    files = {path.name for path in folder.iterdir()}
    assert {*REPORT, "cache"} <= files
    assert ran.out == (folder / "comparison.md").read_bytes()
    assert b"| SIFT " in ran.out
    for line in ("SIFT: fold 1 of 2", "colour, 14 lesions: fold 2 of 2", "SIFT, folds by image"):
        assert line in ran.err

    report = {name: (folder / name).read_bytes() for name in REPORT}
    refused = compare("-o", folder)
    assert refused.code == 1
    assert refused.err == (
        f"Error: {folder / 'comparison.csv'} exists already; name another output, or say "
        "--overwrite to replace it.\n"
    )
    again = compare("-o", folder, "--overwrite", "--learning-curve", "colour", "--leakage", "SIFT")
    assert again.code == 0
    assert ": fold" not in again.err  # all of it was in the cache
    assert {name: (folder / name).read_bytes() for name in REPORT} == report


def test_names_that_are_no_methods_are_told_before_the_work(compare, tmp_path):
    for option in ("--baseline", "--learning-curve", "--leakage"):
        ran = compare("-o", tmp_path / "out", option, "texture")
        assert ran.code == 1
        assert ran.err == "Error: There is no method 'texture'; there are 'SIFT', 'colour'.\n"
    assert not (tmp_path / "out").exists()


def test_without_a_file_the_methods_are_the_default_ones(trifuse, table, recipe_file, tmp_path):
    ran = trifuse(
        "compare", table, "-o", tmp_path / "out", "--recipe", recipe_file, "--baseline", "texture"
    )
    names = ", ".join(map(repr, default_methods(Recipe.load(str(recipe_file)))))
    assert ran.err == f"Error: There is no method 'texture'; there are {names}.\n"


def test_a_methods_file_with_an_unknown_key(compare, methods, tmp_path):
    methods.write_text("[SIFT]\nsvm.c = 1\n", encoding="utf-8")
    ran = compare("-o", tmp_path / "out")
    assert ran.code == 1
    assert ran.err == (
        f"Error: {methods}, method 'SIFT': The recipe's section [svm] has no key 'c'; it has C.\n"
    )


def test_more_folds_than_lesions(compare, tmp_path):
    ran = compare("-o", tmp_path / "out", "--folds", "9")
    assert ran.code == 1
    assert ran.err == (
        "Error: the class synthetic_a has 8 groups (lesions), too few for 9 folds; add images of "
        "other lesions, leave the class out, or use fewer folds\n"
    )


@pytest.mark.parametrize("options", [(), ("--folds", "1"), ("--repeats", "0")])
def test_wrong_usage(compare, tmp_path, options):
    ran = compare(*(("-o", tmp_path / "out", *options) if options else ()))
    assert ran.code == 2
    assert not (tmp_path / "out").exists()
