"""A softmax layer on the bottlenecks of one network, from the recipe to the predictions."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trifuse.classifiers.archive import unpack, unpack_arrays
from trifuse.classifiers.member import LinearMachine
from trifuse.classifiers.members.softmax import SoftmaxOptions
from trifuse.classifiers.model_file import load_model
from trifuse.encoders.normalization import l2_normalize
from trifuse.features.backbones import BackboneError
from trifuse.features.images import read_image
from trifuse.features.quiet import import_tensorflow
from trifuse.features.resize import resize
from trifuse.recipes.options import EnsembleOptions
from trifuse.recipes.reading import to_toml
from trifuse.recipes.recipe import Recipe
from trifuse.training import encoding
from trifuse.training.train import TrainingOptions, run_training

pytestmark = pytest.mark.slow

SIZE = (64, 64)
STEPS = 200


@pytest.fixture(scope="module")
def scaled_down(tmp_path_factory):
    """Write a preset to a file of its own: small images, few steps, two folds."""
    folder = tmp_path_factory.mktemp("recipes")

    def write(name, weights="default"):
        recipe = Recipe.load(name)
        recipe = replace(
            recipe.but({"cnn": {"input_size": SIZE, "weights": str(weights)}}),
            members=recipe.members
            | {"softmax": SoftmaxOptions(STEPS, 20, recipe.members["softmax"].learning_rate)},
            ensemble=EnsembleOptions(recipe.ensemble.members, folds=2),
        )
        path = folder / f"{name}.toml"
        path.write_text(to_toml(recipe), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def bottleneck_model(archive, scaled_down, tmp_path_factory):
    """The model of the network whose weights are installed; nobody may change it."""
    path = tmp_path_factory.mktemp("bottleneck") / "lite0.trifuse"
    recipe = scaled_down("bottleneck-efficientnet-lite0")
    run_training(TrainingOptions(str(archive), str(path), str(recipe)))
    return path


def test_the_file_holds_a_network_and_one_layer(bottleneck_model):
    files = unpack(bottleneck_model.read_bytes(), "the model")
    arrays = unpack_arrays(files["arrays.npz"], "the model")
    assert files["lightgbm.txt"] == b""
    assert len(files["backbone.tflite"]) > 10_000_000
    assert [name for name in arrays if name.startswith(("stream.", "svm."))] == []
    assert arrays["softmax.weights"].shape == (7, 1280)
    model = load_model(bottleneck_model)
    assert model.encoder.streams == {}
    assert {name: type(machine) for name, machine in model.ensemble.machines.items()} == {
        "softmax": LinearMachine
    }


def test_info_tells_it(trifuse, bottleneck_model):
    about = json.loads(trifuse("info", bottleneck_model, "--json").out)
    assert about["recipe"]["cnn"]["backbone"] == "efficientnet-lite0"
    assert about["recipe"]["softmax"]["steps"] == STEPS
    assert about["member_weights"] == {"softmax": 1.0}
    assert list(about["training"]["metrics"]) == ["softmax", "ensemble"]
    card = trifuse("info", bottleneck_model).out.decode()
    assert "Weights of the members: softmax 1." in card


def test_it_predicts(trifuse, bottleneck_model, archive, pictures, tmp_path):
    output = tmp_path / "out.csv"
    options = ("-m", bottleneck_model, "-o", output, "--probabilities", "--quiet", "-j", "1")
    assert trifuse("predict", archive / "images", *options).code == 0
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"))))
    assert len(rows) == len(pictures)
    assert {row["status"] for row in rows} == {"ok"}
    right = sum(row["label_1"] in Path(row["image"]).name for row in rows)
    assert right > len(rows) / 2  # of seven classes, in training


def test_weights_from_a_file(archive, scaled_down, pictures, tmp_path):
    keras = import_tensorflow().keras
    bare = keras.applications.MobileNet(
        alpha=0.75, include_top=False, weights=None, pooling="avg", input_shape=(*SIZE, 3)
    )
    bare.save_weights(tmp_path / "mine.weights.h5")
    recipe = scaled_down("bottleneck-mobilenet-0.75", tmp_path / "mine.weights.h5")
    output = tmp_path / "mine.trifuse"
    run_training(TrainingOptions(str(archive), str(output), str(recipe)))

    image = read_image(pictures[0])
    pixels = resize(image, SIZE)[None].astype(np.float32)
    expected = bare(pixels / 127.5 - 1, training=False).numpy()[0]
    found = load_model(output).encoder.encode(image)["cnn"]
    np.testing.assert_allclose(found, l2_normalize(np.sqrt(expected)), atol=1e-3)


def test_weights_that_cannot_be_had_are_told_before_the_work(
    archive, scaled_down, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: None -- [Errno -2]")

    import_tensorflow()
    monkeypatch.setattr("keras.src.applications.mobilenet.file_utils.get_file", fail)
    monkeypatch.setattr(encoding, "read_image", lambda path: pytest.fail("the work began"))
    recipe = scaled_down("bottleneck-mobilenet-1.0")
    sentence = (
        r"^backbone mobilenet-1.0 cannot be built with weights 'imagenet' \(URL fetch failure on "
        r"https://example.org: None -- \[Errno -2\]\); where there is no network, give the path "
        r"of a Keras weights file$"
    )
    with pytest.raises(BackboneError, match=sentence):
        run_training(TrainingOptions(str(archive), str(tmp_path / "m.trifuse"), str(recipe)))
    assert list(tmp_path.iterdir()) == []


def test_a_weights_file_that_is_not_there(archive, scaled_down, tmp_path):
    recipe = scaled_down("bottleneck-inception-v3", tmp_path / "none.h5")
    with pytest.raises(BackboneError, match=r"^there is no weights file '.*none.h5'; give the "):
        run_training(TrainingOptions(str(archive), str(tmp_path / "m.trifuse"), str(recipe)))
