"""The exported network against the Keras network it came from, and what is no such network."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pytest

from trifuse.features.backbones import BackboneError
from trifuse.features.descriptors.cnn import map_descriptors
from trifuse.features.keras_backbones import build_backbone, export_litert
from trifuse.features.litert import CnnClassifier, CnnEmbedder
from trifuse.features.quiet import import_tensorflow
from trifuse.features.resize import resize

# TensorFlow tensors do not yet take NumPy 2's keyword.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]

SIZE = (64, 96)


def random_image(rows=SIZE[0], columns=SIZE[1], seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    return build_backbone("efficientnet-lite0", input_size=SIZE)


@pytest.fixture(scope="module")
def tflite(model):
    return export_litert(model)


@pytest.fixture(scope="module")
def embedder(tflite):
    return CnnEmbedder(tflite)


def head_of(model, layer):
    """Cut a network after an early layer: an export in a second."""
    keras = import_tensorflow().keras
    features = model.get_layer(layer).output
    return keras.Model(model.input, {"feature_map": features, "last_map": features})


def assert_litert_equals_keras(model, embedder, image):
    expected = model(image[np.newaxis].astype(np.float32), training=False)
    found = embedder.embed(image)
    for name, array in found._asdict().items():
        np.testing.assert_allclose(array, expected[name][0], atol=1e-4, err_msg=name)
    assert np.abs(found.embedding).max() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_embedding_and_feature_map_equal_those_of_keras(model, embedder, seed):
    assert_litert_equals_keras(model, embedder, random_image(seed=seed))


def test_the_arrays_have_the_shapes_and_types_of_the_docstring(embedder):
    found = embedder.embed(random_image())
    feature_map, last_map = found
    assert (found.embedding.shape, found.embedding.dtype) == ((1280,), np.float32)
    assert (feature_map.shape, feature_map.dtype) == ((4, 6, 112), np.float32)
    assert (last_map.shape, last_map.dtype) == ((2, 3, 1280), np.float32)
    assert embedder.input_size == SIZE


def test_channel_order_and_normalisation_survive_the_export():
    with pytest.warns(UserWarning, match="untrained"):
        whole = build_backbone("vgg16", "random", (32, 48))
    head = head_of(whole, "block1_conv1")
    assert_litert_equals_keras(head, CnnEmbedder(export_litert(head)), random_image(32, 48))


def test_the_same_network_gives_the_same_bytes(model):
    head = head_of(model, "bn0")
    assert export_litert(head) == export_litert(head)


def test_a_network_of_int8_says_nearly_what_that_of_float32_does(model):
    head = head_of(model, "bn0")
    images = [random_image(seed=seed) for seed in range(4)]
    plain, exported = export_litert(head), export_litert(head, images)
    assert exported == export_litert(head, images)
    assert len(exported) < len(plain)
    found, expected = (CnnEmbedder(file).embed(images[0]) for file in (exported, plain))
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    step = (expected.last_map.max() - expected.last_map.min()) / 255
    assert 0 < np.abs(found.last_map - expected.last_map).max() < 4 * step
    np.testing.assert_allclose(found.embedding, expected.embedding, atol=step)


def test_an_image_of_any_size_is_resized_whole(embedder):
    large = random_image(130, 75)
    for one, other in zip(embedder.embed(large), embedder.embed(resize(large, SIZE)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_calls_do_not_depend_on_each_other(embedder, tflite):
    image = random_image(seed=1)
    first = embedder.embed(image)
    kept = [array.copy() for array in first]
    embedder.embed(random_image(seed=2))
    again = embedder.embed(image)
    fresh = CnnEmbedder(tflite).embed(image)
    for results in (first, again, fresh):
        for result, expected in zip(results, kept, strict=True):
            np.testing.assert_array_equal(result, expected)


def test_a_used_embedder_pickles_as_its_bytes(embedder, tflite):
    embedder.embed(random_image())
    pickled = pickle.dumps(embedder)
    assert len(pickled) < len(tflite) + 1000
    copy = pickle.loads(pickled)
    found, expected = copy.embed(random_image()), embedder.embed(random_image())
    np.testing.assert_array_equal(found.last_map, expected.last_map)


def test_embedding_imports_no_tensorflow_and_writes_nothing(tflite, tmp_path):
    (tmp_path / "backbone.tflite").write_bytes(tflite)
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from trifuse.features.litert import CnnEmbedder\n"
        "embedder = CnnEmbedder(Path(sys.argv[1]).read_bytes())\n"
        "assert 'ai_edge_litert' not in sys.modules\n"
        "embedder.embed(np.zeros((9, 9, 3), np.uint8))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "backbone.tflite")]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_bytes_that_are_no_network_are_one_clear_error(tflite):
    noise = random.Random(0).randbytes(5000)
    truncated = [tflite[:length] for length in (0, 8, 100, len(tflite) // 2, len(tflite) - 1)]
    for data in (noise, tflite[:8] + noise, *truncated):
        with pytest.raises(BackboneError, match=r"^the exported CNN is no network that LiteRT can"):
            CnnEmbedder(data).embed(random_image())


def test_a_network_that_is_not_ours_is_told():
    keras = import_tensorflow().keras
    image = keras.Input((8, 8, 3), name="image")
    other = keras.Model(image, {"last_map": keras.layers.ReLU()(image)})
    embedder = CnnEmbedder(export_litert(other))
    sentence = "RGB image into feature_map and last_map; export it with trifuse$"
    with pytest.raises(BackboneError, match=sentence):
        embedder.embed(random_image())


def test_a_classifier_gives_a_class_map(network):
    keras = import_tensorflow().keras
    image = keras.Input((8, 10, 3), name="image")
    class_map = keras.layers.Conv2D(4, 3)(image)
    model = keras.Model(image, {"class_map": class_map})
    classifier = CnnClassifier(export_litert(model))
    pixels = random_image(8, 10)
    found = classifier.class_map(pixels)
    assert (found.shape, found.dtype) == ((6, 8, 4), np.float32)
    expected = model(pixels[np.newaxis].astype(np.float32))["class_map"][0]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.class_map(pixels), found)
    sentence = "does not turn one RGB image into class_map; export it with trifuse$"
    with pytest.raises(BackboneError, match=sentence):
        CnnClassifier(network).class_map(pixels)


def test_each_cell_of_a_feature_map_is_a_descriptor():
    feature_map = np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32)
    values, positions = map_descriptors(feature_map)
    assert (values.shape, values.dtype) == ((15, 7), np.float32)
    assert (positions.shape, positions.dtype) == ((15, 2), np.float32)
    for number, (row, column) in enumerate(np.ndindex(3, 5)):
        cell = feature_map[row, column].astype(np.float64)
        np.testing.assert_allclose(values[number], cell / np.linalg.norm(cell), atol=1e-6)
        center = [(row + 0.5) / 3 - 0.5, (column + 0.5) / 5 - 0.5]
        np.testing.assert_allclose(positions[number], center, atol=1e-7)


def test_descriptors_of_a_feature_map_have_norm_one_or_are_zero():
    feature_map = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    feature_map[0, 1] = 0
    before = feature_map.copy()
    values, _ = map_descriptors(feature_map)
    norms = np.linalg.norm(values.astype(np.float64), axis=1)
    np.testing.assert_allclose(norms, [1, 0, 1, 1, 1, 1], atol=1e-6)
    np.testing.assert_array_equal(feature_map, before)


def test_a_feature_map_of_one_cell_is_described_at_the_centre():
    _, positions = map_descriptors(np.ones((1, 1, 2), dtype=np.float32))
    np.testing.assert_array_equal(positions, [[0, 0]])
