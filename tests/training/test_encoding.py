"""Images become blocks: samples drawn evenly, images encoded in order, a recipe tried early."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_limits

from trifuse.classifiers.model_file import load_model
from trifuse.cli.say import show_stages
from trifuse.encoders.blocks import FeatureExtractor
from trifuse.encoders.codebook import CodebookError
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.recipe import Recipe
from trifuse.training import encoding
from trifuse.training.encoding import (
    build_embedder,
    build_extractor,
    draw_samples,
    encode_images,
    fit_codebooks,
    rehearse,
)


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return Recipe.load(str(recipe_file))


def with_sample(recipe, **sample):
    return Recipe.from_dict({**recipe.to_dict(), "sample": sample})


def test_no_block_of_the_network_needs_no_network(recipe):
    assert build_embedder(recipe, []) is None


@pytest.mark.parametrize(("images", "rows"), [(1, [0]), (3, [0, 4, 7]), (100, list(range(8)))])
def test_samples_are_spread_evenly(recipe, pictures, images, rows):
    extractor = FeatureExtractor(with_sample(recipe, size=60, images=images), None)
    samples = draw_samples(list(map(Path, pictures[:8])), extractor)
    assert list(samples) == rows
    each = -(-60 // len(rows))
    for sample in samples.values():
        assert set(sample) == {"sift", "color"}
        assert {len(stream.values) for stream in sample.values()} == {min(each, 80)}


def test_samples_do_not_depend_on_the_order_of_the_work(recipe, pictures, monkeypatch):
    def backwards(function, items, title, jobs):
        return reversed([function(item) for item in reversed(items)])

    extractor = FeatureExtractor(with_sample(recipe, size=60), None)
    paths = list(map(Path, pictures[:6]))
    one = draw_samples(paths, extractor)
    monkeypatch.setattr(encoding, "map_images", backwards)
    other = draw_samples(paths, extractor)
    for row in one:
        for stream in one[row]:
            np.testing.assert_array_equal(one[row][stream].values, other[row][stream].values)


def test_images_are_encoded_in_order(model_file, pictures):
    encoder = load_model(model_file).encoder
    blocks = encode_images(pictures[:5], encoder)
    assert list(blocks) == ["sift_fisher", "color_fisher"]
    for row, picture in enumerate(pictures[:5]):
        for name, vector in encoder.encode(read_image(picture)).items():
            np.testing.assert_array_equal(blocks[name][row], vector)
    assert all(block.dtype == np.float32 for block in blocks.values())


def test_a_rehearsal_goes_by_the_images_that_can_be_used(recipe, pictures, tmp_path):
    broken, tiny = tmp_path / "broken.jpg", tmp_path / "tiny.png"
    broken.write_bytes(b"junk")
    Image.new("RGB", (3, 3)).save(tiny)
    extractor = build_extractor(recipe, pictures)
    sound = list(map(Path, pictures[:3]))
    encoder, few = rehearse([broken, *sound, tiny], extractor)
    assert few == sound
    expected, _ = rehearse(sound, extractor)
    for name, block in expected.encode(read_image(sound[0])).items():
        assert encoder.encode(read_image(sound[0]))[name].shape == block.shape
    with pytest.raises(CodebookError, match=r"^The recipe finds nothing to describe in any of 1 "):
        rehearse([broken, tiny], extractor)
    with pytest.raises(ImageError, match="broken"):
        rehearse([broken], extractor)


def test_codebooks_are_the_same_by_any_number_of_processes_and_threads(recipe, pictures, capsys):
    extractor = FeatureExtractor(with_sample(recipe, size=400), None)
    samples = list(draw_samples(list(map(Path, pictures[:5])), extractor).values())
    show_stages()
    found = []
    for jobs, threads in ((None, 2), (1, 1), (2, 2)):
        with threadpool_limits(threads):
            found.append(fit_codebooks(extractor, samples, jobs).streams)
    assert capsys.readouterr().err == "fitting the codebooks: sift, color\n" * 3
    for other in found[1:]:
        for stream, encoder in found[0].items():
            for name, array in encoder.to_arrays().items():
                np.testing.assert_array_equal(other[stream].to_arrays()[name], array)
