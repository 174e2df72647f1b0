"""Blocks of recipes without the network."""

import numpy as np
import pytest

from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor, sample_streams, stack_blocks
from trifuse.recipes.recipe import Recipe

SMALL = {
    "pca_dimension": 4,
    "fisher": {"components": 3},
    "vlad": {"centers": 2},
    "position_weight": 1.0,
}
RECIPE = Recipe.from_dict(
    {
        "sift": {"step": 6, "bin_sizes": [4], **SMALL},
        "color": {"step": 6, "bin_sizes": [4], **SMALL, "position_weight": 0.0},
        "fusion": {"weights": {"color_fisher": 1, "sift_vlad": 1, "sift_fisher": 1}},
    }
)
EXTRACTOR = FeatureExtractor(RECIPE, None)


def picture(seed, shape=(40, 50)):
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, size=3)
    return (base + rng.normal(scale=40, size=(*shape, 3))).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def encoder():
    samples = [sample_streams(EXTRACTOR, picture(seed), 20, (0, seed)) for seed in range(5)]
    return BlockEncoder.fit(EXTRACTOR, samples)


def test_blocks_come_in_the_recipes_order(encoder):
    blocks = encoder.encode(picture(9))
    assert list(blocks) == ["color_fisher", "sift_vlad", "sift_fisher"]
    shapes = {name: block.shape for name, block in blocks.items()}
    assert shapes == {
        "color_fisher": (2 * 3 * 4,),
        "sift_vlad": (2 * 6,),  # two positions beside the four components
        "sift_fisher": (2 * 3 * 6,),
    }


@pytest.mark.parametrize(
    ("shape", "norm"), [((40, 50), 1), ((13, 13), 1), ((12, 99), 0), ((1, 1), 0)]
)
def test_norms_are_one_or_zero(encoder, shape, norm):
    for block in encoder.encode(picture(9, shape)).values():
        assert block.dtype == np.float32
        assert np.linalg.norm(block) == pytest.approx(norm, abs=1e-5)


def test_samples_are_parts_of_each_stream():
    image = picture(3)
    whole = EXTRACTOR.extract(image).streams
    drawn = sample_streams(EXTRACTOR, image, 7, (1, 2))
    assert set(drawn) == {"sift", "color"}
    for name, some in drawn.items():
        assert some.values.shape == (7, whole[name].values.shape[1])
        rows = {row.tobytes() for row in whole[name].values}
        assert all(row.tobytes() in rows for row in some.values)


def test_stacks_row_by_row(encoder):
    single = [encoder.encode(picture(seed)) for seed in (7, 8)]
    stacked = stack_blocks(iter(single), len(single))
    assert list(stacked) == list(single[0])
    for name, block in stacked.items():
        np.testing.assert_array_equal(block, [single[0][name], single[1][name]])
