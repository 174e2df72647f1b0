"""``trifuse tune``, as people run it."""

import pytest

from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.recipes.recipe import Recipe
from trifuse.studies.tuning import search_space as space
from trifuse.studies.tuning.search_report import SEARCH, SEARCH_FILES


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    """An archive with enough lesions in each class for five folds."""
    folder = tmp_path_factory.mktemp("lesions")
    write_synthetic_archive(folder, images_per_class=14, size=(72, 96))
    return folder


@pytest.fixture
def tune(trifuse, lesions, recipe_file, tmp_path, monkeypatch):
    monkeypatch.setattr(
        space, "CLASSIFIERS", {"svm.C": space.Range(0.1, 100.0), space.MEMBERS: ("svm",)}
    )

    def run(*options, data=lesions, recipe=recipe_file, output=tmp_path / "search"):
        return trifuse("tune", data, "-o", output, "--recipe", recipe, "-j", "1", *options)

    return run


def test_a_search_that_goes_on(tune, recipe_file, tmp_path):
    folder = tmp_path / "search"
    first = tune("--trials", "2", "--keep-codebooks")
    assert first.code == 0, first.err
    assert first.out == (folder / "report.md").read_bytes()
    assert [line for line in first.err.splitlines() if line.startswith("trial ")][1:] != []
    assert Recipe.load(str(folder / "best.toml")).streams == Recipe.load(str(recipe_file)).streams
    # Of two trials no importance is told.
    names = [name for name in SEARCH_FILES if "importance" not in name]
    files = {name: (folder / name).read_bytes() for name in names}
    assert {path.name for path in folder.iterdir()} == {*names, SEARCH, "cache"}

    again = tune("--trials", "2", "--keep-codebooks")
    assert (again.code, again.out) == (0, first.out)
    assert "trial 1" not in again.err
    assert {name: (folder / name).read_bytes() for name in names} == files

    more = tune("--trials", "12", "--keep-codebooks")  # three for each of four choices
    assert more.code == 0
    assert (folder / "trials.csv").read_bytes().startswith(files["trials.csv"])
    assert len((folder / "trials.csv").read_text().splitlines()) == 13
    assert {path.name for path in folder.iterdir()} == {*SEARCH_FILES, SEARCH, "cache"}

    path = folder / "search.sqlite3"
    for options, what in (
        ((), "search space"),
        (("--keep-codebooks", "--objective", "bma"), "objective"),
    ):
        other = tune("--trials", "13", *options)
        assert other.code == 1
        sentence = f"Error: {path} holds a search with another {what}; name another folder.\n"
        assert other.err.endswith(sentence)
    other = tune("--keep-codebooks", recipe="fast")
    assert other.err.endswith("with another recipe; name another folder.\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--trials", "0"), "Invalid value for '--trials': 0 is not in the range x>=1."),
        (("--time", "0"), "Invalid value for '--time': 0.0 is not in the range x>0."),
        (("--objective", "loss"), "Invalid value for '--objective': 'loss' is not one of"),
    ],
)
def test_wrong_usage(tune, options, sentence):
    result = tune(*options)
    assert result.code == 2
    assert sentence in result.err


def test_what_cannot_be(tune, tmp_path, archive):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.md").write_text("of something else")
    refusals = [
        (tune(data=tmp_path / "none"), f"Error: there is no {tmp_path / 'none'}; expected"),
        (tune(recipe="best"), "Error: There is no recipe 'best'; name one of"),
        (tune(output=tmp_path / "mine"), f"Error: {tmp_path / 'mine'} holds report.md, but no"),
        (tune(data=archive), "Error: the class synthetic_b has 3 groups (lesions), too few"),
    ]
    for result, sentence in refusals:
        assert (result.code, result.out) == (1, b"")
        assert result.err.startswith(sentence)  # before any work
    assert (tmp_path / "mine" / "report.md").read_text() == "of something else"


def test_the_objectives_are_those_of_the_search():
    from trifuse.cli.tune import command
    from trifuse.studies.tuning.search import OBJECTIVES

    (option,) = (param for param in command.params if param.name == "objective")
    assert tuple(option.type.choices) == tuple(OBJECTIVES)
