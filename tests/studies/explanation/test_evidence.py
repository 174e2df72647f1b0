"""The evidence is that of the members' probabilities, and lies where the network saw it."""

from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.calibration import Calibration
from trifuse.classifiers.ensemble import NETWORK
from trifuse.classifiers.opinion_pool import OpinionPool
from trifuse.encoders.fusion import fuse
from trifuse.studies.explanation.evidence import (
    ExplanationError,
    block_maps,
    explain_image,
    explained_members,
    find_direction,
    network_map,
    take_apart,
)


class FakeClassifier:
    """In place of a fine-tuned network: a map of 2 x 3 cells, all of one number but for one."""

    def __init__(self, cell, number):
        self.map = np.zeros((2, 3, 7), np.float32)
        self.map[cell] = number

    def class_map(self, image):
        return self.map


MIXING = np.eye(7) + np.random.default_rng(1).normal(scale=0.2, size=(7, 7))


def with_members(model, networks=(), **weights):
    """The model with other weights of its members, and networks beside them."""
    calibrations = {**model.ensemble.calibrations, NETWORK: Calibration(0.5, np.arange(-3.0, 4))}
    ensemble = replace(
        model.ensemble,
        calibrations={name: calibrations[name] for name in weights},
        pool=OpinionPool(weights, MIXING, np.arange(7) / 7, np.zeros((0, 7))),
    )
    return replace(model, ensemble=ensemble, networks=networks)


def pooled(total):
    scores = total @ MIXING + np.arange(7) / 7
    return scores - scores.mean()


def evidence(probabilities):
    logarithms = np.log(probabilities)
    return logarithms - logarithms.mean()


@pytest.mark.parametrize("class_index", range(7))
def test_the_evidence_is_the_svms(model, image, class_index):
    found = explain_image(with_members(model, svm=0.6, lightgbm=0.4), image, class_index)
    blocks = {name: block[None] for name, block in model.encoder.encode(image).items()}
    members = model.ensemble.member_probabilities(model.ensemble.project(blocks))
    expected = pooled(0.6 * evidence(members["svm"][0]))
    assert found.evidence == pytest.approx(expected[class_index], abs=1e-3)


def test_the_evidence_of_a_member_alone_is_that_of_the_model(model, image):
    alone = with_members(model, svm=1.2)
    expected = evidence(alone.predict(image))
    for class_index in range(7):
        found = explain_image(alone, image, class_index).evidence
        assert found == pytest.approx(expected[class_index], abs=1e-3)


def test_the_parts_are_the_maps_and_the_constant(model, image):
    found = explain_image(model, image, 0)
    assert list(found.maps) == list(model.recipe.block_weights)
    assert {values.shape for values in found.maps.values()} == {(72, 96)}
    assert found.fused.sum() + found.constant == pytest.approx(found.evidence)
    assert sum(found.parts.values()) == pytest.approx(found.fused.sum())


@pytest.mark.parametrize("gamma", [0, 5])
def test_gamma_moves_evidence_but_makes_none(model, image, gamma):
    found, usual = (explain_image(model, image, 2, **how) for how in ({"gamma": gamma}, {}))
    assert found.parts == pytest.approx(usual.parts)
    assert np.abs(found.fused - usual.fused).max() > 1e-6


def test_each_block_is_a_part_of_the_fused_score(model, image):
    dimension = model.ensemble.machines["svm"].weights.shape[1]
    weights = np.random.default_rng(0).normal(size=dimension)
    maps = block_maps(model, image, weights)
    fused = fuse(model.encoder.encode(image), model.ensemble.block_weights)
    assert sum(values.sum() for values in maps.values()) == pytest.approx(weights @ fused, abs=1e-3)


def test_evidence_lies_where_the_network_saw_it(model, image):
    """Only one cell of the last feature map is not zero."""
    seen = np.zeros((2, 3, 3), np.float32)
    seen[1, 2] = (0.2, 0.5, 0.9)
    extractor = model.encoder.extractor
    network = extractor.embedder
    blind = type("Blind", (), {"embed": lambda _, image: network.embed(image)._replace(
        last_map=seen
    )})()  # fmt: skip
    encoder = replace(model.encoder, extractor=replace(extractor, embedder=blind))
    found = np.abs(explain_image(replace(model, encoder=encoder), image, 0).maps["cnn"])
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row >= 36
    assert column >= 64


def test_a_fine_tuned_network_is_one_more_map(model, image):
    networks = (FakeClassifier((0, 0, 4), 6.0), FakeClassifier((1, 2, 4), 12.0))
    both = with_members(model, networks, svm=0.3, lightgbm=0.3, network=0.4)
    found = explain_image(both, image, 4)
    assert list(found.maps) == [*model.recipe.block_weights, NETWORK]
    blocks = both.describe(image)
    members = both.ensemble.member_probabilities(both.ensemble.project(blocks))
    expected = pooled(0.3 * evidence(members["svm"][0]) + 0.4 * evidence(members[NETWORK][0]))
    assert found.evidence == pytest.approx(expected[4], abs=1e-3)


def test_a_networks_map_is_its_class_map(model, image):
    alone = with_members(model, (FakeClassifier((1, 0, 4), 42.0),), network=1.0)
    found = network_map(alone, image, np.eye(7)[4] - 1 / 7)
    assert found.sum() == pytest.approx(42 / 6 * (1 - 1 / 7))
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row >= 36
    assert column < 32
    assert list(explain_image(alone, image, 4).maps) == [NETWORK]


def test_trees_are_not_explained(model, image):
    assert explained_members(with_members(model, svm=0.2, lightgbm=0.8).ensemble) == {"svm": 0.2}
    for weights in ({"lightgbm": 1.0}, {"svm": 0.0, "lightgbm": 1.0}):
        with pytest.raises(ExplanationError) as caught:
            explain_image(with_members(model, **weights), image, 0)
        assert str(caught.value) == (
            "The model decides by lightgbm alone, which cannot be told apart into places of an "
            "image; train one with the member softmax or svm."
        )


def test_an_image_too_small_for_patches(model):
    found = explain_image(model, np.full((1, 1, 3), 99, np.uint8), 0)
    assert not found.maps["sift_fisher"].any()
    assert np.isfinite(found.evidence)


def test_the_second_view_is_of_the_middle(model, image):
    blocks = take_apart(model, image)
    (whole,), (middle,) = (blocks[name][1] for name in ("cnn", "cnn_crop"))
    assert middle.side == pytest.approx(0.6 * np.array(whole.side))
    np.testing.assert_allclose(middle.rows - 0.5, 0.6 * (whole.rows - 0.5))
    np.testing.assert_allclose(middle.columns - 0.5, 0.6 * (whole.columns - 0.5))


def test_the_network_is_run_once_for_all_blocks_of_a_view(model, image, monkeypatch):
    network, seen = model.encoder.extractor.embedder, []
    embed = network.embed
    monkeypatch.setattr(network, "embed", lambda picture: seen.append(picture) or embed(picture))
    assert {"cnn", "cnn_fisher"} <= set(take_apart(model, image))
    assert len(seen) == 2


def test_the_direction_of_a_pool_that_mixes_nothing():
    found = find_direction(OpinionPool.plain({"svm": 1.0}, 4), 2)
    np.testing.assert_allclose(found, [-0.25, -0.25, 0.75, -0.25])
