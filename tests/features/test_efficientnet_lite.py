"""EfficientNet-Lite against the PyTorch network that its weights were made for."""

import importlib.util

import numpy as np
import pytest
import skimage.data

from trifuse.features.backbones import backbone
from trifuse.features.efficientnet_lite import efficientnet_lite, layer_name, load_state_dict
from trifuse.features.quiet import import_tensorflow
from trifuse.features.resize import resize
from trifuse.features.state_dict import read_state_dict

# TensorFlow tensors do not yet take NumPy 2's keyword.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

NAMES = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]

# Logits 0 to 4, the best class and its logit, by efficientnet_lite_pytorch 0.1.0 and torch 2.13.0
# for `pattern` at the network's own input size.
PYTORCH = {
    "efficientnet-lite0": ([1.58804, -3.18155, -0.80101, -1.00221, -0.69146], 506, 11.02385),
    "efficientnet-lite1": ([-0.5084, -0.13505, 0.12339, -1.97434, 0.02403], 811, 8.75967),
    "efficientnet-lite2": ([-0.46005, -0.18007, -1.12316, -0.49478, -0.787], 811, 6.66237),
}


def pattern(rows, columns):
    row, column, channel = np.ogrid[:rows, :columns, :3]
    return ((3 * row + 5 * column + 40 * channel + row * column // 16) % 256).astype(np.uint8)


def build(name, size=(None, None), **options):
    keras = import_tensorflow().keras
    row = backbone(name)
    image = keras.Input((*size, 3))
    return keras.Model(image, efficientnet_lite(image, row.width, row.depth, **options))


def read_packaged(name):
    packaged = backbone(name).packaged
    spec = importlib.util.find_spec(packaged.module)
    if spec is None:
        pytest.skip(f"{packaged.module} is not installed")
    return read_state_dict(f"{spec.submodule_search_locations[0]}/{packaged.file}", packaged.sha256)


@pytest.fixture(scope="module")
def lite0():
    return build("efficientnet-lite0", (96, 130))


@pytest.fixture(scope="module", params=NAMES)
def classifier(request):
    state = read_packaged(request.param)
    model = build(request.param, include_top=True)
    load_state_dict(model, state)
    row = backbone(request.param)

    def classify(image):
        pixels = (resize(image, row.input_size).astype(np.float32) - 127) / 128
        return model(pixels[np.newaxis], training=False).numpy()[0]

    return request.param, classify


def test_logits_are_those_of_pytorch(classifier):
    name, classify = classifier
    first, best, highest = PYTORCH[name]
    logits = classify(pattern(*backbone(name).input_size))
    np.testing.assert_allclose(logits[:5], first, atol=5e-5)
    assert logits.argmax() == best
    assert logits.max() == pytest.approx(highest, abs=5e-5)


@pytest.mark.parametrize(("picture", "label"), [("chelsea", 285), ("coffee", 967)])
def test_chelsea_is_an_egyptian_cat_and_coffee_an_espresso(classifier, picture, label):
    _, classify = classifier
    assert classify(getattr(skimage.data, picture)()).argmax() == label


def test_widths_and_depths_of_lite0_are_those_of_efficientnet_b0(lite0):
    assert_blocks(lite0, [16, 24, 40, 80, 112, 192, 320], 16)


def test_widths_and_depths_of_lite2_are_those_of_efficientnet_b2():
    assert_blocks(build("efficientnet-lite2"), [16, 24, 48, 88, 120, 208, 352], 21)


def assert_blocks(model, channels, n_blocks):
    outputs = [layer for layer in model.layers if layer.name.endswith("_project_conv")]
    assert list(dict.fromkeys(layer.filters for layer in outputs)) == channels
    assert len(outputs) == n_blocks
    assert model.get_layer("conv_stem").filters == 32
    assert model.get_layer("conv_head").filters == 1280


def test_the_network_reduces_32_times_and_rounds_up(lite0):
    assert lite0.get_layer("blocks_15_bn2").output.shape == (None, 3, 5, 320)


def test_layer_names_begin_with_no_underscore(lite0):
    assert layer_name("_bn0") == "bn0"
    assert not any(layer.name.startswith("_") for layer in lite0.layers)


def test_a_state_dict_that_does_not_fit_is_refused(lite0):
    state = read_packaged("efficientnet-lite0")
    missing = {key: value for key, value in state.items() if "_blocks.3._bn1" not in key}
    with pytest.raises(ValueError, match="no weights for layer blocks_3_bn1"):
        load_state_dict(lite0, missing)
    state["_conv_stem.weight"] = state["_conv_stem.weight"][:, :2]
    with pytest.raises(ValueError, match="shape"):
        load_state_dict(lite0, state)
