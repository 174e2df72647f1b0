"""Bad parameters, and what are no images, are told by the estimators."""

import re

import numpy as np
import pytest
from sklearn.base import clone

from trifuse.features.backbones import BackboneError
from trifuse.features.estimators import CnnEmbedding, DenseSift, LocalColor
from trifuse.features.images import ImageError

PICTURE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
SIFT = DenseSift(step=8, bin_sizes=(4, 3))
COLOR = LocalColor(step=8, bin_sizes=(4, 3))
BOTH = [SIFT, COLOR]

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
            call([PICTURE])


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("backbone", "efficientnet-lite9", "^there is no backbone 'efficientnet-lite9'"),
        ("backbone", None, "^backbone must be a name, not None$"),
        ("weights", "nowhere.h5", r"^there is no weights file 'nowhere\.h5'"),
        ("weights", None, "^weights must be a name or a file's path, not None$"),
        ("weights", 3, "^weights must be a name or a file's path, not 3$"),
        ("input_size", 64, r"^input_size must be two positive integers \(rows, columns\), not 64$"),
        ("input_size", "ab", "^input_size must be two .*, not 'ab'$"),
        ("input_size", (64, 0), r"^input_size must be .*, not \(64, 0\)$"),
        ("input_size", (64,), r"^input_size must be two .*, not \(64,\)$"),
        ("input_size", (64, 64, 3), r"^input_size must be two .*, not \(64, 64, 3\)$"),
        ("input_size", (1, 64), "choose an input size of at least 32 x 32$"),
        ("output", "logits", "^output must be one of embedding, feature_map, not 'logits'$"),
        ("output", None, "^output must be one of embedding, feature_map, not None$"),
    ],
)
def test_a_bad_parameter_of_an_embedding_is_named(name, bad, message):
    with pytest.raises((ValueError, BackboneError), match=message):
        CnnEmbedding(**{name: bad}).fit([PICTURE])


@pytest.mark.parametrize("estimator", [*BOTH, CnnEmbedding(), CnnEmbedding(output="feature_map")])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "^there are no images$"),
        ((), "^there are no images$"),
        (np.zeros((0, 9, 9), dtype=np.uint8), "^there are no images$"),
        ("a.png", "^images must be a sequence of images, not a str$"),
        (b"PNG", "^images must be a sequence of images, not a bytes$"),
        (iter([PICTURE]), "^images must be a sequence of images, not a list_iterator$"),
        (None, "^images must be a sequence of images, not a NoneType$"),
        (3, "^images must be a sequence of images, not a int$"),
        (PICTURE[:, :, 0], r"^an array of images must have .*, not \(30, 40\)$"),
        (np.zeros(9), r"^an array of images must have .*, not \(9,\)$"),
    ],
)
def test_what_are_no_images_is_told(built, estimator, bad, message):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(bad)
    fitted = clone(estimator).fit([PICTURE])
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
        fitted.transform([PICTURE, bad])
    with pytest.raises(ValueError, match=message):
        next(fitted.describe(bad))


@pytest.mark.parametrize("estimator", [*BOTH, CnnEmbedding()])
def test_files_that_cannot_be_read_are_image_errors(built, tmp_path, estimator, content):
    fitted = clone(estimator).fit([PICTURE])
    for bad in (tmp_path / "gone.png", str(tmp_path), b"no image", content(PICTURE)[:99], b""):
        with pytest.raises(ImageError):
            fitted.transform([PICTURE, bad])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_levels_that_are_not_finite_are_told(bad):
    with pytest.raises(ValueError, match=r"^an image must hold finite numbers only$"):
        SIFT.transform([np.full((30, 30), bad)])


@pytest.mark.parametrize("bad", [PICTURE / 255, np.zeros((9, 9, 3), dtype=bool), np.zeros(9)])
@pytest.mark.parametrize("estimator", BOTH)
def test_what_cannot_be_shrunk_is_told(estimator, bad):
    shrinking = clone(estimator).set_params(longest_side=8)
    with pytest.raises(ValueError, match=r"longest_side if it is uint8 of shape .*, not (float|b)"):
        shrinking.transform([bad])


@pytest.mark.parametrize("bad", [PICTURE[:, :, 0], PICTURE.astype(np.float32)])
def test_colours_are_of_colour_images(built, bad):
    for estimator in (COLOR, CnnEmbedding().fit([bad])):
        with pytest.raises(ValueError, match=r"^a colour image must be uint8 of shape"):
            estimator.transform([bad])
