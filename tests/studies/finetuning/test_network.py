"""The network that is fine-tuned: what is frozen, and what is exported."""

import numpy as np
import pytest

from trifuse.features.backbones import BackboneError
from trifuse.features.cnn import CnnClassifier
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.studies.finetuning.errors import FinetuningError
from trifuse.studies.finetuning.network import CLASSIFIER, build_network, export_network

N_CLASSES = 3


@pytest.fixture
def build(small_backbone, finetuning):
    def make(**network):
        return build_network(finetuning(network=network), N_CLASSES)

    return make


def trainable(network):
    return [layer.name.rstrip("_0123456789") for layer in network.model.layers if layer.trainable]


def learn(network):
    """Take one step; gives the names of the layers that it changed."""
    before = [layer.get_weights() for layer in network.model.layers]
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    network.model.train_on_batch(images, np.eye(N_CLASSES)[[0, 1, 2, 0]])
    return [
        layer.name
        for layer, old in zip(network.model.layers, before, strict=True)
        if any(map(np.any, map(np.not_equal, layer.get_weights(), old)))
    ]


@pytest.mark.parametrize(
    ("frozen", "n_frozen"),
    [(0, 0), (3, 3), (-3, 5), (-8, 0), (-99, 0), (0.0, 0), (0.5, 4), (0.9, 7), ("norm_1", 4)],
)
def test_the_first_layers_are_frozen(build, frozen, n_frozen):
    network = build(frozen=frozen)
    layers = network.model.layers
    assert len(layers) == 8
    assert [layer.trainable for layer in layers] == [False] * n_frozen + [True] * (8 - n_frozen)


@pytest.mark.parametrize(
    ("frozen", "sentence"),
    [
        (8, "nothing is left to train: 8 layers are to be frozen of 8"),
        (0.99, "nothing is left to train: 8 layers are to be frozen of 8"),
        (CLASSIFIER, "nothing is left to train: 8 layers are to be frozen of 8"),
    ],
)
def test_something_must_be_left_to_train(build, frozen, sentence):
    with pytest.raises(FinetuningError, match=f"^{sentence}$"):
        build(frozen=frozen)


def test_a_layer_that_is_not_there_is_told_with_those_that_are(build):
    sentence = "^the network has no layer 'conv_9' to freeze up to; it has image, .*conv_2.*, class"
    with pytest.raises(FinetuningError, match=sentence):
        build(frozen="conv_9")


def test_a_step_changes_what_is_not_frozen_and_nothing_else(build):
    assert learn(build(frozen="norm_1")) == ["conv_2", CLASSIFIER]
    assert learn(build(frozen=0)) == ["conv_1", "norm_1", "conv_2", CLASSIFIER]
    assert learn(build(frozen="conv_2")) == [CLASSIFIER]


def test_equal_seeds_give_equal_networks(build):
    for one, other in zip(build().model.get_weights(), build().model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("views", [1, 4])
def test_the_mean_of_the_class_map_is_the_mean_of_the_views(small_backbone, finetuning, views):
    recipe = finetuning(export={"rows": 40, "columns": 48, "views": views})
    network = build_network(recipe, N_CLASSES)
    learn(network)  # lest its variances be those that it began with
    image = np.random.default_rng(1).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    turned = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]][:views]
    expected = [logits(network, view) for view in turned]

    classifier = CnnClassifier(export_network(network, recipe))
    class_map = classifier.class_map(image)
    assert classifier.input_size == (40, 48)
    assert class_map.shape == (5, 6, N_CLASSES)
    np.testing.assert_allclose(class_map.mean(axis=(0, 1)), np.mean(expected, axis=0), atol=1e-5)
    assert np.ptp(expected) > 0.01
    if views == 4:  # the map of a mirrored image is the mirrored map
        np.testing.assert_allclose(classifier.class_map(image[::-1]), class_map[::-1], atol=1e-5)


def logits(network, image):
    """What Keras gives for a whole image, by the layers one after the other."""
    values = image[None].astype(np.float32)
    for layer in network.model.layers[1:]:
        values = layer(values)
    return np.asarray(values)[0]


def test_the_logits_of_the_model_are_those_of_its_layers(build):
    network = build()
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    found = network.model.predict_on_batch(image[None].astype(np.float32))[0]
    np.testing.assert_allclose(found, logits(network, image), atol=1e-5)


def test_the_original_trains_the_last_23_layers_of_mobilenet():
    recipe = FinetuningRecipe.load("original").to_dict()
    recipe["network"] |= {"weights": "random", "side": 32}
    with pytest.warns(UserWarning, match="mobilenet-1.0 has random weights"):
        network = build_network(FinetuningRecipe.from_dict(recipe), 7)
    layers = network.model.layers
    free = [layer.name for layer in layers if layer.trainable]
    assert free == [layer.name for layer in layers[-23:]]
    assert free[:2] == ["conv_pw_10_relu", "conv_dw_11"]
    assert trainable(network)[-3:] == ["global_average_pooling2d", "dropout", CLASSIFIER]
    assert layers[-2].rate == 0.25


def test_what_cannot_be_exported_is_told_before_the_training(small_backbone, finetuning):
    sentence = (
        "^backbone efficientnet-lite0 cannot be exported for images of 31 x 40; choose rows and "
        "columns of at least 32$"
    )
    with pytest.raises(FinetuningError, match=sentence):
        build_network(finetuning(export={"rows": 31}), N_CLASSES)


def test_a_backbone_that_is_not_there(finetuning):
    with pytest.raises(BackboneError, match=r"^there is no backbone 'alexnet'; choose one of"):
        build_network(finetuning(network={"backbone": "alexnet"}), N_CLASSES)
