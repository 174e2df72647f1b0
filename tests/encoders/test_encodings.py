"""What holds for every encoding that is registered, those of other people's files too."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from trifuse.encoders import descriptor_encoders as estimators
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.encoders.stream_encoder import StreamEncoder
from trifuse.features.estimators import DenseSift
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks, encodings
from trifuse.recipes.registry import descriptors as kinds
from trifuse.studies.explanation.contributions import stream_sums

PAGE = Path(__file__).resolve().parents[2] / "docs" / "encodings.md"
SIZE = 4

pytestmark = pytest.mark.parametrize("name", encodings())


def variants(name):
    """The options as they are by default, and with each flag the other way."""
    options = encodings()[name].options_type(**{encodings()[name].size: SIZE})
    flags = [key for key, value in asdict(options).items() if isinstance(value, bool)]
    return [options, *(replace(options, **{key: not getattr(options, key)}) for key in flags)]


def make_estimator(name):
    return getattr(estimators, f"{name.capitalize()}Encoder")


@pytest.fixture(scope="module")
def fit(descriptors):
    """Fit an encoding to the same 200 descriptors each time."""

    def make(name, options=None):
        return encodings()[name].fit(descriptors(200).values, options or variants(name)[0])

    return make


def test_a_vector_is_float32_of_its_length_and_of_norm_one(name, fit, descriptors):
    encoding = fit(name)
    vector = encoding.encode(descriptors(30, seed=1).values)
    assert vector.dtype == np.float32
    assert vector.shape == (encoding.length(*encoding.codebook_shape),)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_no_descriptors_give_zero(name, fit, descriptors):
    for options in variants(name):
        vector = fit(name, options).encode(descriptors(0).values)
        assert vector.dtype == np.float32
        assert not vector.any()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), n=st.integers(1, 60), cut=st.integers(0, 60))
def test_neither_order_nor_parts_matter(name, fit, descriptors, seed, n, cut):
    points = descriptors(n, seed=seed).values
    shuffled = np.random.default_rng(seed).permutation(points)
    for options in variants(name):
        encoding = fit(name, options)
        sums = encoding.sums(shuffled[:cut]) + encoding.sums(shuffled[cut:])
        expected = encoding.encode(points)
        np.testing.assert_allclose(encoding.vector(sums, n), expected, rtol=1e-4, atol=2e-3)


def test_every_option_counts(name, fit, descriptors):
    points = descriptors(30, seed=1).values
    default = variants(name)[0]
    flags = [key for key, value in asdict(default).items() if isinstance(value, bool)]
    plain = replace(default, **dict.fromkeys(flags, False))
    ways = [plain, *(replace(plain, **{key: True}) for key in flags)]
    assert len({fit(name, options).encode(points).tobytes() for options in ways}) == len(ways)


def test_arrays_bring_it_back(name, fit, descriptors):
    encoding = fit(name)
    arrays = encoding.to_arrays()
    assert {key: array.shape for key, array in arrays.items()} == encoding.shapes(SIZE, 5)
    assert set(encoding.positive) <= set(arrays)
    assert all(np.all(arrays[key] > 0) for key in encoding.positive)
    again = encodings()[name].from_arrays(arrays, encoding.options)
    points = descriptors(30, seed=1).values
    np.testing.assert_array_equal(again.encode(points), encoding.encode(points))


@pytest.mark.parametrize("pyramid", [(1,), (1, 2)])
def test_its_summands_add_up_to_its_vector(name, descriptors, pyramid):
    image = descriptors(60, seed=1)
    for options in variants(name):
        stream = replace(
            Recipe().streams["sift"], encodings={name: options}, pca_dimension=4, pyramid=pyramid
        )
        encoder = StreamEncoder.fit(descriptors(200), stream, [name])
        vector, total = encoder.encode([image])[name], stream_sums(image, encoder)[name]
        np.testing.assert_allclose(total.vector, vector, rtol=1e-4, atol=2e-3)


def test_scikit_learns_checks_pass(name):
    results = check_estimator(make_estimator(name)(3), on_fail=None, on_skip=None)
    failed = [one["check_name"] for one in results if one["status"] not in {"passed", "skipped"}]
    assert failed == []
    assert len(results) >= 45


def test_the_estimator_gives_its_vectors(name, fit, descriptors, sets):
    found = sets()
    encoder = make_estimator(name)(SIZE, random_state=3).fit(found)
    expected = [encoder.encoding_.encode(image.values) for image in found]
    np.testing.assert_array_equal(encoder.transform(found), expected)
    own = {key: value for key, value in asdict(variants(name)[0]).items() if value != SIZE}
    parameters = {f"n_{encodings()[name].size}", *own, "sample_size", "random_state", "levels"}
    assert set(encoder.get_params()) == parameters


def test_a_recipe_and_a_pipeline_of_estimators_say_the_same(name, picture):
    images = [picture(seed) for seed in range(4)]
    for options in variants(name):
        parameters = asdict(options)
        size = parameters.pop(encodings()[name].size)
        encoder = make_estimator(name)(size, **parameters)
        pipeline = LocalDescriptorPipeline(DenseSift(8, (3,), root=True), clone(encoder), 6)
        section = {"step": 8, "bin_sizes": (3,), "pca_dimension": 6, name: asdict(options)}
        stream = Recipe.from_dict({"sift": section}).streams["sift"]
        vectors = pipeline.fit_transform(images)
        codebook = {f"{name}.{key}": array for key, array in pipeline.encoder_.to_arrays().items()}
        arrays = pipeline.projection_.to_arrays() | codebook
        again = StreamEncoder.from_arrays(arrays, stream, [name])
        for image, vector in zip(images, vectors, strict=True):
            encoded = again.encode([stream.descriptor.extract(image)])[name]
            np.testing.assert_array_equal(encoded, vector)


def test_recipes_weigh_its_blocks(name):
    for stream in kinds():
        block = f"{stream}_{name}"
        recipe = Recipe.from_dict({"fusion": {"weights": {block: 1}}})
        assert recipe.block_weights == {block: 1.0}
        assert recipe.streams[stream].encodings[name] == encodings()[name].options_type()
        assert encodings()[name].title in blocks()[block].title


def test_the_page_has_its_row(name):
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if f"| `{name}` |" in line]
    assert len(rows) == 1
    assert make_estimator(name).__name__ in rows[0]
    for option in asdict(encodings()[name].options_type()):
        assert f"`{option}`" in rows[0]
