"""Models with fine-tuned networks: saved and loaded, and forged ones refused."""

import hashlib
import json
import re

import numpy as np
import pytest

from trifuse.classifiers.archive import pack, unpack
from trifuse.classifiers.card import Training
from trifuse.classifiers.ensemble import NETWORK
from trifuse.classifiers.model_file import load_model, read_about, save_model
from trifuse.classifiers.network_file import load_network
from trifuse.features.images import read_image
from trifuse.training.train import TrainingOptions, run_training

pytestmark = pytest.mark.slow

TRAINING = Training(
    images=3, groups=2, fingerprint="f" * 64, class_counts={"a": 1, "b": 2}, metrics={},
    held_out=(2, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def two(archive, recipe_file, write_network, halves, tmp_path_factory):
    """A model with two cross-fitted networks: what one has seen is new to the other."""
    path = tmp_path_factory.mktemp("two") / "two.trifuse"
    files = tuple(str(write_network(seen, seed)) for seed, seen in enumerate(halves))
    run_training(TrainingOptions(str(archive), str(path), str(recipe_file), files))
    return path


@pytest.fixture
def forge(networked_file, tmp_path):
    """Write the file with other entries of model.json, and other or more parts; hashes fit."""

    def write(entries=None, drop=(), **more):
        files = unpack(networked_file.read_bytes(), "model")
        files |= {name.replace("_", ".").replace("network.", "network-"): part
                  for name, part in more.items()}  # fmt: skip
        about = json.loads(files["model.json"]) | (entries or {})
        about["sha256"] = {
            name: hashlib.sha256(part).hexdigest() for name, part in files.items()
            if name not in drop
        }  # fmt: skip
        files["model.json"] = json.dumps(about).encode()
        path = tmp_path / "forged.trifuse"
        path.write_bytes(pack(files))
        return path

    return write


@pytest.mark.parametrize("name", ["networked_file", "two"])
def test_a_saved_model_scores_the_same(name, request, tmp_path, pictures):
    model = load_model(request.getfixturevalue(name))
    assert len(model.networks) == (2 if name == "two" else 1)
    save_model(tmp_path / "again", model, TRAINING)
    again = load_model(tmp_path / "again")
    for picture in pictures[::9]:
        image = read_image(picture)
        np.testing.assert_array_equal(again.predict(image), model.predict(image), strict=True)
    save_model(tmp_path / "twice", again, TRAINING)
    assert (tmp_path / "twice").read_bytes() == (tmp_path / "again").read_bytes()


def test_the_networks_logits_are_a_member(networked_file, two, pictures):
    image = read_image(pictures[0])
    for path in (networked_file, two):
        model = load_model(path)
        blocks = model.describe(image)
        logits = [network.class_map(image).mean(axis=(0, 1)) for network in model.networks]
        np.testing.assert_allclose(blocks[NETWORK][0], np.mean(logits, axis=0), atol=1e-6)
        members = model.ensemble.member_probabilities(model.ensemble.project(blocks))
        assert list(members) == ["svm", "lightgbm", NETWORK]
        expected = model.ensemble.calibrations[NETWORK].probabilities(
            blocks[NETWORK].astype(np.float64)
        )
        np.testing.assert_array_equal(members[NETWORK], expected)


def test_it_says_which_images_calibrated_it(networked_file, two, halves, trifuse):
    about = read_about(networked_file)
    network = load_model(networked_file).networks[0]
    assert about["training"]["networks"] == [
        {"backbone": "mobilenet-0.75", "fingerprint": "f" * 64, "images_seen": len(halves[0]),
         "sha256": hashlib.sha256(network.tflite).hexdigest()}
    ]  # fmt: skip
    images, groups = about["training"]["held_out"]
    assert images == len(halves[1])
    sentence = (
        "Fine-tuned networks are a member as well: "
        f"mobilenet-0.75 ({len(halves[0])} images seen).\n"
        "They have seen most of the images; the figures here, the members' weights, the network's\n"
        f"calibration and the prediction sets come from the {images} images of {groups} groups "
        "that they\nhave not seen."
    )
    shown = trifuse("info", networked_file)
    assert (shown.code, shown.err) == (0, "")
    assert sentence in shown.out.decode()
    assert read_about(two)["training"]["held_out"][0] == sum(map(len, halves))
    assert not set(halves[0]) & set(re.findall("[0-9a-f]{64}", json.dumps(about)))


class TestForged:
    def test_a_network_of_other_classes(self, refused, forge, write_network):
        other = load_network(write_network(classes=("a", "b"))).classifier.tflite
        reason = "does not give a score for each of 7 classes"
        refused(forge(network_1_tflite=other), reason)
        refused(forge(network_2_tflite=other), reason)

    @pytest.mark.parametrize("part", [b"", b"no network", b"\x1c\0\0\0TFL3" + bytes(100)])
    def test_a_network_that_is_none(self, refused, forge, part):
        refused(forge(network_1_tflite=part), "the exported CNN is no network that LiteRT can run")

    def test_too_many_parts(self, refused, forge):
        more = {f"network_{number}_tflite": b"x" for number in range(2, 18)}
        refused(forge(**more), "does not hold the right parts")
        refused(forge(network_7_tflite=b"x"), "does not hold the right parts")

    def test_a_missing_checksum(self, refused, forge):
        reason = r"is damaged: the checksum of network-1\.tflite differs\.$"
        refused(forge(drop=["network-1.tflite"]), reason)

    @pytest.mark.parametrize("name", ["member_weights", "temperatures"])
    def test_numbers_that_do_not_cover_the_network(self, refused, forge, name):
        reason = f"its {name} are not a number for each of svm and lightgbm and network"
        refused(forge({name: {"svm": 0.5, "lightgbm": 0.5}}), reason)
