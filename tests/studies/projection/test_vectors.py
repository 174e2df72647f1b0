"""Images become what the model makes of them, and unreadable ones are left out."""

import base64
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from trifuse.classifiers.model_file import load_model
from trifuse.datasets.load import load_dataset
from trifuse.encoders.fusion import fuse
from trifuse.features.images import read_image
from trifuse.studies.projection import vectors
from trifuse.studies.projection.vectors import ProjectionError, choose_vectors, describe_images


@pytest.fixture(scope="module")
def model(model_file):
    return load_model(model_file)


@pytest.fixture(scope="module")
def table(archive):
    return load_dataset(archive).subset(range(0, 56, 8))


def test_a_block_is_the_encoders(model, table):
    images = describe_images(table, model, "color_fisher")
    expected = [model.encoder.encode(read_image(path))["color_fisher"] for path in table.paths]
    assert images.vectors.dtype == np.float32
    np.testing.assert_array_equal(images.vectors, expected)
    assert (images.table, images.of) == (table, "color_fisher")


def test_fused_vectors_are_the_ensembles(model, table):
    blocks = model.encoder.encode(read_image(table.paths[0]))
    found = describe_images(table.subset([0]), model).vectors[0]
    np.testing.assert_array_equal(found, fuse(blocks, model.ensemble.block_weights))
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_scores_and_predictions_are_the_models(model, table):
    images = describe_images(table, model, "scores")
    expected = np.array([model.predict(read_image(path)) for path in table.paths])
    np.testing.assert_allclose(images.vectors**2, expected, atol=1e-6)
    assert images.predicted == tuple(model.classes[best] for best in expected.argmax(axis=1))


def test_distances_of_scores_are_hellingers():
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), size=2)
    a, b = choose_vectors("scores", {}, np.array([p, q]), {})
    hellinger = np.sqrt(1 - np.sum(np.sqrt(p * q)))
    assert np.linalg.norm(a - b) / np.sqrt(2) == pytest.approx(hellinger, rel=1e-5)


def test_thumbnails_show_the_images(model, table):
    uri = describe_images(table, model).thumbnails[3]
    content = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    small = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
    image = read_image(table.paths[3])
    assert small.shape == (48, 64, 3)
    expected = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - expected).mean() < 8


def test_unreadable_images_are_left_out(model, table, tmp_path, monkeypatch):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff and no more")
    paths = (table.paths[0], broken, tmp_path / "none.jpg", *table.paths[3:])
    titles = []

    def map_images(function, items, title, jobs):
        titles.append(title)
        return map(function, items)

    monkeypatch.setattr(vectors, "map_images", map_images)
    images = describe_images(replace(table, paths=paths), model)
    assert images.table == table.subset([0, 3, 4, 5, 6])
    assert images.table.classes == table.classes
    assert len(images.vectors) == len(images.predicted) == len(images.thumbnails) == 5
    assert titles == ["encoding images"]
    assert list(images.unread) == [broken, tmp_path / "none.jpg"]
    assert images.unread[tmp_path / "none.jpg"] == "cannot read the image: there is no such file"
    assert images.trained_on.tolist() == [True] * 5


def test_training_images_are_known_by_their_bytes(model, table, tmp_path):
    anew = tmp_path / "anew.jpg"
    anew.write_bytes(table.paths[1].read_bytes() + b"\0")
    images = describe_images(replace(table, paths=(table.paths[0], anew, *table.paths[2:])), model)
    assert images.trained_on.tolist() == [True, False] + [True] * 5


def test_no_image_at_all(model, table, tmp_path):
    lost = replace(table, paths=tuple(tmp_path / f"{row}" for row in range(7)))
    with pytest.raises(ProjectionError) as caught:
        describe_images(lost, model)
    assert str(caught.value) == ("none of the 7 images can be read: there is nothing to project")


def test_an_unknown_block(model, table):
    with pytest.raises(ProjectionError) as caught:
        describe_images(table, model, "sift")
    assert str(caught.value) == (
        "the model has no 'sift' to project; it has: sift_fisher, color_fisher, fused, scores"
    )


def test_nothing_is_read_for_an_unknown_block(model, table):
    with pytest.raises(ProjectionError, match="has no ''"):
        describe_images(replace(table, paths=tuple(map(Path, "1234567"))), model, "")
