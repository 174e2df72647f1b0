"""Descriptors of images as scikit-learn's estimators: its checks, what images are, and errors."""

import io
import pickle
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from trifuse.features import grid, keras_backbones
from trifuse.features.backbones import BackboneError
from trifuse.features.cnn import CnnEmbedder, map_descriptors
from trifuse.features.dense_sift import DenseSiftExtractor
from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor
from trifuse.features.images import ImageError
from trifuse.features.keras_backbones import export_litert
from trifuse.features.local_color import LocalColorExtractor
from trifuse.features.quiet import import_tensorflow
from trifuse.features.resize import shrink

# TensorFlow tensors do not yet take NumPy 2's keyword.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SIFT = DenseSift(step=8, bin_sizes=(4, 3))
COLOR = LocalColor(step=8, bin_sizes=(4, 3))
BOTH = [SIFT, COLOR]
SIZE = (8, 10)

LISTS = dict.fromkeys(
    [
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_pipeline_consistency",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
    ],
    "descriptors are a list, as images have different numbers of them: the check wants an array",
)
STATELESS_LISTS = LISTS | {"check_transformers_unfitted_stateless": "the same"}


class Table:
    """scikit-learn's checks have tables of numbers: each row becomes an image of its levels."""

    def fit(self, X, y=None):
        return super().fit(self._pictures(validate_data(self, X)), y)

    def transform(self, X):
        return super().transform(self._pictures(validate_data(self, X, reset=False)))

    def _pictures(self, table):
        texture = np.random.default_rng(0).uniform(0.5, 1, size=(16, 16, 3))
        levels = 255 * np.sin(table.astype(np.float64)) ** 2
        return [(np.resize(row, (16, 16, 3)) * texture).astype(np.uint8) for row in levels]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


class Flat:
    """All images of a table have as many descriptors, so that they can be one array."""

    def transform(self, X):
        return np.stack([np.hstack(image).ravel() for image in super().transform(X)])


class TableSift(Table, DenseSift):
    pass


class TableColor(Table, LocalColor):
    pass


class TableEmbedding(Table, CnnEmbedding):
    pass


class FlatTableSift(Flat, TableSift):
    pass


class FlatTableColor(Flat, TableColor):
    pass


class FlatTableEmbedding(Flat, TableEmbedding):
    pass


def picture(rows=30, columns=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def content(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def outcomes(estimator, expected=()):
    """Names of the checks by their status; one may have run only where its library is set up."""
    results = check_estimator(
        estimator, expected_failed_checks=dict(expected), on_fail=None, on_skip=None
    )
    named = {}
    for result in results:
        named.setdefault(result["status"], set()).add(result["check_name"])
    assert named.pop("skipped", set()) <= {"check_array_api_input"}
    assert len(results) >= 45
    return named


def assert_same(found, expected):
    assert isinstance(found, list)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.positions, other.positions)


@pytest.fixture(scope="module")
def network():
    """A small network, exported: the real ones take seconds."""
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZE, 3), name="image")
    features = keras.layers.Conv2D(5, 3, strides=2, activation="relu")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return export_litert(keras.Model(image, {"embedding": pooled, "feature_map": features}))


@pytest.fixture
def built(monkeypatch, network):
    """Build that network, whatever is asked for, and give what was asked for."""
    asked = []

    def build(*arguments):
        asked.append(arguments)
        return "built"

    monkeypatch.setattr(keras_backbones, "build_backbone", build)
    monkeypatch.setattr(keras_backbones, "export_litert", lambda _: network)
    return asked


@pytest.mark.parametrize("estimator", [TableSift(bin_sizes=(4,)), TableColor(bin_sizes=(4,))])
def test_scikit_learns_checks_fail_only_for_want_of_arrays(estimator):
    named = outcomes(estimator, STATELESS_LISTS)
    assert named["xfail"] == set(STATELESS_LISTS)
    assert "failed" not in named


@pytest.mark.parametrize(
    "estimator",
    [
        FlatTableSift(bin_sizes=(4,)),
        FlatTableSift(bin_sizes=(2, 4), window="gauss", root=True, longest_side=14),
        FlatTableColor(bin_sizes=(4,)),
    ],
)
def test_scikit_learns_checks_pass_where_descriptors_are_made_one_array(estimator):
    assert set(outcomes(estimator)) == {"passed"}


def test_scikit_learns_checks_of_an_embedding_pass(built):
    assert set(outcomes(TableEmbedding())) == {"passed"}
    assert set(outcomes(FlatTableEmbedding(output="feature_map"))) == {"passed"}


def test_scikit_learns_checks_of_a_feature_map_fail_only_for_want_of_arrays(built):
    named = outcomes(TableEmbedding(output="feature_map"), LISTS)
    assert named["xfail"] == set(LISTS)
    assert "failed" not in named


def test_dense_sift_gives_what_the_extractor_gives():
    images = [picture(), picture(50, 21, seed=1)]
    options = {
        "step": 5,
        "bin_sizes": [3, 2],
        "window": "gauss",
        "window_size": 1.5,
        "magnification": 3.0,
        "aligned": True,
        "bounds": (2, 3, 28, 19),
        "contrast_threshold": 0.5,
        "root": True,
    }
    assert set(options) == set(DenseSift().get_params()) - {"longest_side"}
    found = DenseSift(**options).fit_transform(images)
    assert_same(found, map(DenseSiftExtractor(**options).extract, images))
    assert_same(DenseSift().transform(images), map(DenseSiftExtractor().extract, images))


def test_local_color_gives_what_the_extractor_gives():
    images = [picture(), picture(50, 21, seed=1)]
    found = LocalColor(5, [3, 2]).fit_transform(images)
    assert_same(found, map(LocalColorExtractor(5, [3, 2]).extract, images))
    assert_same(LocalColor().transform(images), map(LocalColorExtractor().extract, images))


@pytest.mark.parametrize("estimator", BOTH)
def test_images_may_be_paths_contents_or_arrays(tmp_path, estimator):
    images = [picture(), picture(20, 50, seed=1)]
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(content(image))
    expected = estimator.transform(images)
    objects = np.empty(2, dtype=object)
    objects[:] = paths
    mixed = [paths[0], content(images[1])]
    forms = [paths, list(map(str, paths)), np.array(list(map(str, paths))), objects, mixed]
    for form in (*forms, tuple(images), [content(image) for image in images]):
        assert_same(estimator.transform(form), expected)
        assert_same(clone(estimator).fit_transform(form), expected)


@pytest.mark.parametrize("estimator", BOTH)
def test_images_of_one_size_may_be_one_array(estimator):
    stack = np.stack([picture(seed=seed) for seed in range(3)])
    assert_same(estimator.transform(stack), estimator.transform(list(stack)))


def test_sift_takes_grey_levels_of_any_type():
    grey = picture()[:, :, 0]
    expected = SIFT.transform([grey])[0].values
    levels = grey.astype(np.float32)
    for image in (levels, grey.astype(np.float64), levels / 255, levels * 1e20 - 7e22):
        np.testing.assert_allclose(SIFT.transform([image])[0].values, expected, atol=1e-4)
    stack = np.stack([grey, grey])
    assert_same(SIFT.transform(stack), SIFT.transform([grey, grey]))
    colored = SIFT.transform([picture().astype(np.float32)])[0].values
    np.testing.assert_allclose(colored, SIFT.transform([picture()])[0].values, atol=0.05)


@pytest.mark.parametrize("estimator", BOTH)
def test_large_images_are_shrunk_and_small_ones_are_not(estimator):
    images = [picture(90, 60), picture(45, 90, seed=1), picture(31, 44, seed=2)]
    shrinking = clone(estimator).set_params(longest_side=45)
    shrunk = [shrink(image, 45) for image in images]
    assert [image.shape[:2] for image in shrunk] == [(45, 30), (22, 45), (31, 44)]
    assert_same(shrinking.fit_transform(images), estimator.transform(shrunk))
    assert_same(
        shrinking.transform([content(image) for image in images]), estimator.transform(shrunk)
    )
    for image, expected in zip(images, estimator.transform(shrunk), strict=True):
        assert_same(list(shrinking.describe(image)), [expected])


@pytest.mark.parametrize("estimator", BOTH)
def test_a_large_image_is_described_in_bands(monkeypatch, estimator):
    image = picture(60, 40)
    (whole,) = estimator.transform([image])
    assert_same(list(estimator.describe(image)), [whole])
    monkeypatch.setattr(grid, "_BAND_PIXELS", 11 * 40)
    bands = list(estimator.describe(content(image)))
    assert len(bands) == 6
    values, positions = map(np.concatenate, zip(*bands, strict=True))
    order, expected = np.lexsort(positions.T), np.lexsort(whole.positions.T)
    np.testing.assert_array_equal(positions[order], whole.positions[expected])
    # two scales may share a position
    np.testing.assert_allclose(
        np.sort(values[order], axis=0), np.sort(whole.values[expected], axis=0), atol=1e-4
    )


@pytest.mark.parametrize("estimator", BOTH)
def test_an_image_too_small_has_no_descriptors(estimator):
    (found,) = estimator.transform([picture(4, 4)])
    assert found.values.shape == (0, 128 if estimator is SIFT else 96)
    assert found.positions.shape == (0, 2)


@pytest.mark.parametrize("estimator", BOTH)
def test_nothing_is_learned(estimator):
    images = [picture()]
    fitted = clone(estimator)
    assert fitted.fit(images, [1]) is fitted
    assert vars(fitted) == vars(estimator)
    assert_same(pickle.loads(pickle.dumps(fitted)).transform(images), estimator.transform(images))


def test_parameters_are_those_of_the_constructor_unchanged():
    bin_sizes = [4, 3]
    estimator = DenseSift(bin_sizes=bin_sizes)
    assert estimator.bin_sizes is bin_sizes
    estimator.set_params(step=3, longest_side=100)
    assert (estimator.step, estimator.longest_side) == (3, 100)
    with pytest.raises(ValueError, match="Invalid parameter 'steps'"):
        estimator.set_params(steps=3)


BAD_COUNTS = [0, -1, 2.5, "4", True]
BAD_SIZES = [(), (0,), (4, -3), (4, 2.5), 4, None, ("4",)]
BAD_PARAMETERS = [
    *(("step", bad) for bad in [*BAD_COUNTS, None]),
    *(("bin_sizes", bad) for bad in BAD_SIZES),
    *(("longest_side", bad) for bad in BAD_COUNTS),
]
BAD_SIFT_PARAMETERS = [
    *BAD_PARAMETERS,
    *(("window", bad) for bad in ("box", None, 1)),
    *(("window_size", bad) for bad in (0, -1.0, np.nan, np.inf, "2", None)),
    *(("magnification", bad) for bad in (-1.0, np.nan, np.inf, "6", None)),
    *(("aligned", bad) for bad in (1, "yes", None)),
    *(("bounds", bad) for bad in ((0, 0, 9), (9, 0, 0, 9), (0.5, 0, 9, 9), "wide", 4)),
    *(("contrast_threshold", bad) for bad in (-0.1, np.nan, np.inf, "0", None)),
    *(("root", bad) for bad in (0, "no", None)),
]


@pytest.mark.parametrize(
    ("estimator", "name", "bad"),
    [
        *((SIFT, *parameter) for parameter in BAD_SIFT_PARAMETERS),
        *((COLOR, *parameter) for parameter in BAD_PARAMETERS),
    ],
)
def test_a_bad_parameter_is_named(estimator, name, bad):
    changed = clone(estimator).set_params(**{name: bad})
    message = f"^{name} must be .*, not {re.escape(repr(bad))}$"
    for call in (changed.fit, changed.transform, lambda images: next(changed.describe(images[0]))):
        with pytest.raises(ValueError, match=message):
            call([picture()])


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("backbone", "efficientnet-lite9", "^there is no backbone 'efficientnet-lite9'"),
        ("backbone", None, "^there is no backbone None"),
        ("weights", "nowhere.h5", r"^there is no weights file 'nowhere\.h5'"),
        ("weights", None, "^weights must be a name or a file's path, not None$"),
        ("weights", 3, "^weights must be a name or a file's path, not 3$"),
        ("input_size", 64, "^input_size must be a sequence of positive integers, not 64$"),
        ("input_size", "ab", "^input_size must be a sequence of positive integers, not 'ab'$"),
        ("input_size", (64, 0), r"^input_size must be .*, not \(64, 0\)$"),
        ("input_size", (64,), r"^input_size must be \(rows, columns\), not \(64,\)$"),
        ("input_size", (64, 64, 3), r"^input_size must be \(rows, columns\), not \(64, 64, 3\)$"),
        ("input_size", (1, 64), "choose an input size of at least 32 x 32$"),
        ("output", "logits", "^output must be one of embedding, feature_map, not 'logits'$"),
        ("output", None, "^output must be one of embedding, feature_map, not None$"),
    ],
)
def test_a_bad_parameter_of_an_embedding_is_named(name, bad, message):
    with pytest.raises((ValueError, BackboneError), match=message):
        CnnEmbedding(**{name: bad}).fit([picture()])


@pytest.mark.parametrize("estimator", [*BOTH, CnnEmbedding(), CnnEmbedding(output="feature_map")])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "^there are no images$"),
        ((), "^there are no images$"),
        (np.zeros((0, 9, 9), dtype=np.uint8), "^there are no images$"),
        ("a.png", "^images must be a sequence of images, not a str$"),
        (b"PNG", "^images must be a sequence of images, not a bytes$"),
        (iter([picture()]), "^images must be a sequence of images, not a list_iterator$"),
        (None, "^images must be a sequence of images, not a NoneType$"),
        (3, "^images must be a sequence of images, not a int$"),
        (picture()[:, :, 0], r"^an array of images must have .*, not \(30, 40\)$"),
        (np.zeros(9), r"^an array of images must have .*, not \(9,\)$"),
    ],
)
def test_what_are_no_images_is_told(built, estimator, bad, message):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(bad)
    fitted = clone(estimator).fit([picture()])
    with pytest.raises(ValueError, match=message):
        fitted.transform(bad)


def test_a_single_path_is_told(tmp_path):
    for estimator in BOTH:
        with pytest.raises(ValueError, match=r"^images must be a sequence of images, not a Posix"):
            estimator.transform(tmp_path)


@pytest.mark.parametrize("estimator", [*BOTH, CnnEmbedding()])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (3, "^an image must be a path, bytes or an array, not int$"),
        (None, "^an image must be a path, bytes or an array, not NoneType$"),
        ([[1, 2]], "^an image must be a path, bytes or an array, not list$"),
        (np.zeros((9, 9, 4), dtype=np.uint8), r"\(rows, columns, 3\).*\(9, 9, 4\)$"),
        (np.zeros((9, 0, 3), dtype=np.uint8), r"\(rows, columns, 3\).*\(9, 0, 3\)$"),
        (np.zeros(9, dtype=np.uint8), r"\(rows, columns, 3\).*\(9,\)$"),
        (np.zeros((9, 9, 3), dtype=np.int64), "uint8.* int64"),
        (np.zeros((9, 9, 3), dtype=bool), "uint8.* bool"),
    ],
)
def test_what_is_no_image_is_told(built, estimator, bad, message):
    fitted = clone(estimator).fit([bad])  # images are read when they are described
    with pytest.raises(ValueError, match=message):
        fitted.transform([picture(), bad])
    with pytest.raises(ValueError, match=message):
        next(fitted.describe(bad))


@pytest.mark.parametrize("estimator", [*BOTH, CnnEmbedding()])
def test_files_that_cannot_be_read_are_image_errors(built, tmp_path, estimator):
    fitted = clone(estimator).fit([picture()])
    for bad in (tmp_path / "gone.png", str(tmp_path), b"no image", content(picture())[:99], b""):
        with pytest.raises(ImageError):
            fitted.transform([picture(), bad])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_levels_that_are_not_finite_are_told(bad):
    with pytest.raises(ValueError, match=r"^an image must hold finite numbers only$"):
        SIFT.transform([np.full((30, 30), bad)])


@pytest.mark.parametrize("bad", [picture() / 255, np.zeros((9, 9, 3), dtype=bool), np.zeros(9)])
@pytest.mark.parametrize("estimator", BOTH)
def test_what_cannot_be_shrunk_is_told(estimator, bad):
    shrinking = clone(estimator).set_params(longest_side=8)
    with pytest.raises(ValueError, match=r"longest_side if it is uint8 of shape .*, not (float|b)"):
        shrinking.transform([bad])


@pytest.mark.parametrize("bad", [picture()[:, :, 0], picture().astype(np.float32)])
def test_colours_are_of_colour_images(built, bad):
    for estimator in (COLOR, CnnEmbedding().fit([bad])):
        with pytest.raises(ValueError, match=r"^a colour image must be uint8 of shape"):
            estimator.transform([bad])


def test_an_embedding_is_what_the_network_gives(built, network):
    images = [picture(), picture(50, 21, seed=1)]
    embedder = CnnEmbedder(network)
    expected = [embedder.embed(image) for image in images]
    vectors = CnnEmbedding().fit_transform(images)
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 5)
    np.testing.assert_array_equal(vectors, [embedding for embedding, _ in expected])
    maps = CnnEmbedding(output="feature_map").fit(images)
    expected = [map_descriptors(feature_map) for _, feature_map in expected]
    assert_same(maps.transform(images), expected)
    assert_same(maps.transform([content(image) for image in images]), expected)
    for image, one in zip(images, expected, strict=True):
        assert_same(list(maps.describe(image)), [one])


def test_the_network_asked_for_is_built_once(built):
    images = [picture()]
    embedding = CnnEmbedding("mobilenet-1.0", "random", (64, 96)).fit(images)
    embedding.transform(images)
    embedding.transform(images)
    assert built == [("mobilenet-1.0", "random", (64, 96))]
    CnnEmbedding().fit(images)
    assert built[1:] == [("efficientnet-lite0", "default", None)]


def test_random_weights_are_warned_of(monkeypatch, network):
    exported = []
    monkeypatch.setattr(
        keras_backbones, "export_litert", lambda model: exported.append(model) or network
    )
    with pytest.warns(UserWarning, match="an untrained CNN is no feature extractor"):
        CnnEmbedding("mobilenet-0.75", "random", (32, 48)).fit([picture()])
    assert exported[0].input_shape == (None, 32, 48, 3)


def test_an_embedding_must_be_fitted_first():
    for call in (CnnEmbedding().transform, CnnEmbedding(output="feature_map").transform):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call([picture()])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        next(CnnEmbedding().describe(picture()))


def test_a_clone_of_an_embedding_is_not_fitted_and_a_pickle_is(built):
    images = [picture()]
    fitted = CnnEmbedding().fit(images)
    expected = fitted.transform(images)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(images), expected)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(images)


def test_a_pipeline_takes_an_embedding(built):
    images = [picture(seed=seed) for seed in range(4)]
    scaled = make_pipeline(CnnEmbedding(), StandardScaler()).fit_transform(images)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
