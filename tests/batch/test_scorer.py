"""The worker: one record an input, whatever the input is."""

import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from trifuse.batch import scorer as module
from trifuse.batch.scorer import Scorer
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.prior import PriorError, shift_prior
from trifuse.features.images import MAX_PIXELS, read_image


@pytest.fixture
def scorer(model_file):
    return Scorer(model_file, "training", MAX_PIXELS)


def test_a_record_holds_what_the_model_says(scorer, model_file, pictures):
    records = scorer(pictures[:3])
    model = load_model(model_file)
    assert [record.image for record in records] == pictures[:3]
    for record, path in zip(records, pictures[:3], strict=True):
        expected = model.predict(read_image(path))
        np.testing.assert_allclose(record.probabilities, expected, rtol=1e-14)
        assert record.probabilities.sum() == pytest.approx(1, abs=1e-12)
        assert record.message == ""


def test_an_image_is_scored_the_same_in_every_company(scorer, pictures):
    alone = [scorer([path])[0].probabilities for path in pictures[:6]]
    together = [record.probabilities for record in scorer(pictures[:6])]
    np.testing.assert_array_equal(alone, together)


def test_a_prior_shifts(model_file, pictures):
    model = load_model(model_file)
    (record,) = Scorer(model_file, "balanced", MAX_PIXELS)(pictures[:1])
    expected = shift_prior(
        model.predict(read_image(pictures[0])), model.ensemble.prior, np.full(7, 1 / 7)
    )
    np.testing.assert_array_equal(record.probabilities, expected)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "it is empty"),
        ("text.jpg", b"hello", "it is not a JPEG, PNG, TIFF, BMP or WebP image"),
        ("missing.jpg", None, "there is no such file"),
    ],
)
def test_what_cannot_be_read_gets_a_record(scorer, tmp_path, pictures, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    first, broken, last = scorer([pictures[0], str(path), pictures[1]])
    assert broken == (str(path), None, f"cannot read {path}: {message}")
    assert first.probabilities is not None
    assert last.probabilities is not None


def test_a_limit_of_pixels(model_file, pictures):
    (record,) = Scorer(model_file, "training", 72 * 96 - 1)(pictures[:1])
    assert record.probabilities is None
    assert "72 rows x 96 columns, more than the limit of 6,911 pixels" in record.message
    assert Scorer(model_file, "training", 72 * 96)(pictures[:1])[0].probabilities is not None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 20000), (20000, 1), (13, 13)])
def test_images_too_small_or_too_long_for_a_descriptor(scorer, tmp_path, size):
    path = tmp_path / "odd.png"
    Image.new("RGB", size, (120, 80, 60)).save(path)
    (record,) = scorer([str(path)])
    assert record.message == ""
    assert record.probabilities.sum() == pytest.approx(1)


def test_an_image_that_memory_does_not_hold_gets_a_record(scorer, pictures, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(module, "read_image", fail)
    (record,) = scorer(pictures[:1])
    message = f"cannot score {pictures[0]}: there is not enough memory for it"
    assert record == (pictures[0], None, message)


def test_an_error_of_our_own_is_not_taken_for_a_bad_image(scorer, pictures, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "read_image", fail)
    with pytest.raises(ZeroDivisionError):
        scorer(pictures[:1])


def test_a_model_is_loaded_once_a_job(model_file, tmp_path, pictures, monkeypatch):
    loads = []
    monkeypatch.setattr(module, "load_model", lambda path: loads.append(path) or load_model(path))
    path = tmp_path / "copy.trifuse"
    shutil.copy(model_file, path)
    scorer = Scorer(path, "training", MAX_PIXELS)
    sent = pickle.loads(pickle.dumps(scorer))
    scorer([])
    scorer(pictures[:1])
    sent(pictures[:1])
    assert loads == [path]
    path.write_bytes(b"another file under the same name")
    with pytest.raises(ModelFileError):
        Scorer(path, "training", MAX_PIXELS)([])


def test_a_prior_that_does_not_fit(model_file):
    with pytest.raises(PriorError, match="There is no prior 'even'"):
        Scorer(model_file, "even", MAX_PIXELS)([])
