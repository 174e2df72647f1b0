"""The whole as a scikit-learn classifier: what the commands give, and scikit-learn's manners."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score

from trifuse.classifiers.model_file import load_model
from trifuse.datasets.load import load_dataset
from trifuse.datasets.table import DatasetError
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe
from trifuse.training.hybrid_classifier import HybridClassifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(archive):
    return load_dataset(archive)


@pytest.fixture(scope="module")
def fitted(table, recipe_file):
    """A classifier fitted on the archive that `model_file` was trained on; nobody may change it."""
    return HybridClassifier(recipe_file).fit(table.paths, table.labels, groups=table.groups)


@pytest.fixture(scope="module")
def two(table):
    """The images of two classes, their labels and groups."""
    chosen = [row for row, label in enumerate(table.labels) if label[-1] in "ad"]
    return [[values[row] for row in chosen] for values in (table.paths, table.labels, table.groups)]


@pytest.mark.parametrize("jobs", [None, 2])
def test_its_probabilities_are_those_of_train_and_predict(
    fitted, model_file, table, trifuse, tmp_path, jobs
):
    output = tmp_path / "predictions.csv"
    names = [str(path) for path in table.paths[:20]]
    ran = trifuse("predict", *names, "-m", model_file, "-o", output, "--probabilities")
    assert ran.code == 0, ran.err
    with output.open() as file:
        expected = {row["image"]: row for row in csv.DictReader(file)}
    probabilities = clone(fitted).set_params(n_jobs=jobs)
    probabilities.__dict__ |= {name: getattr(fitted, name) for name in ("classes_", "model_")}
    for name, row in zip(names, probabilities.predict_proba(names), strict=True):
        told = [expected[name][f"probability_of_{label}"] for label in fitted.classes_]
        assert list(map(repr, row.tolist())) == told
    assert fitted.predict(names).tolist() == [expected[name]["label_1"] for name in names]


def test_its_file_is_that_of_train(fitted, model_file, tmp_path):
    fitted.save(tmp_path / "m.trifuse")
    assert (tmp_path / "m.trifuse").read_bytes() == model_file.read_bytes()
    again = HybridClassifier.load(tmp_path / "m.trifuse")
    again.save(tmp_path / "again.trifuse")
    assert (tmp_path / "again.trifuse").read_bytes() == model_file.read_bytes()
    assert again.classes_.tolist() == fitted.classes_.tolist()
    assert again.recipe == Recipe.load(str(fitted.recipe))
    assert again.training_.metrics["ensemble"]["bma"] == fitted.training_.metrics["ensemble"]["bma"]


def test_paths_contents_and_pixels_are_the_same_images(fitted, table):
    paths = table.paths[:3]
    expected = fitted.predict_proba(paths)
    for images in (
        list(map(str, paths)),
        [path.read_bytes() for path in paths],
        [read_image(path) for path in paths],
        np.stack([read_image(path) for path in paths]),
    ):
        np.testing.assert_array_equal(fitted.predict_proba(images), expected)


def test_it_fits_pixels_and_any_labels(two, recipe_file):
    paths, labels, groups = two
    numbers = [7 if label.endswith("a") else 10 for label in labels]
    pixels = [read_image(path) for path in paths]
    one = HybridClassifier(recipe_file).fit(pixels, numbers, groups)
    other = HybridClassifier(recipe_file).fit(paths, labels, groups)
    assert one.classes_.tolist() == [7, 10]
    assert one.model_.classes == ("7", "10")
    np.testing.assert_array_equal(one.predict_proba(pixels), other.predict_proba(paths))
    assert set(one.predict(pixels).tolist()) == {7, 10}
    assert len(one.model_.training_images) == len(paths)


def test_grey_pixels_are_rgb_of_three_equal_channels(fitted):
    grey = np.random.default_rng(0).integers(0, 256, (70, 90), dtype=np.uint8)
    one, other = fitted.predict_proba([grey, np.stack([grey] * 3, axis=-1)])
    np.testing.assert_array_equal(one, other)


def test_cross_validation_hands_the_groups_on(two, recipe_file, monkeypatch):
    paths, labels, groups = two
    taken, fit = [], HybridClassifier.fit

    def noting(self, X, y, groups=None):
        taken.append(groups)
        return fit(self, X, y, groups)

    monkeypatch.setattr(HybridClassifier, "fit", noting)
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = HybridClassifier(recipe_file)
        scores = cross_val_score(
            classifier, paths, labels, cv=StratifiedGroupKFold(2), params={"groups": groups},
            scoring="balanced_accuracy",
        )  # fmt: skip
    assert len(scores) == 2
    assert min(scores) > 0.6
    assert sorted(group for part in taken for group in part) == sorted(groups)


def test_without_groups_each_image_is_its_own(two, recipe_file):
    paths, labels, _ = two
    one = HybridClassifier(recipe_file).fit(paths, labels)
    assert one.training_.groups == len(paths)


def test_its_seed_goes_before_the_recipes(two, recipe_file):
    paths, labels, groups = two
    recipe = Recipe.from_dict({**Recipe.load(str(recipe_file)).to_dict(), "random_state": 5})
    fitted = HybridClassifier(recipe, random_state=3).fit(paths, labels, groups)
    assert fitted.model_.recipe.random_state == 3
    drawn = HybridClassifier(recipe, random_state=np.random.RandomState(0))
    assert (
        drawn._own_recipe() == drawn.set_params(random_state=np.random.RandomState(0))._own_recipe()
    )


def test_parameters():
    classifier = HybridClassifier("fast", n_jobs=2)
    assert classifier.get_params() == {"recipe": "fast", "n_jobs": 2, "random_state": 0}
    copied = clone(classifier.set_params(recipe=Recipe(), random_state=1))
    assert copied.get_params() == {"recipe": Recipe(), "n_jobs": 2, "random_state": 1}
    assert not hasattr(copied, "classes_")


@pytest.mark.parametrize("call", ["predict", "predict_proba", "save"])
def test_what_comes_first_is_told(call):
    with pytest.raises(NotFittedError, match=r"not fitted yet\. Call 'fit'"):
        getattr(HybridClassifier(), call)(["a.jpg"])


def test_refusals(two, recipe_file, tmp_path):
    paths, labels, groups = two
    classifier = HybridClassifier(recipe_file)
    with pytest.raises(RecipeError, match="There is no recipe 'best'"):
        HybridClassifier("best").fit(paths, labels)
    with pytest.raises(RecipeError, match="random_state"):
        HybridClassifier(recipe_file, random_state=-1).fit(paths, labels)
    with pytest.raises(ValueError, match="images must be a sequence of images, not a str"):
        classifier.fit(str(paths[0]), labels)
    with pytest.raises(ValueError, match="two classes at least"):
        classifier.fit(paths[:3], ["nv"] * 3)
    with pytest.raises(DatasetError, match="16 paths, 15 labels and 16 groups"):
        classifier.fit(paths, labels[1:], groups)
    with pytest.raises(DatasetError, match="images in more than one class"):
        classifier.fit(paths, labels, ["one"] * len(paths))
    with pytest.raises(ValueError, match="continuous"):
        classifier.fit(paths, np.linspace(0, 1, len(paths)))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    with pytest.raises(ImageError, match=r"cannot read .*broken\.jpg: "):
        classifier.fit([tmp_path / "broken.jpg", *paths[1:]], labels)
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        classifier.fit([tmp_path / "none.jpg", *paths[1:]], labels)
    assert not hasattr(classifier, "model_")


def test_images_that_cannot_be_scored(fitted, tmp_path):
    Image.new("RGB", (3, 3)).save(tmp_path / "tiny.png")
    with pytest.raises(ImageError, match=r"tiny\.png: it is too small to describe"):
        fitted.predict([tmp_path / "tiny.png"])
    with pytest.raises(ValueError, match="uint8"):
        fitted.predict([np.zeros((80, 80, 3))])
    with pytest.raises(ImageError, match="cannot read"):
        fitted.predict([Path("none.jpg")])


def test_its_file_is_one_of_trifuse(fitted, tmp_path, table):
    fitted.save(tmp_path / "m.trifuse")
    model = load_model(tmp_path / "m.trifuse")
    image = read_image(table.paths[0])
    np.testing.assert_array_equal(model.predict(image), fitted.predict_proba([image])[0])


def test_the_page_runs(two, recipe_file, tmp_path, monkeypatch):
    page = Path(__file__).resolve().parents[2] / "docs" / "python.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    paths, labels, lesions = two
    names = {"paths": paths, "labels": labels, "lesions": lesions, "others": paths[:2]}
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block.replace('"fast"', repr(str(recipe_file))), names)
    assert len(blocks) == 6
    assert names["again"].classes_.tolist() == ["synthetic_a", "synthetic_d"]
    assert len(names["scores"]) == 3
    assert names["explanation"].maps["sift_fisher"].shape == (72, 96)
