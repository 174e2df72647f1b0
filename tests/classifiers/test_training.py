"""Training: samples drawn evenly, images encoded in order, and clear refusals."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trifuse.classifiers.model import ClassNamesError
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.training import (
    build_embedder,
    draw_samples,
    encode_archive,
    encode_images,
    fit_model,
    plain_map,
)
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.extraction import FeatureExtractor
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.recipe import Recipe


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return Recipe.load(str(recipe_file))


@pytest.fixture
def train(recipe):
    """Train on images of two classes, a lesion an image."""

    def run(paths, labels, classes=("a", "b")):
        names = [classes[label] for label in labels]
        folds = grouped_stratified_folds(names, [str(path) for path in paths], 2, 0)
        encoder, blocks = encode_archive(paths, recipe)
        return fit_model(encoder, blocks, np.array(labels), classes, folds)

    return run


def with_sample(recipe, **sample):
    return Recipe.from_dict({**recipe.to_dict(), "sample": sample})


def test_no_block_of_the_network_needs_no_network(recipe):
    assert build_embedder(recipe) is None


@pytest.mark.parametrize(("images", "rows"), [(1, [0]), (3, [0, 4, 7]), (100, list(range(8)))])
def test_samples_are_spread_evenly(recipe, pictures, images, rows):
    extractor = FeatureExtractor(with_sample(recipe, size=60, images=images), None)
    samples = draw_samples(list(map(Path, pictures[:8])), extractor)
    assert list(samples) == rows
    each = -(-60 // len(rows))
    for sample in samples.values():
        assert set(sample) == {"sift", "color"}
        assert {len(stream.values) for stream in sample.values()} == {min(each, 80)}


def test_samples_do_not_depend_on_the_order_of_the_work(recipe, pictures):
    def backwards(function, items, title):
        return reversed([function(item) for item in reversed(items)])

    extractor = FeatureExtractor(with_sample(recipe, size=60), None)
    paths = list(map(Path, pictures[:6]))
    one, other = draw_samples(paths, extractor), draw_samples(paths, extractor, backwards)
    for row in one:
        for stream in one[row]:
            np.testing.assert_array_equal(one[row][stream].values, other[row][stream].values)


def test_images_are_encoded_in_order(model_file, pictures):
    encoder = load_model(model_file).encoder
    blocks = encode_images(pictures[:5], encoder)
    assert list(blocks) == ["sift_fisher", "color_fisher"]
    for row, picture in enumerate(pictures[:5]):
        for name, vector in encoder.encode(read_image(picture)).items():
            np.testing.assert_array_equal(blocks[name][row], vector)
    assert all(block.dtype == np.float32 for block in blocks.values())


def test_the_plain_mapper():
    assert list(plain_map(partial(pow, 2), [1, 2, 3], "powers")) == [2, 4, 8]


def test_two_classes(train, pictures):
    paths = [Path(path) for path in pictures if "synthetic_a" in path or "synthetic_d" in path]
    labels = [int("synthetic_d" in path.name) for path in paths]
    model, out_of_fold = train(paths, labels)
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
    encoder, blocks = encode_archive(table.paths, recipe)
    model, _ = fit_model(encoder, blocks, table.label_indices, table.classes, folds)
    expected = load_model(model_file)
    for picture in pictures[:3]:
        image = read_image(picture)
        np.testing.assert_allclose(model.predict(image), expected.predict(image), atol=1e-4)
