"""The synthetic archive is the same for a seed, is read like any other, and needs both senses."""

import hashlib

import cv2
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score

from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.synthetic import SYNTHETIC_CLASSES, write_synthetic_archive
from trifuse.features.images import read_image


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return load_dataset(
        write_synthetic_archive(tmp_path_factory.mktemp("synthetic"), images_per_class=24, seed=3)
    )


def test_a_seed_decides_the_bytes(tmp_path):
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        write_synthetic_archive(tmp_path / name, images_per_class=2, size=(60, 80), seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    images = [read_image(tmp_path / name / "images/synthetic_a_0000.jpg") for name in "ac"]
    assert not np.array_equal(*images)


def test_a_larger_archive_holds_the_smaller(tmp_path):
    write_synthetic_archive(tmp_path / "a", images_per_class=2, size=(60, 80))
    write_synthetic_archive(tmp_path / "b", images_per_class=3, size=(60, 80))
    small, large = digest(tmp_path / "a"), digest(tmp_path / "b")
    pictures = [path for path in small if path.suffix == ".jpg"]
    assert len(pictures) == 14
    assert all(small[path] == large[path] for path in pictures)


def test_it_says_what_it_is(tmp_path):
    write_synthetic_archive(tmp_path, images_per_class=2, size=(60, 80))
    assert "computed" in (tmp_path / "README.txt").read_text()
    assert all(name.startswith("synthetic_") for name in SYNTHETIC_CLASSES)


def test_it_is_a_table_of_seven_classes_with_lesions_of_several_views(archive):
    assert archive.classes == tuple(sorted(SYNTHETIC_CLASSES))
    assert [archive.labels.count(name) for name in archive.classes] == [24] * 7
    sizes = np.bincount(archive.group_indices)
    assert set(sizes) == {1, 2, 3}
    assert {read_image(path).shape for path in archive.paths} == {(120, 160, 3)}


def test_views_of_a_lesion_differ_but_are_more_alike_than_lesions(archive):
    colours = np.array([read_image(path)[40:80, 60:100].mean((0, 1)) for path in archive.paths])
    groups, labels = archive.group_indices, archive.label_indices
    distance = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    upper = np.triu(np.ones_like(distance, bool), 1)
    same_lesion = (groups[:, None] == groups[None]) & upper
    same_class = (labels[:, None] == labels[None]) & upper & ~same_lesion
    assert 0 < distance[same_lesion].mean() < distance[same_class].mean()


def colour_histogram(image):
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    return np.concatenate([np.histogram(lab[:, :, c], 32, (0, 256))[0] for c in range(3)])


def gradient_statistics(image):
    """Describe texture whatever its colour, contrast and rotation, at three scales."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[20:100, 30:130].astype(np.float32)
    parts = []
    for scale in (1, 2, 3):
        smooth = cv2.GaussianBlur(grey, (0, 0), scale)
        x, y = cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)
        strength, orientation = np.hypot(x, y), np.arctan2(y, x) % np.pi
        turned = np.histogram(orientation, 12, (0, np.pi), weights=strength)[0] / strength.sum()
        parts.append(np.roll(turned, -turned.argmax()))
        xx, yy, xy = (cv2.GaussianBlur(v, (0, 0), 2.5 * scale) for v in (x * x, y * y, x * y))
        coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-3)
        parts.append(np.histogram(coherence, 8, (0, 1), weights=strength)[0] / strength.sum())
        curvature = cv2.Laplacian(smooth, -1)
        parts.append(np.histogram(curvature / curvature.std(), 12, (-3, 3))[0] / grey.size)
    return np.concatenate(parts)


def test_neither_colour_nor_texture_suffices_but_both_do(archive):
    images = [read_image(path) for path in archive.paths]
    colour = np.array([colour_histogram(image) for image in images])
    texture = np.array([gradient_statistics(image) for image in images])
    folds = grouped_stratified_folds(archive.labels, archive.groups, 3, 0)
    truth = archive.label_indices

    def balanced_accuracy(features):
        predicted = np.zeros_like(truth)
        for train, test in folds:
            forest = RandomForestClassifier(60, random_state=0)
            predicted[test] = forest.fit(features[train], truth[train]).predict(features[test])
        return balanced_accuracy_score(truth, predicted)

    # Three palettes of seven classes: 3/7 at best; four textures: 4/7; chance: 1/7.
    assert 0.25 < balanced_accuracy(colour) < 0.55
    assert 0.35 < balanced_accuracy(texture) < 0.70
    assert 0.75 < balanced_accuracy(np.hstack([colour, texture])) < 0.99
