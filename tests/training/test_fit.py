"""Training: an archive becomes a model, and clear refusals."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trifuse.classifiers.model import ClassNamesError
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.network_file import load_network
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.codebook import CodebookError
from trifuse.features.files import file_sha256
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.recipe import Recipe
from trifuse.training import fit as fitting
from trifuse.training.duplicates.guard import Inspection
from trifuse.training.encoding import (
    build_extractor,
    encode_archive,
)
from trifuse.training.fit import fit_archive, fit_model
from trifuse.training.networks.crossfit import CrossFitted


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return Recipe.load(str(recipe_file))


@pytest.fixture
def train(recipe):
    """Train on images of two classes, a lesion an image."""

    def run(paths, labels, classes=("a", "b")):
        names = [classes[label] for label in labels]
        folds = grouped_stratified_folds(names, [str(path) for path in paths], 2, 0)
        encoder, blocks = encode_archive(paths, build_extractor(recipe, paths))
        groups = tuple(map(str, paths))
        table = LabelledTable(tuple(paths), tuple(names), groups, classes)
        return fit_model(encoder, blocks, table, folds, ["0" * 64])

    return run


def test_two_classes(train, pictures):
    paths = [Path(path) for path in pictures if "synthetic_a" in path or "synthetic_d" in path]
    labels = [int("synthetic_d" in path.name) for path in paths]
    model, out_of_fold, _ = train(paths, labels)
    assert model.classes == ("a", "b")
    assert out_of_fold.probabilities["ensemble"].shape == (16, 2)
    found = [model.predict(read_image(path)).argmax() for path in paths]
    assert np.mean(np.equal(found, labels)) > 0.8


def test_an_image_that_cannot_be_read_is_named(train, pictures, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(Path(pictures[0]).read_bytes()[:500])
    paths = [*map(Path, pictures[:7]), broken]
    with pytest.raises(ImageError, match=rf"^cannot read {broken}: "):
        train(paths, [0, 1] * 4)


def test_plain_images_are_told(train, tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths:
        Image.new("RGB", (60, 60), (200, 150, 120)).save(path)
    with pytest.raises(CodebookError, match="There are no two different local descriptors"):
        train(paths, [0, 1, 0, 1])


def test_class_names_are_checked(train, pictures):
    paths = [Path(path) for path in pictures[:4]]
    with pytest.raises(ClassNamesError, match="is not one line of text"):
        train(paths, [0, 1, 0, 1], classes=("a", "b\n"))


def test_the_model_of_an_archive(archive, recipe, model_file, pictures):
    table = load_dataset(archive)
    folds = grouped_stratified_folds(table.labels, table.groups, 2, recipe.random_state)
    encoder, blocks = encode_archive(table.paths, build_extractor(recipe, table.paths))
    images = [file_sha256(path) for path in table.paths]
    model, *_ = fit_model(encoder, blocks, table, folds, images)
    expected = load_model(model_file)
    for picture in pictures[:3]:
        image = read_image(picture)
        np.testing.assert_allclose(model.predict(image), expected.predict(image), atol=1e-4)


def test_networks_of_the_recipe_are_a_member(archive, recipe, write_network, monkeypatch):
    """What is said of training them is tested elsewhere."""
    table = load_dataset(archive)
    recipe = recipe.but({"networks": {"per_fold": 1}})
    classifier = load_network(write_network()).classifier
    logits = np.eye(7, dtype=np.float32)[table.label_indices] * 3
    about = [{"backbone": "efficientnet-lite0", "images_seen": 28}]
    folders = []

    def cross_fit(inspection, images, folds, own, folder, jobs, say):
        assert (list(images), own, len(folds)) == ([*table.paths], recipe, 2)
        assert folder.is_dir()
        folders.append(folder)
        return CrossFitted(classifier, logits, about)

    monkeypatch.setattr(fitting, "cross_fit", cross_fit)
    inspection = Inspection(table, tuple(map(file_sha256, table.paths)), ())
    model, training, _ = fit_archive(inspection, build_extractor(recipe, table.paths))
    assert model.networks == (classifier,)
    assert (training.networks, training.held_out[0]) == (about, len(table))
    assert training.metrics["network"]["accuracy"] == 1
    assert model.ensemble.pool.weights["network"] > 0.5
    assert len(model.training_images) == len(table)
    assert not folders[0].exists()
