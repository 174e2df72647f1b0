"""The file of a network: what was saved comes back, and what is no such file is refused."""

import hashlib
import json
import random
import re

import numpy as np
import pytest

from trifuse.classifiers.archive import ModelFileError, pack, unpack
from trifuse.classifiers.network_file import (
    MAX_NETWORKS,
    NetworkError,
    check_networks,
    load_network,
    save_network,
)
from trifuse.classifiers.output import OutputError
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image
from trifuse.training.encoding import score_by_networks

SEEN = tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(5))


@pytest.fixture(scope="module")
def path(write_network):
    return write_network(SEEN[:3], classes=("a", "b", "c"))


@pytest.fixture(scope="module")
def parts(path):
    return unpack(path.read_bytes(), "network")


@pytest.fixture
def refused(tmp_path):
    """Check that parts are refused as a file, with one sentence that ends so."""

    def check(files, reason):
        file = tmp_path / "network.trifuse-cnn"
        file.write_bytes(files if isinstance(files, bytes) else pack(files))
        with pytest.raises(ModelFileError, match=f"^{re.escape(str(file))} {reason}$"):
            load_network(file)

    return check


def with_about(parts, **entries):
    """The parts with other entries of network.json, and a checksum that fits."""
    about = {
        **json.loads(parts["network.json"]),
        "sha256": hashlib.sha256(parts["network.tflite"]).hexdigest(),
        **entries,
    }
    return {**parts, "network.json": json.dumps(about).encode()}


def test_what_was_saved_comes_back(path, parts, tmp_path, pictures):
    network = load_network(path)
    assert (network.about.classes, network.about.seen) == (("a", "b", "c"), SEEN[:3])
    save_network(tmp_path / "again", network)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    image = read_image(pictures[0])
    np.testing.assert_array_equal(
        load_network(tmp_path / "again").classifier.class_map(image),
        network.classifier.class_map(image),
    )
    assert list(parts) == ["network.json", "network.tflite"]


def test_a_model_is_told_how_many_images_it_has_seen_and_not_which(path):
    about = load_network(path).about
    summary = about.to_summary()
    assert summary == {
        "backbone": "mobilenet-0.75", "fingerprint": "f" * 64, "images_seen": 3,
        "sha256": about.sha256,
    }  # fmt: skip


def test_who_knows_an_image_knows_its_lesion(path):
    network = load_network(path)
    groups = ["1", "1", "2", "2", "3"]
    images = [SEEN[3], SEEN[0], SEEN[4], SEEN[4], SEEN[2]]
    assert network.has_seen(images, groups).tolist() == [True, True, False, False, True]
    assert network.has_seen([], []).shape == (0,)
    assert network.has_seen(images[:1], groups[:1]).tolist() == [False]  # its twin is not there


def test_networks_of_other_classes_are_told(path):
    network = load_network(path)
    check_networks([network, network], ["a", "b", "c"])
    for classes in (["a", "b"], ["a", "c", "b"]):
        sentence = (
            "^the fine-tuned network is of the classes a, b, c, but the archive has "
            f"{', '.join(classes)}; fine-tune one on this archive$"
        )
        with pytest.raises(NetworkError, match=sentence):
            check_networks([network], classes)


def test_too_many_networks_are_told(path):
    sentence = "^17 fine-tuned networks are more than the 16 of a model$"
    with pytest.raises(NetworkError, match=sentence):
        check_networks([load_network(path)] * (MAX_NETWORKS + 1), ["a", "b", "c"])


def test_logits_come_from_networks_that_have_not_seen_an_image(write_network, pictures):
    networks = [
        load_network(write_network(seed=seed, classes=("a", "b"))).classifier for seed in (0, 1)
    ]
    seen = np.array([[False, True, False, True], [False, False, True, True]])
    found = score_by_networks(pictures[:4], networks, seen)
    assert (found.shape, found.dtype) == ((4, 2), np.float32)
    logits = [
        [network.class_map(read_image(picture)).mean(axis=(0, 1)) for picture in pictures[:4]]
        for network in networks
    ]
    np.testing.assert_allclose(found[0], (logits[0][0] + logits[1][0]) / 2, atol=1e-6)
    np.testing.assert_allclose(found[1], logits[1][1], atol=1e-6)
    np.testing.assert_allclose(found[2], logits[0][2], atol=1e-6)
    assert np.isnan(found[3]).all()
    assert np.abs(logits[0][0] - logits[1][0]).max() > 0.01


class TestRefusals:
    def test_what_is_no_file(self, tmp_path):
        for name, reason in (("none", "No such file or directory"), (".", "Is a directory")):
            sentence = f"The network {tmp_path / name} cannot be read: {reason}."
            with pytest.raises(ModelFileError, match=f"^{re.escape(sentence)}$"):
                load_network(tmp_path / name)

    def test_a_file_that_cannot_be_written(self, path, tmp_path):
        with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
            save_network(tmp_path / "none" / "n", load_network(path))

    def test_a_model_is_no_network(self, model_file, parts, refused):
        reason = "is no fine-tuned network: it does not hold the right parts."
        refused(model_file.read_bytes(), reason)
        for name in parts:
            refused({key: part for key, part in parts.items() if key != name}, reason)
        refused({**parts, "more": b""}, reason)

    def test_a_changed_network(self, parts, refused):
        changed = {**parts, "network.tflite": parts["network.tflite"] + b" "}
        refused(changed, "is damaged: the checksum of network.tflite differs.")

    def test_another_format(self, parts, refused):
        reason = "is not of format 1; fine-tune anew, or use its own trifuse."
        refused(with_about(parts, format=2), reason)

    @pytest.mark.parametrize(
        ("entries", "reason"),
        [
            ({"seen": ["../x"]}, "Expected `str` matching regex '^[0-9a-f]{64}$' - at `$.seen[0]`"),
            ({"classes": "abc"}, "Expected `array`, got `str` - at `$.classes`"),
            (
                {"validation": {"bma": "high"}},
                "Expected `float`, got `str` - at `$.validation[...]`",
            ),
        ],
    )
    def test_entries_that_do_not_fit(self, parts, refused, entries, reason):
        reason = f"is damaged: network.json cannot be read: {reason}."
        refused(with_about(parts, **entries), re.escape(reason))

    @pytest.mark.parametrize("text", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
    def test_what_is_no_json(self, parts, refused, text):
        refused({**parts, "network.json": text}, r"is damaged: network.json cannot be read: .*\.")

    def test_bytes_that_are_no_network(self, parts, refused):
        files = with_about({**parts, "network.tflite": b"no network"})
        refused(files, r"is no sound network: the exported CNN is no network that LiteRT can .*\.")

    def test_a_network_of_other_classes_than_it_says(self, parts, refused, write_network):
        reason = (
            r"is no sound network: a fine-tuned network does not give a score for each of {} "
            r"classes\."
        )
        refused(with_about(parts, classes=["a", "b"]), reason.format(2))
        other = write_network(classes=("a", "b", "c"), outputs=4)
        refused(other.read_bytes(), reason.format(3))

    def test_damage_is_refused_or_harmless(self, path, tmp_path):
        content, draw = path.read_bytes(), random.Random(0)
        file = tmp_path / "damaged"
        for number in range(100):
            damaged = bytearray(content)
            if number % 2:
                damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            else:
                del damaged[draw.randrange(len(content)) :]
            file.write_bytes(damaged)
            try:
                about = load_network(file).about
            except ModelFileError as error:
                assert "\n" not in str(error)  # noqa: PT017
            else:
                assert about == load_network(path).about


def test_the_digest_of_a_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
