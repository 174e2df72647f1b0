"""A model file from a stranger runs no code, and is not believed."""

import io
import json
import os
import pickle

import numpy as np
import pytest

from trifuse.classifiers.archive import ModelFileError, unpack
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.features.backbones import BackboneError
from trifuse.features.litert import CnnEmbedder


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture(params=["pickle", "npy"])
def trap(request, tmp_path):
    """Bytes that make a folder when they are unpickled; at the end it must not be there."""
    marker = tmp_path / "marker"
    content = pickle.dumps(Trap(marker), protocol=0)  # ASCII, as a part may have to be
    if request.param == "npy":
        np.save(file := io.BytesIO(), np.array([Trap(marker)], dtype=object), allow_pickle=True)
        content = file.getvalue()
        np.load(io.BytesIO(content), allow_pickle=True)
    else:
        pickle.loads(content)
    assert marker.exists()  # the trap works
    marker.rmdir()
    yield content
    assert not marker.exists()


SHOWN = ("CARD.md", "backbone.tflite")
"""A text, and a part that this recipe does not use."""
PARTS = ("model.json", "arrays.npz", "lightgbm.txt", *SHOWN)


class TestPickles:
    @pytest.mark.parametrize("name", [*PARTS, "extra.pkl", "../up.pkl", "/tmp/root.npy"])
    def test_in_a_part(self, trap, forge, trifuse, pictures, name):
        path = forge({name: trap})
        reaches = name in SHOWN
        if reaches:
            load_model(path)
            read_about(path)
        else:
            with pytest.raises(ModelFileError):
                load_model(path)
        info = trifuse("info", path)
        assert info.code == (0 if name in {*SHOWN, "arrays.npz", "lightgbm.txt"} else 1)
        predict = trifuse("predict", pictures[0], "-m", path, "-o", "-")
        assert predict.code == (0 if reaches else 1)
        assert predict.err.count("\n") == 1
        assert predict.err.startswith("1 image scored." if reaches else "Error: ")

    def test_in_an_array(self, trap, forge, model_file):
        names = unpack(unpack(model_file.read_bytes(), "model")["arrays.npz"], "arrays")
        for name in [*names, "more.npy", "more.pkl"]:
            with pytest.raises(ModelFileError):
                load_model(forge(arrays={name: trap}))

    def test_as_a_network(self, trap):
        with pytest.raises(BackboneError):
            CnnEmbedder(trap).input_size  # noqa: B018 - reads the network


@pytest.mark.parametrize("key", ["classes", "recipe", "recipe_fingerprint"])
@pytest.mark.parametrize("value", [None, 7, [], {}, [[]], "x"])
def test_what_a_model_says_is_not_believed(forge, trifuse, model_file, pictures, key, value):
    about = json.loads(unpack(model_file.read_bytes(), "model")["model.json"])
    path = forge({"model.json": json.dumps({**about, key: value}).encode()})
    for options in (["--prior", "balanced"], ["--format", "isic"]):
        result = trifuse("predict", pictures[0], "-m", path, "-o", "-", *options)
        assert result.code == 1
        assert result.err.startswith(f"Error: {path} is no sound model file: ")
        assert result.err.count("\n") == 1
