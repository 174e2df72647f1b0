"""Checkpoints: what was saved comes back, or one sentence; the file is whole at any moment."""

import random
import re

import numpy as np
import pytest

from trifuse.classifiers.output import OutputError
from trifuse.training.networks import checkpoint
from trifuse.training.networks.checkpoint import (
    Epoch,
    TrainingProgress,
    load_checkpoint,
    save_checkpoint,
)
from trifuse.training.networks.network import FinetuningError

PROGRESS = TrainingProgress("f" * 64, 17, [0.5, 1 / 3], [Epoch(1.25, {"bma": 0.1 + 0.2}, 6e-4)])
ARRAYS = [
    np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
    np.array([1, 2**32 - 1], dtype=np.uint32),
    np.array(7, dtype=np.int64),
    np.zeros((0, 2), dtype=np.float32),
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, PROGRESS, ARRAYS)
    return path


def no_checkpoint(path):
    sentence = f"{path} is no checkpoint that can be read; delete it to begin anew"
    return pytest.raises(FinetuningError, match=f"^{re.escape(sentence)}$")


def assert_is_what_was_saved(found):
    progress, arrays = found
    assert progress == PROGRESS
    for array, expected in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected, strict=True)


def test_what_was_saved_comes_back(path):
    assert_is_what_was_saved(load_checkpoint(path, PROGRESS.fingerprint))


def test_more_than_ten_arrays_keep_their_order(tmp_path):
    arrays = [np.array([number]) for number in range(25)]
    save_checkpoint(tmp_path / "many.npz", PROGRESS, arrays)
    _, found = load_checkpoint(tmp_path / "many.npz", PROGRESS.fingerprint)
    assert [int(array[0]) for array in found] == list(range(25))


def test_another_fingerprint_is_told(path):
    sentence = (
        f"{path} is of other images or of another recipe; name another folder, "
        "or say --overwrite to begin anew"
    )
    with pytest.raises(FinetuningError, match=f"^{re.escape(sentence)}$"):
        load_checkpoint(path, "e" * 64)


def test_a_file_that_is_not_there(tmp_path):
    with no_checkpoint(tmp_path / "none.npz"):
        load_checkpoint(tmp_path / "none.npz", "f")


def test_a_truncated_file_is_told(path):
    content = path.read_bytes()
    for length in range(0, len(content), 37):
        path.write_bytes(content[:length])
        with no_checkpoint(path):
            load_checkpoint(path, PROGRESS.fingerprint)


def test_flipped_bits_are_told_or_harmless(path):
    content, draw = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            found = load_checkpoint(path, PROGRESS.fingerprint)
        except FinetuningError:
            continue
        assert_is_what_was_saved(found)  # a bit of the zip's dates, which nothing reads


def test_other_files_are_told(path):
    for content in (b"", b"text", b"\x93NUMPY\x01\x00v\x00"):
        path.write_bytes(content)
        with no_checkpoint(path):
            load_checkpoint(path, "f")
    with path.open("wb") as file:
        np.save(file, ARRAYS[0])
    with no_checkpoint(path):
        load_checkpoint(path, "f")
    np.savez(path, np.frombuffer(b'{"step": 1}', dtype=np.uint8))
    with no_checkpoint(path):
        load_checkpoint(path, "f")


def test_an_interrupted_save_leaves_the_old_one(path, monkeypatch):
    def write_half_and_fail(file, *_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.np, "savez", write_half_and_fail)
    with pytest.raises(OutputError, match=f"^{path} cannot be written: No space left on device"):
        save_checkpoint(path, TrainingProgress("f" * 64, 18), ARRAYS)
    assert_is_what_was_saved(load_checkpoint(path, PROGRESS.fingerprint))
    assert list(path.parent.iterdir()) == [path]
