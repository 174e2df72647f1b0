"""What the frozen layers make of changed images, kept on the disk."""

import numpy as np
import pytest

from trifuse.training.networks import trunk as module
from trifuse.training.networks.trunk import KeptFeatures, count_changes, store_features

CHANGES = np.array([3, 1, 20, 2])


class FakeTrunk:
    """Gives the mean colour of an image."""

    def __init__(self):
        self.calls = 0

    def features(self, image):
        self.calls += 1
        return image.mean(axis=(0, 1), keepdims=True).astype(np.float32)


@pytest.fixture
def store(table, finetuning):
    def run(path):
        trunk, kept = FakeTrunk(), KeptFeatures(path, CHANGES, (1, 1, 3))
        store_features(kept, table.paths[:4], trunk, finetuning(), None)
        return kept.open(), trunk.calls

    return run


def test_each_image_has_its_changes_one_after_another(store, tmp_path, finetuning, table):
    found, calls = store(tmp_path / "f")
    assert found.shape == (26, 1, 1, 3)
    assert calls == 26
    item = module.ChangedImage(table.paths[2], 2, range(17, 18))
    (expected,) = module.changed_features(FakeTrunk(), finetuning(), item)
    np.testing.assert_array_equal(found[3 + 1 + 17], expected)
    assert len(np.unique(found[4:24, 0, 0, 0])) > 10


def test_it_goes_on_wherever_it_was_cut(store, tmp_path):
    path = tmp_path / "f"
    store(path)
    whole = path.read_bytes()
    size = len(whole) // 26
    for left in (0, 1, size, 2 * size + 3, 5 * size, 13 * size - 1, 25 * size, len(whole)):
        path.write_bytes(whole[:left])
        _, calls = store(path)
        assert calls == 26 - left // size
        assert path.read_bytes() == whole


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
def test_as_many_changes_as_draws_are_expected(finetuning, exponent):
    labels = np.repeat([0, 1], [90, 10])
    recipe = finetuning(
        balance={"exponent": exponent},
        schedule={"batch": 10, "images_per_epoch": 500, "epochs": 2},
    )
    changes = count_changes(labels, recipe)
    shares = np.array([90.0, 10.0]) ** (1 - exponent)
    expected = 1000 * shares / shares.sum() / [90, 10]
    np.testing.assert_array_equal(changes, np.ceil(expected - 1e-9)[labels])
    assert 1000 <= changes.sum() < 1000 + 100
