"""Likely are pairs whose descriptors differ little and agree in turn and zoom, and they alone."""

import numpy as np
import pytest

from trifuse.training.duplicates.candidates import MOST_DIFFERING, likely_pairs
from trifuse.training.duplicates.keypoints import Keypoints

N = 40


def make(descriptors, turns=0, scales=0):
    n = len(descriptors)
    columns = (np.full(n, value, np.uint8) for value in (turns, scales))
    return Keypoints(np.zeros((n, 2), np.float32), descriptors, *columns, tolerance=4.0)


def change(random, descriptors, n_bits):
    """Flip that many bits of each descriptor."""
    bits = np.unpackbits(descriptors, axis=1)
    for row in bits:
        row[random.choice(256, n_bits, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def strangers(random):
    """Images of nothing that another shows, and their mirror images."""
    images = [make(random.integers(0, 256, (N, 32), np.uint8)) for _ in range(60)]
    return images[:30], images[30:]


def likely(own, mirrored, groups=None):
    return likely_pairs(own, mirrored, np.arange(len(own)) if groups is None else groups)


def test_strangers_are_not_likely(strangers):
    assert likely(*strangers) == []


def test_what_differs_in_few_bits_is_likely(random, strangers):
    own, mirrored = strangers
    own[20] = make(change(random, own[3].descriptors, 20), turns=250, scales=2)
    own[7] = make(change(random, mirrored[9].descriptors, 20))
    assert likely(own, mirrored) == [(3, 20, False), (9, 7, True)]
    groups = np.arange(len(own))
    groups[20] = 3
    assert likely(own, mirrored, groups) == [(9, 7, True)]


def test_what_differs_in_many_bits_is_not(random, strangers):
    own, mirrored = strangers
    own[20] = make(change(random, own[3].descriptors, MOST_DIFFERING + 1))
    assert likely(own, mirrored) == []


def test_votes_must_agree_in_turn(random, strangers):
    own, mirrored = strangers
    own[3] = make(own[3].descriptors[:16])
    alike = change(random, own[3].descriptors, MOST_DIFFERING)
    own[20] = make(alike, turns=200, scales=4)
    assert likely(own, mirrored) == [(3, 20, False)]
    own[20] = own[20]._replace(turns=np.arange(0, 256, 16).astype(np.uint8))
    assert likely(own, mirrored) == []


def test_what_all_images_have_makes_no_pair(random, strangers):
    """Such as a black corner; but of many copies of an image each is likely to be another's."""
    own, mirrored = strangers
    common = random.integers(0, 256, (3, 32), np.uint8)
    own = [make(np.concatenate([image.descriptors, change(random, common, 6)])) for image in own]
    assert likely(own, mirrored) == []
    copies = [make(change(random, own[0].descriptors, 4)) for _ in own]
    assert {row for pair in likely(copies, mirrored) for row in pair[:2]} == set(range(30))


def test_plain_images_are_in_no_pair(strangers):
    plain = make(np.zeros((0, 32), np.uint8))
    assert likely([plain], [plain]) == likely([], []) == []
    single = make(np.zeros((1, 32), np.uint8))
    assert likely([single], [plain]) == []
    own, mirrored = strangers
    assert likely([plain, *own, own[0]], [plain, *mirrored, plain]) == [(1, 31, False)]
