"""The model scores one image, the same in every company, and knows its training images."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.classifiers.model import (
    ClassNamesError,
    TrainingImages,
    Verdict,
    check_class_names,
)
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.classifiers.network_file import load_network
from trifuse.encoders.blocks import BlockEncoder
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image
from trifuse.training.train import TrainingOptions, run_training


@pytest.fixture(scope="module")
def model(model_file):
    return load_model(model_file)


def test_probabilities(model, pictures):
    for picture in pictures[::10]:
        probabilities = model.predict(read_image(picture))
        assert probabilities.shape == (7,)
        assert probabilities.dtype == np.float64
        assert probabilities.sum() == pytest.approx(1, abs=1e-12)
        assert (probabilities > 0).all()


def test_the_recipe_is_the_encoders(model):
    assert model.recipe is model.encoder.extractor.recipe


def test_it_knows_something(model, pictures):
    right = [model.classes[model.predict(read_image(path)).argmax()] in path for path in pictures]
    assert np.mean(right) > 0.8  # of its own training images


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3)])
def test_an_image_without_descriptors_has_probabilities_too(model, shape):
    assert model.predict(np.full(shape, 99, np.uint8)).sum() == pytest.approx(1)


@pytest.mark.parametrize("names", [["a", "b"], ["nævus", "黒色腫", "zero\u200cwidth", "a b|c,d"]])
def test_names_of_classes(names):
    check_class_names(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "a model has two classes at least, each with a name of its own"),
        (["a"], "a model has two classes at least, each with a name of its own"),
        (["a", "a"], "a model has two classes at least, each with a name of its own"),
        (["a", ""], "the name of the class '' is not one line of text; rename it"),
        (["a", "b\nc"], r"the name of the class 'b\nc' is not one line of text; rename it"),
        (["a", "\x1b[2J"], r"the name of the class '\x1b[2J' is not one line of text; rename it"),
        (["a", "\udcff"], r"the name of the class '\udcff' is not one line of text; rename it"),
        (["a", "b\u2028"], r"the name of the class 'b\u2028' is not one line of text; rename it"),
    ],
)
def test_what_is_no_name_of_a_class(names, message):
    with pytest.raises(ClassNamesError) as caught:
        check_class_names(names)
    assert str(caught.value) == message


def test_the_verdict(model, pictures):
    for picture in pictures[::10]:
        image = read_image(picture)
        verdict = model.judge(image)
        assert isinstance(verdict, Verdict)
        np.testing.assert_array_equal(verdict.probabilities, model.predict(image), strict=True)
        assert verdict.prediction_set[0] == verdict.probabilities.argmax()
        assert verdict.prediction_set == model.review.sets.members(verdict.probabilities)
        assert type(verdict.unfamiliar) is bool
        assert verdict.flaws == ()


def test_training_images_are_familiar(model, pictures):
    assert np.mean([model.judge(read_image(path)).unfamiliar for path in pictures]) < 0.1


def test_flaws_are_those_of_the_picture(model, pictures):
    image = read_image(pictures[0])
    assert model.judge(image[:40]).flaws == ("small",)
    assert "too dark" in model.judge(image // 10).flaws


def test_what_lies_beyond_the_threshold_is_unfamiliar(model, pictures):
    image = read_image(pictures[0])
    novelty = replace(model.review.novelty, threshold=-1e9)
    strict = replace(model, review=replace(model.review, novelty=novelty))
    assert strict.judge(image).unfamiliar is True
    np.testing.assert_array_equal(strict.predict(image), model.predict(image))


def test_an_image_is_encoded_once(model, pictures, monkeypatch):
    calls, encode = [], BlockEncoder.encode
    monkeypatch.setattr(
        BlockEncoder, "encode", lambda self, image: calls.append(1) or encode(self, image)
    )
    model.judge(read_image(pictures[0]))
    assert calls == [1]


def test_judging_imports_nothing_heavy(model_file, pictures):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trifuse.classifiers.model_file import load_model\n"
        "from trifuse.features.images import read_image\n"
        "load_model(Path(sys.argv[1])).judge(read_image(sys.argv[2]))\n"
        "heavy = {'sklearn', 'scipy', 'lightgbm', 'tensorflow', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", script, model_file, pictures[0]]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


DIGESTS = st.lists(
    st.binary(min_size=32, max_size=32)
    | st.builds(lambda start, n: (start + bytes(32))[:32], st.binary(max_size=3), st.just(0))
)


@given(DIGESTS, st.lists(st.binary(min_size=32, max_size=32)))
def test_it_holds_what_a_set_holds(inside, others):
    images = TrainingImages.of([digest.hex() for digest in inside])
    assert images.are_in_order()
    assert [row.tobytes() for row in images.digests] == sorted(set(inside))
    for digest in [*inside, *others, bytes(32), b"\xff" * 32]:
        assert images.hold(digest.hex()) == (digest in set(inside))
    assert not images.hold("")


def test_a_model_holds_the_digest_of_each_image_once_and_in_their_order(model_file, archive):
    model = load_model(model_file)
    contents = {path.read_bytes() for path in (archive / "images").glob("*.jpg")}
    expected = sorted(hashlib.sha256(content).digest() for content in contents)
    assert [row.tobytes() for row in model.training_images.digests] == expected
    assert model.training_images.digests.dtype == np.uint8
    about = read_about(model_file)
    assert expected[0].hex() not in str(about)  # the order of a list could tell something


def test_what_a_fine_tuned_network_has_seen_is_known_too(
    archive, recipe_file, write_network, halves, tmp_path
):
    elsewhere = hashlib.sha256(b"an image of another archive").hexdigest()
    network = write_network([*halves[0], elsewhere])
    path = tmp_path / "m.trifuse"
    run_training(TrainingOptions(str(archive), str(path), str(recipe_file), (str(network),)))
    known = load_model(path).training_images
    assert known.hold(elsewhere)
    assert all(map(known.hold, load_network(network).about.seen))
    assert all(known.hold(file_sha256(path)) for path in (archive / "images").glob("*.jpg"))


def test_digests_out_of_order_or_twice_are_refused(refused, variant, arrays):
    name = "training.images"
    digests = arrays[name]
    for wrong in (digests[::-1], np.repeat(digests, 2, axis=0)):
        path = variant(arrays={**arrays, name: np.ascontiguousarray(wrong)})
        refused(path, "the array 'training.images' is not in order")
    for wrong in (digests[:, :31], digests.astype("<f4"), digests.ravel()):
        refused(variant(arrays={**arrays, name: np.ascontiguousarray(wrong)}))
