"""Damaged and forged model files are refused, and no pickle in them is ever loaded."""

import hashlib
import json
import pickle
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trifuse.classifiers.archive import ModelFileError, pack
from trifuse.classifiers.model_file import HASHED, load_model, read_about


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_a_truncated_file_is_refused(refused, model_file, tmp_path):
    content = model_file.read_bytes()
    path = tmp_path / "cut"
    for length in [*range(0, len(content), 1000), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rng=st.randoms(use_true_random=False))
def test_flipped_bits_are_refused_or_harmless(rng: random.Random, model_file, tmp_path, pictures):
    content = bytearray(model_file.read_bytes())
    for _ in range(rng.choice([1, 1, 10])):
        # The directory of the zip is at the end, and short: aim at it as often as at the rest.
        start = rng.choice([0, len(content) - 400])
        content[rng.randrange(start, len(content))] ^= 1 << rng.randrange(8)
    path = tmp_path / "flipped"
    path.write_bytes(content)
    for load in (read_about, load_model):
        try:
            load(path)
        except ModelFileError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_the_parts_must_be_the_right_ones(refused, parts, tmp_path):
    path = tmp_path / "m"
    reason = "does not hold the right parts"
    for name in parts:
        path.write_bytes(pack({key: part for key, part in parts.items() if key != name}))
        refused(path, reason)
        renamed = {f"{key}~" if key == name else key: part for key, part in parts.items()}
        path.write_bytes(pack(renamed))
        refused(path, reason)
    path.write_bytes(pack({**parts, "extra": b""}))
    refused(path, reason)


@pytest.mark.parametrize("name", HASHED)
def test_a_changed_part_is_refused(refused, parts, tmp_path, name):
    path = tmp_path / "m"
    path.write_bytes(pack({**parts, name: parts[name] + b" "}))
    text = refused(path)
    assert text == f"{path} is damaged: the checksum of {name} differs."


@pytest.mark.parametrize("name", ["model.json", "CARD.md", *HASHED])
def test_a_pickle_is_never_loaded(refused, parts, about, tmp_path, monkeypatch, name):
    trap = pickle.dumps(Trap())
    files = {**parts, name: trap}
    sums = {key: hashlib.sha256(files[key]).hexdigest() for key in HASHED}
    if name != "model.json":
        files["model.json"] = json.dumps({**about, "sha256": sums}).encode()
    path = tmp_path / "m"
    path.write_bytes(pack(files))
    for module in ("pickle.loads", "pickle.load", "_pickle.loads", "_pickle.load"):
        monkeypatch.setattr(module, lambda *_, **__: pytest.fail("pickle was used"))
    if name in {"CARD.md", "backbone.tflite"}:  # a text, and a part that this recipe does not use
        load_model(path)
        read_about(path)
    else:
        refused(path)
