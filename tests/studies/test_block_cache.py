"""Blocks are what training computes, computed once, and whole or not there."""

from dataclasses import replace

import numpy as np
import pytest

from trifuse.datasets.load import load_dataset
from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor, uses_cnn
from trifuse.features.images import ImageError, read_image
from trifuse.features.litert import CnnOutputs
from trifuse.recipes.recipe import Recipe
from trifuse.studies import block_cache
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import block_choices, with_blocks
from trifuse.training.encoding import build_embedder, draw_samples, encode_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(archive):
    return load_dataset(archive)


@pytest.fixture(scope="module")
def recipe(recipe_file):
    small = Recipe.load(str(recipe_file))
    # More descriptors than are wanted, and not all images are drawn from.
    return replace(small, sample=replace(small.sample, size=2000, images=20))


@pytest.fixture(scope="module")
def parts(table):
    rows = np.arange(len(table))
    return [rows[rows % 3 != 0], rows[:30]]


@pytest.fixture
def seen(monkeypatch):
    """The images that are read, in order."""
    read = []

    def note(path):
        read.append(path)
        return read_image(path)

    monkeypatch.setattr(block_cache, "read_image", note)
    return read


@pytest.fixture
def cache(table, tmp_path):
    return BlockCache(tmp_path / "cache", table)


def encode_plainly(table, recipe, part):
    """Fit codebooks as training on the part alone does, and encode all images."""
    extractor = FeatureExtractor(recipe, build_embedder(recipe, table.paths))
    samples = draw_samples([table.paths[row] for row in part], extractor)
    encoder = BlockEncoder.fit(extractor, list(samples.values()))
    return encode_images(table.paths, encoder)


def test_blocks_are_those_of_training_on_each_part(cache, table, recipe, parts):
    both = with_blocks(recipe, ["color_vlad", "sift_fisher"])
    for blocks, part in zip(cache.encode(both, parts), parts, strict=True):
        expected = encode_plainly(table, both, part)
        assert list(blocks) == list(expected)
        for name, block in blocks.items():
            assert block.dtype == np.float32
            np.testing.assert_array_equal(block, expected[name])


def test_blocks_are_read_only(cache, recipe, parts):
    (blocks,) = cache.encode(with_blocks(recipe, ["sift_fisher"]), parts[:1])
    with pytest.raises(ValueError, match="read-only"):
        blocks["sift_fisher"][0, 0] = 1


def test_an_image_is_read_once_to_sample_and_once_to_encode_for_all_parts(
    cache, table, recipe, parts, seen
):
    cache.encode(recipe, parts)
    assert sorted(seen[-len(table) :]) == sorted(table.paths)
    sampled = seen[: -len(table)]
    assert len(set(sampled)) == len(sampled) < len(table)


def test_nothing_is_computed_twice(cache, table, recipe, parts, seen):
    both = with_blocks(recipe, ["sift_fisher", "color_fisher"])
    assert not cache.holds(both, parts)
    first = cache.encode(both, parts)
    assert cache.holds(both, parts)
    seen.clear()
    others = [
        with_blocks(recipe, ["color_fisher"]),
        replace(both.but({"svm": {"C": 7.0}}), fusion=recipe.fusion),
        both.but({"sift": {"vlad": {"centers": 3}}}),  # which its Fisher vectors have not
        both.but({"cnn": {"backbone": "no such network"}}),
    ]
    for other in others:
        again = BlockCache(cache.folder, table).encode(other, parts)
        for blocks, known in zip(again, first, strict=True):
            assert list(blocks) == list(other.block_weights)
            for name, block in blocks.items():
                np.testing.assert_array_equal(block, known[name])
    assert seen == []


def change(recipe, section, **values):
    return recipe.but({section: values})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("image", {"longest_side": 80}),
        ("sift", {"fisher": {"components": 5}}),
        ("sift", {"step": 9}),
        ("sample", {"size": 1500}),
        ("random_state", None),
    ],
)
def test_what_a_block_depends_on_is_in_its_key(cache, recipe, parts, section, values):
    before = with_blocks(recipe, ["sift_fisher"])
    after = change(before, section, **values) if values else replace(before, random_state=1)
    (old,), (new,) = cache.encode(before, parts[:1]), cache.encode(after, parts[:1])
    old_block, new_block = old["sift_fisher"], new["sift_fisher"]
    assert not np.array_equal(old_block, new_block)


def test_other_images_are_other_blocks(cache, table, recipe, parts):
    cache.encode(recipe, parts)
    backwards = table.subset(range(len(table) - 1, -1, -1))
    assert not BlockCache(cache.folder, backwards).holds(recipe, parts)
    relabelled = replace(table, labels=tuple("x" for _ in table.labels), classes=())
    assert BlockCache(cache.folder, relabelled).holds(recipe, parts)


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_is_made_again(cache, recipe, parts, damage):
    one = with_blocks(recipe, ["sift_fisher"])
    (blocks,) = cache.encode(one, parts[:1])
    expected = np.array(blocks["sift_fisher"])
    del blocks
    (file,) = cache.folder.glob("sift_fisher-*.npy")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] if damage is None else damage)
    assert not cache.holds(one, parts[:1])
    (again,) = cache.encode(one, parts[:1])
    np.testing.assert_array_equal(again["sift_fisher"], expected)
    assert file.read_bytes() == whole


def test_a_file_of_another_shape_is_made_again(cache, recipe, parts):
    one = with_blocks(recipe, ["sift_fisher"])
    cache.encode(one, parts[:1])
    (file,) = cache.folder.glob("sift_fisher-*.npy")
    np.save(file, np.zeros((3, 2), dtype=np.float32))
    assert not cache.holds(one, parts[:1])


def test_an_interrupted_pass_leaves_nothing(table, recipe, parts, tmp_path, monkeypatch):
    def breaking(function, items, title, jobs):
        for number, item in enumerate(items):
            if title == "encoding images" and number == 20:
                raise KeyboardInterrupt
            yield function(item)

    cache = BlockCache(tmp_path / "cache", table)
    with monkeypatch.context() as patch:
        patch.setattr(block_cache, "map_images", breaking)
        with pytest.raises(KeyboardInterrupt):
            cache.encode(recipe, parts)
    assert list(cache.folder.iterdir()) == []
    assert BlockCache(cache.folder, table).encode(recipe, parts)[0].keys() == {
        "sift_fisher",
        "color_fisher",
    }


def test_an_image_that_cannot_be_read(table, recipe, parts, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    paths = (broken, *table.paths[1:])
    cache = BlockCache(tmp_path / "cache", replace(table, paths=paths))
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        cache.encode(recipe, parts)
    assert list(cache.folder.iterdir()) == []


def test_the_embedding_depends_on_no_part_and_on_no_codebook(recipe):
    chosen = block_choices(recipe, "cnn")
    other = change(recipe, "cnn", fisher={"components": 3}, pyramid=(2,))
    assert chosen == block_choices(other, "cnn")
    assert chosen == block_choices(change(recipe, "sample", size=7), "cnn")
    assert chosen != block_choices(change(recipe, "cnn", input_size=(64, 64)), "cnn")
    assert chosen != block_choices(change(recipe, "cnn", backbone="efficientnet-lite1"), "cnn")


def test_a_weights_file_counts_by_its_content(recipe, tmp_path):
    one, same, other = (tmp_path / name for name in ("one.h5", "same.h5", "other.h5"))
    one.write_bytes(b"weights")
    same.write_bytes(b"weights")
    other.write_bytes(b"others")
    for block in ("cnn", "cnn_fisher"):
        first, second, third = (
            block_choices(change(recipe, "cnn", weights=str(path)), block)
            for path in (one, same, other)
        )
        assert first == second != third


class Network:
    """Stands for a CNN: mean colours, and a few cells of the image."""

    def __init__(self):
        self.images = 0

    def embed(self, image):
        self.images += 1
        cells = image[::12, ::12].astype(np.float32)
        return CnnOutputs(cells, cells)


def test_images_pass_the_network_once_for_an_embedding(cache, table, recipe, parts, monkeypatch):
    network = Network()
    monkeypatch.setattr(
        block_cache, "build_embedder", lambda asked, _: network if uses_cnn(asked) else None
    )
    first, second = cache.encode(with_blocks(recipe, ["cnn", "sift_fisher"]), parts)
    assert network.images == len(table)
    np.testing.assert_array_equal(first["cnn"], second["cnn"])
    cache.encode(with_blocks(recipe, ["cnn", "cnn_fisher"]), parts)
    made = [file.name.split("-")[0] for file in cache.folder.iterdir()]
    assert sorted(made) == ["cnn", "cnn_fisher", "cnn_fisher", "sift_fisher", "sift_fisher"]


def test_a_cache_of_another_table(cache, table):
    """Other groups leave the content; other images have their own."""
    backwards = table.subset(range(len(table))[::-1])
    regrouped = replace(table, groups=tuple(map(str, range(len(table)))))
    assert cache.of(regrouped).content == cache.content
    assert cache.of(regrouped).table is regrouped
    assert cache.of(backwards).content == BlockCache(cache.folder, backwards).content
    assert cache.table is table
