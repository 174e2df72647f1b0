"""What is taken from an image."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from trifuse.encoders.blocks import FeatureExtractor, uses_cnn
from trifuse.features.descriptors.color import LocalColorExtractor
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.images import ImageError
from trifuse.features.litert import CnnOutputs
from trifuse.recipes.recipe import Recipe


def recipe(*blocks, longest_side=100, **sections):
    return Recipe.from_dict(
        {
            "image": {"longest_side": longest_side},
            "sift": {"step": 5, "bin_sizes": [3, 4], "contrast_threshold": 1.0, "root": True},
            "color": {"step": 6, "bin_sizes": [4]},
            "fusion": {"weights": dict.fromkeys(blocks, 1.0)},
            **sections,
        }
    )


def picture(rows, columns):
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def extract(image, *blocks, **options):
    return FeatureExtractor(recipe(*blocks, **options), None).extract(image)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (["sift_fisher", "color_vlad"], False),
        (["sift_vlad", "cnn"], True),
        (["cnn_fisher"], True),
        (["cnn_crop_vlad"], True),
    ],
)
def test_the_network_is_used_where_a_block_needs_it(blocks, expected):
    assert uses_cnn(recipe(*blocks)) is expected


def test_descriptors_are_those_of_the_recipe():
    image = picture(40, 50)
    features = extract(image, "sift_fisher", "color_vlad")
    assert features.cnn == {}
    assert set(features.streams) == {"sift", "color"}
    sift = DenseSiftExtractor(5, [3, 4], contrast_threshold=1.0, root=True).extract(image)
    color = LocalColorExtractor(6, [4]).extract(image)
    for name, expected in {"sift": sift, "color": color}.items():
        np.testing.assert_array_equal(features.streams[name].values, expected.values)
        np.testing.assert_array_equal(features.streams[name].positions, expected.positions)


class FakeEmbedder:
    """Tells the first pixel, and the size, of what it is shown."""

    def embed(self, image):
        return CnnOutputs(image[:1, :1].astype(np.float32), np.float32([[[*image.shape[:2]]]]))


@pytest.mark.parametrize(
    ("shape", "share", "first", "expected"),
    [
        ((40, 60), 0.5, (10, 15), (20, 30)),
        ((41, 61), 0.5, (10, 15), (20, 30)),
        ((40, 60), 1.0, (0, 0), (40, 60)),
        ((1, 2), 0.2, (0, 0), (1, 1)),
    ],
)
def test_the_network_looks_at_the_whole_and_at_the_middle(shape, share, first, expected):
    image = picture(*shape)
    chosen = recipe("cnn", "cnn_crop", "cnn_crop_fisher", cnn_crop={"share": share})
    features = FeatureExtractor(chosen, FakeEmbedder()).extract(image)
    assert list(features.cnn) == list(features.streams) == ["cnn", "cnn_crop"]
    np.testing.assert_array_equal(features.cnn["cnn"].embedding, shape)
    np.testing.assert_array_equal(features.cnn["cnn_crop"].embedding, expected)
    np.testing.assert_array_equal(features.cnn["cnn_crop"].feature_map[0, 0], image[first])


def test_a_view_that_no_block_needs_is_not_taken():
    features = FeatureExtractor(recipe("cnn_crop"), FakeEmbedder()).extract(picture(20, 30))
    assert list(features.cnn) == ["cnn_crop"]


@pytest.mark.parametrize(("block", "stream"), [("sift_vlad", "sift"), ("color_fisher", "color")])
def test_nothing_else_is_computed(block, stream):
    assert list(extract(picture(20, 20), block).streams) == [stream]


@pytest.mark.parametrize(("shape", "shrunk"), [((160, 80), (100, 50)), ((60, 300), (20, 100))])
def test_large_images_are_shrunk(shape, shrunk):
    image = picture(*shape)
    expected = cv2.resize(image, shrunk[::-1], interpolation=cv2.INTER_AREA)
    values = extract(image, "color_vlad").streams["color"].values
    np.testing.assert_array_equal(values, LocalColorExtractor(6, [4]).extract(expected).values)


def test_small_images_are_not_enlarged():
    image = picture(99, 100)
    values = extract(image, "color_vlad").streams["color"].values
    np.testing.assert_array_equal(values, LocalColorExtractor(6, [4]).extract(image).values)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
def test_a_line_of_pixels_has_no_descriptors(shape):
    features = extract(picture(*shape), "sift_fisher", "color_vlad")
    assert all(len(stream.values) == 0 for stream in features.streams.values())


@pytest.mark.parametrize("longest_side", [100, 6000])
@pytest.mark.parametrize("block", ["sift_vlad", "color_fisher", "sift_fisher"])
def test_the_size_that_is_refused_is_that_without_descriptors(block, longest_side):
    extractor, refused = FeatureExtractor(recipe(block, longest_side=longest_side), None), 0
    for rows, columns in [(3, 5000), (5000, 3), (1, 1), (40, 40), *((60, n) for n in range(8, 16))]:
        image = picture(rows, columns)
        (found,) = extractor.extract(image).streams.values()
        if len(found.values):
            extractor.check_size(image.shape)
            continue
        refused += 1
        with pytest.raises(ImageError) as caught:
            extractor.check_size(image.shape)
        assert str(caught.value) == (
            "cannot score the image: it is too small to describe "
            f"({rows:,} rows x {columns:,} columns)"
        )
    assert 3 <= refused < 12


def test_where_many_are_described_the_error_names_the_file():
    extractor = FeatureExtractor(recipe("sift_vlad"), None)
    with pytest.raises(ImageError, match=r"^cannot use a/b\.png: it is too small to describe \(3 "):
        extractor.check_size((3, 50, 3), Path("a/b.png"))
