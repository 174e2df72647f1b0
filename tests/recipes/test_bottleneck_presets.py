"""The presets of bottlenecks: one network, its embedding, a softmax layer, and nothing else."""

import tomllib
from pathlib import Path

import pytest

from trifuse.classifiers.members.softmax import SoftmaxOptions
from trifuse.features.backbones import BACKBONES
from trifuse.recipes.recipe import Recipe

FOLDER = Path(__file__).resolve().parents[2] / "recipes"
PRESETS = [name for name in Recipe.presets() if name.startswith("bottleneck-")]


def test_the_networks_of_the_study_and_the_one_that_is_here():
    networks = ("efficientnet-lite0", "inception-v3", "mobilenet-0.75", "mobilenet-1.0")
    assert [f"bottleneck-{name}" for name in networks] == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_the_network_is_that_of_the_name_at_its_own_input_size(name):
    network = Recipe.load(name).streams["cnn"].descriptor
    row = BACKBONES[name.removeprefix("bottleneck-")]
    assert (network.backbone, network.input_size) == (row.name, row.input_size)
    assert network.weights == "default"


@pytest.mark.parametrize("name", PRESETS)
def test_a_softmax_layer_on_the_embedding_alone(name):
    recipe = Recipe.load(name)
    assert recipe.block_weights == {"cnn": 1.0}
    assert recipe.ensemble.members == ("softmax",)
    assert recipe.members["softmax"] == SoftmaxOptions(steps=4000, batch=100, learning_rate=0.01)


@pytest.mark.parametrize("name", PRESETS)
def test_nothing_else_is_chosen(name):
    """The sections for trees and local descriptors would say what is not used."""
    spelled = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    assert set(spelled) == {"cnn", "fusion", "softmax", "ensemble"}
    assert set(spelled["cnn"]) == {"backbone", "input_size", "precision"}
