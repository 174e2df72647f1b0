"""Batches: drawn by class, and each a function of the seed and its step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.images import ImageError
from trifuse.training.networks.batches import Batches, StoredBatches, drawing_shares


@pytest.fixture
def batches(table, finetuning):
    def make(**sections):
        return Batches(table.paths, table.label_indices, finetuning(**sections))

    return make


def assert_same(one, other):
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)


LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array)


@settings(deadline=None)
@given(labels=LABELS)
def test_an_exponent_of_none_draws_images_alike(labels):
    np.testing.assert_allclose(drawing_shares(labels, 0.0), 1 / len(labels))


@settings(deadline=None)
@given(labels=LABELS)
def test_an_exponent_of_one_draws_classes_alike(labels):
    shares = drawing_shares(labels, 1.0)
    totals = np.bincount(labels, weights=shares)
    present = np.unique(labels)
    np.testing.assert_allclose(totals[present], 1 / len(present))


@settings(deadline=None)
@given(labels=LABELS, exponent=st.floats(0, 1))
def test_shares_are_a_power_of_the_class_size(labels, exponent):
    shares = drawing_shares(labels, exponent)
    assert shares.sum() == pytest.approx(1)
    sizes = np.bincount(labels)[labels]
    for one, other in itertools.pairwise(range(len(labels))):
        expected = (sizes[one] / sizes[other]) ** -exponent
        assert shares[one] / shares[other] == pytest.approx(expected)


def test_a_batch_has_the_shape_of_the_recipe(batches):
    batch = batches().make(0)
    assert (batch.images.shape, batch.images.dtype) == ((4, 32, 32, 3), np.float32)
    assert batch.labels.shape == (4,)
    assert batch.images.min() >= 0
    assert batch.images.max() <= 255


def test_a_batch_does_not_depend_on_those_before(batches):
    one, other = batches(), batches()
    earlier = [one.make(step) for step in range(3)]
    assert_same(other.make(2), earlier[2])
    assert np.abs(earlier[0].images - earlier[1].images).max() > 10
    assert_same(one.make(0), earlier[0])


def test_another_seed_gives_other_batches(batches, table, finetuning):
    seeded = Batches(
        table.paths,
        table.label_indices,
        type(finetuning()).from_dict({**finetuning().to_dict(), "random_state": 1}),
    )
    assert np.abs(seeded.make(0).images - batches().make(0).images).max() > 10


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 2), (3, 9)])
def test_batches_made_ahead_are_the_same(batches, start, stop):
    made = batches()
    found = list(made.iterate(start, stop))
    assert len(found) == stop - start
    for step, batch in zip(range(start, stop), found, strict=True):
        assert_same(batch, made.make(step))


def test_images_are_labelled_by_their_classes(batches, table):
    still = dict.fromkeys(
        ("rotation", "shift", "brightness", "contrast", "saturation", "hue", "color_constancy"), 0
    )
    made = batches(augmentation={**still, "crop": 1.0, "flip": False}, schedule={"batch": 12})
    middle = Batches(table.paths, table.label_indices, made.recipe)
    known = {}
    for row, label in enumerate(table.label_indices):
        alone = Batches(table.paths[row : row + 1], np.array([0]), made.recipe)
        known[alone.make(0).images[0].tobytes()] = label
    batch = middle.make(0)
    assert [known[image.tobytes()] for image in batch.images] == batch.labels.tolist()


def test_rare_classes_are_drawn_as_asked(table, finetuning):
    labels = np.array([0] * 90 + [1] * 10)
    paths = [table.paths[0]] * 100
    recipe = finetuning(schedule={"batch": 400}, network={"side": 1}, balance={"exponent": 0.5})
    share = np.mean(Batches(paths, labels, recipe).make(0).labels)
    assert share == pytest.approx(1 / 4, abs=0.07)  # 10 ** 0.5 of 10 ** 0.5 + 90 ** 0.5


def test_an_image_that_cannot_be_read_ends_it(table, finetuning, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff and no more")
    made = Batches([broken], np.array([0]), finetuning())
    with pytest.raises(ImageError, match=rf"^cannot read {broken}: "):
        next(made.iterate(0, 9))


def test_leaving_early_leaves_no_thread(batches):
    import threading

    before = threading.active_count()
    steps = batches().iterate(0, 50)
    next(steps)
    steps.close()
    assert threading.active_count() == before


def test_mixed_images_are_of_the_same_draw(batches):
    plain, mixed = batches().make(3), batches(augmentation={"mixup": 0.4}).make(3)
    np.testing.assert_array_equal(plain.others, plain.labels)
    np.testing.assert_array_equal(plain.shares, 1)
    np.testing.assert_array_equal(mixed.labels, plain.labels)
    assert mixed.images.dtype == mixed.shares.dtype == np.float32
    for row, (image, share) in enumerate(zip(mixed.images, mixed.shares, strict=True)):
        made = [share * plain.images[row] + (1 - share) * other for other in plain.images]
        distances = [np.abs(image - one).max() for one in made]
        assert min(distances) < 1e-3
        assert plain.labels[int(np.argmin(distances))] == mixed.others[row]


CHANGES = np.array([3, 1, 4, 2, 5])


@pytest.fixture
def stored(finetuning):
    """Batches of three of five images, whose feature is 10 times the image and the change."""
    features = [10 * row + change for row, n in enumerate(CHANGES) for change in range(n)]
    kept = np.array(features, np.float16).reshape(-1, 1, 1, 1)
    schedule = {"batch": 20, "images_per_epoch": 60, "epochs": 2}
    recipe = finetuning(schedule=schedule)
    return StoredBatches(kept, CHANGES, np.array([4, 0, 2]), np.array([0, 1, 2]), recipe)


def test_stored_features_are_drawn_with_their_labels(stored):
    batch = stored.make(1)
    assert (batch.images.shape, batch.images.dtype) == ((20, 1, 1, 1), np.float32)
    np.testing.assert_array_equal(batch.images.ravel() // 10, stored_rows(batch))


def stored_rows(batch):
    return np.array([4, 0, 2])[batch.labels]


def test_every_draw_takes_the_next_change(stored):
    batches = [stored.make(step) for step in range(6)]
    images = np.concatenate([batch.images.ravel() for batch in batches]).astype(int)
    assert len(images) == 120
    for row in (4, 0, 2):
        changes = images[images // 10 == row] % 10
        np.testing.assert_array_equal(changes, np.arange(len(changes)) % CHANGES[row])


def test_a_trial_may_have_more_steps_than_the_schedule(stored):
    assert stored.make(6).images.shape == (20, 1, 1, 1)


def test_stored_batches_do_not_depend_on_those_before(stored):
    later = stored.make(4)
    stored.make(0)
    assert_same(stored.make(4), later)
