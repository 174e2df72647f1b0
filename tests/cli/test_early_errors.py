"""What is wrong with a recipe or an archive is told in the first seconds: no work has begun."""

import csv

import pytest

from trifuse.training.train import TrainingOptions, run_training

NETWORK_STAGE = "exporting the network: mobilenet-0.75"
NOWHERE = """
[cnn]
backbone = "mobilenet-0.75"
weights = "nowhere.h5"
"""
MISSING = (
    "Error: there is no weights file 'nowhere.h5'; give the path of a Keras weights file, "
    "'default', 'imagenet' or 'random'\n"
)
FOLDS = (
    "Error: the class {} has {} groups (lesions), too few for 99 folds; add images of other "
    "lesions, leave the class out, or use fewer folds\n"
)
PLAIN = (
    "Error: The recipe finds nothing to describe in any of 8 images (the first has 72 rows x 96 "
    "columns): its patches are larger than the shrunken images; lower bin_sizes, or raise "
    "longest_side.\n"
)


def assert_refused(result, sentence):
    """Nothing but the sentence, after the stage that it is found in."""
    assert (result.code, result.out) == (1, b"")
    assert result.err.endswith(sentence)
    (*stages, _) = result.err.splitlines()
    assert set(stages) <= {"trying the recipe on a few images", NETWORK_STAGE}


@pytest.fixture(scope="module")
def table(archive, tmp_path_factory):
    """The archive's pictures, each a lesion by itself: enough for five folds."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    with path.open("w", newline="") as file:
        pictures = sorted((archive / "images").glob("*.jpg"))
        rows = [(picture, picture.stem.rsplit("_", 1)[0]) for picture in pictures]
        csv.writer(file).writerows([("path", "label"), *rows])
    return path


@pytest.fixture
def run(trifuse, table, recipe_file, tmp_path):
    """Run a command on the table, by the small recipe with other lines."""

    def run(command, old="", new="", *options):
        recipe = tmp_path / "recipe.toml"
        text = recipe_file.read_text()
        assert old in text
        recipe.write_text(text.replace(old, new))
        output = tmp_path / ("m.trifuse" if command == "train" else "out")
        extra = ("--folds", "2") if command == "compare" else ()
        return trifuse(
            command, table, "-o", output, "--recipe", recipe, "-j", "1", *extra, *options
        )

    return run


COMMANDS = ("train", "compare", "tune")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_weights_file(run, command):
    result = run(command, "[fusion.weights]\n", f"{NOWHERE}[fusion.weights]\ncnn = 1\n")
    assert_refused(result, MISSING)


def test_a_missing_weights_file_of_one_of_many_methods(run, tmp_path):
    methods = tmp_path / "methods.toml"
    methods.write_text("""
["colour"]
fusion.weights = { color_fisher = 1 }
["network"]
fusion.weights = { cnn = 1 }
cnn = { backbone = "mobilenet-0.75", weights = "nowhere.h5" }
""")
    result = run("compare", "", "", "--methods", methods)
    assert_refused(result, MISSING)


@pytest.mark.parametrize(
    ("command", "groups"), [("compare", 4), ("tune", 7)]
)  # a training part's; the searched ones
def test_more_folds_than_lesions(run, command, groups):
    result = run(command, "folds = 2", "folds = 99")
    assert_refused(result, FOLDS.format("synthetic_a", groups))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_recipe_that_finds_nothing_to_describe(run, command):
    patch = "step = 8\nbin_sizes = [{}]\npca_dimension = 6"  # the colour's
    result = run(command, patch.format(4), patch.format(99))
    assert_refused(result, PLAIN)


def test_a_missing_weights_file_of_a_network_to_fine_tune(trifuse, archive, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[network]\nweights = "nowhere.h5"\n[split]\nfolds = 3\ncalibration = 1\n')
    result = trifuse("finetune", archive, "-o", tmp_path / "out", "--recipe", recipe)
    assert_refused(result, MISSING)


def test_another_search(run):
    assert run("tune", "", "", "--trials", "1", "--keep-codebooks").code == 0
    result = run("tune", "folds = 2", "folds = 3", "--trials", "1", "--keep-codebooks")
    assert result.code == 1
    assert result.err.startswith("Error: ")
    assert result.err.endswith(" holds a search with another recipe; name another folder.\n")


def test_a_network_of_other_classes(run, write_network):
    network = write_network(classes=("a", "b"))
    result = run("train", "", "", "--backbone", network)
    assert result.code == 1
    assert result.err.startswith("Error: the fine-tuned network is of the classes a, b, but ")


def test_a_model_that_cannot_be_explained(trifuse, archive, recipe_file, tmp_path):
    recipe = tmp_path / "trees.toml"
    recipe.write_text(recipe_file.read_text() + 'members = ["lightgbm"]\n')
    model = tmp_path / "trees.trifuse"
    run_training(TrainingOptions(str(archive), str(model), str(recipe)))
    result = trifuse("explain", archive / "images", "-m", model, "-o", tmp_path / "out")
    assert result.code == 1
    assert result.err.startswith("Error: The model decides by lightgbm alone, ")
    assert not (tmp_path / "out").exists()
