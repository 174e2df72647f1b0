"""The network that is fine-tuned: what is frozen, and what is exported."""

import dataclasses

import numpy as np
import pytest

from trifuse.features.backbones import BackboneError
from trifuse.features.litert import CnnClassifier
from trifuse.features.quiet import import_tensorflow
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.training.networks.cut import find_cut
from trifuse.training.networks.network import (
    CLASSIFIER,
    FinetuningError,
    build_network,
    export_network,
    network_weights,
    split_network,
)

N_CLASSES = 3


@pytest.fixture
def build(small_backbone, finetuning):
    def make(**network):
        return build_network(finetuning(network=network), N_CLASSES)

    return make


def trainable(network):
    return [layer.name.rstrip("_0123456789") for layer in network.model.layers if layer.trainable]


def residual(mid_skip):
    """A network in which an early map is added later, or not."""
    keras = import_tensorflow().keras
    image = keras.Input((16, 16, 3), name="image")
    widths = (4, 4, 4, 4, 24)
    layers = [
        keras.layers.Conv2D(width, 3, padding="same", name=f"conv_{n}")
        for n, width in enumerate(widths)
    ]
    maps = [image]
    for layer in layers[:3]:
        maps.append(layer(maps[-1]))
    added = keras.layers.Add(name="add")([maps[3], maps[1 if mid_skip else 2]])
    last = layers[4](layers[3](added))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="mean")(last))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mid_skip", "frozen", "cut"),
    [
        (True, "conv_1", "conv_0"),  # what conv_0 gives is needed again at the sum
        (True, "conv_2", "conv_0"),
        (True, "add", "add"),
        (False, "conv_1", "conv_1"),
        (False, "mean", "conv_3"),  # the mean is no map, and conv_4 gives a wide one
        (True, "image", None),
    ],
)
def test_the_cut_is_the_last_frozen_map_that_alone_crosses(mid_skip, frozen, cut):
    model = residual(mid_skip)
    names = [layer.name for layer in model.layers]
    found = find_cut(model, names.index(frozen) + 1)
    assert found is (None if cut is None else model.get_layer(cut).output)


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

    classifier = CnnClassifier(export_network([network_weights(network)], recipe))
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


def test_the_upper_part_gives_what_the_whole_gives(build, finetuning):
    recipe = finetuning(network={"frozen": "norm_1", "dropout": 0.0})
    network = build_network(recipe, N_CLASSES)
    trunk, upper = split_network(network, recipe)
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    whole = network.model.predict_on_batch(images)
    features = trunk.predict_on_batch(images)["features"]
    np.testing.assert_allclose(upper.model.predict_on_batch(features), whole, atol=1e-5)

    before = network_weights(network)
    upper.model.train_on_batch(features, np.eye(N_CLASSES)[[0, 1, 2, 0]])
    changed = [
        not np.array_equal(*pair) for pair in zip(network_weights(upper), before, strict=True)
    ]
    assert changed == [False] * 6 + [True] * 4  # conv_1 and norm_1; conv_2 and the classifier
    whole = network.model.predict_on_batch(images)  # which shares the layers
    np.testing.assert_allclose(upper.model.predict_on_batch(features), whole, atol=1e-5)


def test_there_must_be_something_to_cut_off(build, finetuning):
    with pytest.raises(FinetuningError, match=r"^no frozen layer gives all .* \(stored = false\)$"):
        split_network(build(frozen=0), finetuning(network={"frozen": 0}))


def test_normalisations_can_all_be_frozen(build):
    assert learn(build(frozen=0, frozen_normalization=True)) == ["conv_1", "conv_2", CLASSIFIER]


@pytest.mark.parametrize("frozen", ["norm_1", 0])
def test_several_networks_score_by_their_mean(build, finetuning, frozen):
    recipe = finetuning(network={"frozen": frozen})
    networks = []
    for seed in (0, 1):
        network = build_network(dataclasses.replace(recipe, random_state=seed), N_CLASSES)
        networks.append(network_weights(network))
        if frozen == "norm_1":
            networks[-1][:6] = networks[0][:6]  # the frozen layers of all are the same
    image = np.random.default_rng(1).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    alone = [CnnClassifier(export_network([one], recipe)).class_map(image) for one in networks]
    both = export_network(networks, recipe)
    assert both == export_network(networks, recipe)
    np.testing.assert_allclose(
        CnnClassifier(both).class_map(image), np.mean(alone, axis=0), atol=1e-5
    )
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
