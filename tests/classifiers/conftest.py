"""The parts of one small model file, and files like it in which something was changed."""

import hashlib
import json

import pytest

from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.model_file import HASHED, load_model


@pytest.fixture(scope="module")
def parts(model_file):
    return unpack(model_file.read_bytes(), "model")


@pytest.fixture(scope="module")
def arrays(parts):
    return unpack_arrays(parts["arrays.npz"], "model")


@pytest.fixture(scope="module")
def about(parts):
    return json.loads(parts["model.json"])


@pytest.fixture(scope="module")
def variant(parts, about, tmp_path_factory):
    """Write a model file with some parts, arrays or entries of model.json changed; hashes fit."""
    path = tmp_path_factory.mktemp("variant") / "m.trifuse"

    def write(entries=None, arrays=None, **others):
        files = {**parts, **{name.replace("_", "."): part for name, part in others.items()}}
        if arrays is not None:
            files["arrays.npz"] = pack_arrays(arrays)
        entries = {**about, **(entries or {})}
        if "sha256" not in others:
            entries["sha256"] = {
                name: hashlib.sha256(files[name]).hexdigest() for name in HASHED if name in files
            }
        files["model.json"] = json.dumps(entries).encode()
        path.write_bytes(pack(files))
        return path

    return write


@pytest.fixture(scope="session")
def refused():
    """Check that a model file is refused with one sentence, and give it."""

    def check(path, reason=None):
        with pytest.raises(ModelFileError, match=reason) as caught:
            load_model(path)
        text = str(caught.value)
        assert str(path) in text
        assert text.endswith(".")
        assert "\n" not in text
        return text

    return check
