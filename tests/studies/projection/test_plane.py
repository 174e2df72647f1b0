"""Planes are the same each time, keep what is separate apart, and are measured honestly."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from trifuse.datasets.table import LabelledTable
from trifuse.features.libraries import ExtraError
from trifuse.studies.projection import faithfulness
from trifuse.studies.projection.faithfulness import (
    Faithfulness,
    Recall,
    look_around,
    mean_recall,
    measure_faithfulness,
)
from trifuse.studies.projection.plane import check_perplexity, place_images, project_vectors
from trifuse.studies.projection.vectors import ProjectionError

NONE, ALL = np.zeros(90, bool), np.ones(90, bool)


def test_the_same_vectors_and_seed_give_the_same_points(blobs, image_map):
    points = project_vectors(blobs().vectors, perplexity=10)
    assert (points.shape, points.dtype) == ((90, 2), np.float32)
    assert points.tobytes() == image_map.points.tobytes()


def test_separate_clusters_stay_separate(image_map):
    kept = image_map.faithfulness
    assert (kept.recall, kept.known, kept.new) == (Recall(1, 1), None, None)
    assert kept.trustworthiness > 0.85  # within a cluster there is only noise to keep


def test_a_plane_keeps_a_plane(blobs):
    rng = np.random.default_rng(0)
    flat = np.zeros((90, 7), dtype=np.float32)
    flat[:, :2] = rng.uniform(size=(90, 2))
    kept = measure_faithfulness(flat, project_vectors(flat, perplexity=10), blobs().table, NONE)
    assert kept.trustworthiness > 0.97


def test_a_plane_without_structure_is_not_trusted(blobs):
    images = blobs()
    points = np.random.default_rng(0).normal(size=(90, 2)).astype(np.float32)
    kept = measure_faithfulness(images.vectors, points, images.table, ALL)
    expected = trustworthiness(images.vectors, points, n_neighbors=5)
    assert kept.trustworthiness == pytest.approx(expected, abs=1e-12)
    assert kept.trustworthiness < 0.6
    assert kept.recall.plane < 0.6
    assert kept.recall.vectors == 1
    assert (kept.known, kept.new) == (None, None)


def test_neighbors_of_the_same_group_do_not_count():
    # Each image's nearest is of its own group; the next is of the other class, except for a.
    places = np.array([0.0, 0.1, 1.0, 1.1, 1.6])
    table = LabelledTable(tuple("12345"), ("x", "x", "y", "y", "y"), ("a", "a", "b", "b", "c"))
    hits, _ = look_around(places[:, None], table, np.zeros((5, 1), int))
    # x: 0 of 2 (their nearest others are y); y: 1.0 and 1.1 find 1.6, and it finds 1.1.
    assert mean_recall(hits, table, np.ones(5, bool)) == 0.5
    # Of 0.0 and 1.6 only: classes that are not among them have no part in the mean.
    assert mean_recall(hits, table, places == 0) == 0
    assert mean_recall(hits, table, np.isin(places, (0, 1.6))) == 0.5
    assert mean_recall(hits, table, np.isin(places, (1, 1.6))) == 1


def test_images_that_the_model_knows_are_measured_apart():
    # Four known images of each class side by side, and two new ones beside those of the other.
    places = np.array([0, 1, 2, 3, 96.5, 106.5, 100, 101, 102, 103, -3.5, 6.5], np.float32)
    known = np.tile([True] * 4 + [False] * 2, 2)
    names = tuple(map(str, range(12)))
    table = LabelledTable(names, ("a",) * 6 + ("b",) * 6, names)
    kept = measure_faithfulness(
        places[:, None], np.stack([places, 0 * places], axis=1), table, known
    )
    assert (kept.known, kept.new) == (Recall(1, 1), Recall(0, 0))
    assert kept.recall == pytest.approx((2 / 3, 2 / 3))


def test_recall_and_ranks_are_those_of_a_plain_loop(monkeypatch):
    monkeypatch.setattr(faithfulness, "CHUNK_MEGABYTES", 1e-3)  # two rows a chunk
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 3))
    groups = rng.integers(0, 25, 60)
    labels = groups % 3
    table = LabelledTable(
        tuple(range(60)), tuple(f"class {label}" for label in labels), tuple(map(str, groups))
    )
    hits = {0: [], 1: [], 2: []}
    for row in range(60):
        others = [other for other in range(60) if groups[other] != groups[row]]
        nearest = min(others, key=lambda other: np.linalg.norm(points[row] - points[other]))
        hits[labels[row]].append(labels[nearest] == labels[row])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    others = rng.integers(0, 60, (60, 4))
    found, ranks = look_around(points, table, others)
    expected = np.mean([np.mean(of_class) for of_class in hits.values()])
    assert mean_recall(found, table, np.ones(60, bool)) == pytest.approx(expected)
    for row in range(60):
        for other, rank in zip(others[row], ranks[row], strict=True):
            assert rank == np.sum(distances[row] < distances[row, other] - 1e-9)


@pytest.mark.parametrize(
    ("perplexity", "n_images", "sentence"),
    [
        (4, 1000, "the perplexity must be 5 at least, not 4"),
        (30, 90, "a perplexity of 30 takes 91 images at least, and there are 90; "
                 "a perplexity of 29 would do"),
        (5, 15, "a perplexity of 5 takes 16 images at least, and there are 15; give more"),
    ],
)  # fmt: skip
def test_images_and_perplexity_must_fit(perplexity, n_images, sentence):
    with pytest.raises(ProjectionError) as caught:
        check_perplexity(perplexity, n_images)
    assert str(caught.value) == sentence


def test_the_fewest_images_are_enough(blobs):
    few = blobs(("a", "b"), 8)
    check_perplexity(5, 16)
    assert np.isfinite(place_images(few, perplexity=5).points).all()
    with pytest.raises(ProjectionError, match="there are 15"):
        project_vectors(few.vectors[:15], perplexity=5)


def test_vectors_that_are_all_the_same():
    with pytest.raises(ProjectionError) as caught:
        project_vectors(np.ones((40, 3), dtype=np.float32), perplexity=10)
    assert str(caught.value) == (
        "the 40 images have one and the same vector: there is nothing to see"
    )


def test_without_umap_a_sentence_says_what_to_install(monkeypatch, blobs):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ExtraError) as caught:
        project_vectors(blobs().vectors, "umap", 10)
    assert str(caught.value) == (
        'this needs umap, which is not installed; run: pip install "trifuse[umap]"'
    )


def test_umap_gets_the_principal_components_and_the_seed(monkeypatch, blobs):
    class Umap:
        def __init__(self, **options):
            self.options = options

        def fit_transform(self, values):
            assert self.options == {"n_neighbors": 10, "random_state": 3, "n_jobs": 1}
            assert values.shape == (90, 50)
            return values[:, :2].astype(np.float64)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    found = place_images(blobs(), "umap", 10, 3)
    assert (found.points.shape, found.points.dtype) == ((90, 2), np.float32)
    assert found.caption.startswith(
        "UMAP of cnn, neighbours 10, seed 3: 90 images of 45 groups. Trustworthiness 0."
    )


def test_the_caption(image_map):
    told = replace(image_map, faithfulness=Faithfulness(0.9876, Recall(0.6, 0.4321)))
    assert told.title == "t-SNE of cnn"
    assert told.caption == (
        "t-SNE of cnn, perplexity 10, seed 0: 90 images of 45 groups. Trustworthiness 0.988. "
        "The nearest image of another group is of the same class (mean over classes): "
        "43.2 % here, 60.0 % before projection."
    )


def test_the_caption_tells_of_both_parts(image_map):
    known = np.arange(90) < 60
    images = replace(image_map.images, trained_on=known)
    kept = Faithfulness(0.9, Recall(0.5, 0.4), Recall(0.7, 0.6), Recall(0.1, 0.05))
    told = replace(image_map, images=images, faithfulness=kept).caption
    assert "90 images of 45 groups; the model was trained on 60 of the images. Trust" in told
    assert told.endswith(
        "(mean over classes): 40.0 % here, 50.0 % before projection; "
        "of the 60 that the model was trained on: 60.0 % here, 70.0 % before; "
        "of the 30 that the model was not trained on: 5.0 % here, 10.0 % before."
    )
