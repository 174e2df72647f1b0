"""What a pipeline of images cannot take: parameters, images and arrays, each told by its name."""

import re

import numpy as np
import pytest
from sklearn.base import clone

from trifuse.encoders.codebook import CodebookError
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.features.estimators import DenseSift, LocalColor
from trifuse.features.images import ImageError

COLOR = LocalColor(step=8, bin_sizes=(3,))


@pytest.mark.parametrize(
    ("name", "bad", "kind"),
    [
        *(("pca_dimension", bad, "a positive integer") for bad in (0, -1, 2.5, "6", True)),
        *(("sample_size", bad, "a positive integer") for bad in (0, 1.5, None, "9")),
        *(("position_weight", bad, "a finite number") for bad in (-1, np.nan, np.inf, "1", None)),
    ],
)
def test_a_bad_parameter_is_named(small, images, name, bad, kind):
    message = f"^{name} must be {kind}.*, not {re.escape(repr(bad))}$"
    with pytest.raises(ValueError, match=message):
        small(**{name: bad}).fit(images)
    with pytest.raises(ValueError, match=message):
        LocalDescriptorPipeline.from_arrays({}, **{name: bad})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"descriptor__step": 0}, "^step must be a positive integer, not 0$"),
        ({"descriptor__longest_side": 0}, "^longest_side must be a positive integer, not 0$"),
        ({"encoder__n_components": 0}, "^n_components must be a positive integer, not 0$"),
        ({"random_state": -1}, "Seed must be between"),
        ({"random_state": "x"}, "cannot be used to seed"),
        ({"n_jobs": 0}, "n_jobs == 0"),
    ],
)
def test_a_bad_parameter_of_a_step_is_named(small, images, changes, message):
    with pytest.raises(ValueError, match=message):
        clone(small()).set_params(**changes).fit(images)


@pytest.mark.parametrize("step", ["descriptor", "encoder"])
@pytest.mark.parametrize("bad", ["sift", DenseSift, 3])
def test_what_is_no_step_is_told(images, step, bad):
    with pytest.raises(TypeError, match="estimator"):
        LocalDescriptorPipeline(**{step: bad}).fit(images)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "^there are no images$"),
        ("a.png", "^images must be a sequence of images, not a str$"),
        (iter(()), "^images must be a sequence of images, not a "),
        (np.zeros((40, 48)), r"\(n_images, rows, columns\[, 3\]\), not \(40, 48\)$"),
        ([3], "^an image must be a path, bytes or an array, not int$"),
        ([np.zeros((4, 4, 4), dtype=np.uint8)], r"not \(4, 4, 4\)$"),
        ([b"no image"], "image"),
        (["nowhere.png"], r"nowhere\.png"),
    ],
)
def test_what_are_no_images_is_told(small, images, bad, message):
    with pytest.raises(ValueError, match=message):
        small().fit(bad)
    fitted = small().fit(images)
    with pytest.raises(ValueError, match=message):
        fitted.transform(bad)


def test_a_file_that_is_gone_is_an_image_error(small, images, tmp_path):
    with pytest.raises(ImageError):
        small().fit([*images, str(tmp_path / "gone.png")])


def test_grey_images_have_descriptors_but_no_colours(small, images):
    grey = [image[:, :, 0] for image in images]
    assert small().fit_transform(grey).shape == (6, 32)
    with pytest.raises(ValueError, match=r"^a colour image must be uint8"):
        small(COLOR).fit(grey)


@pytest.mark.parametrize("too", ["small", "plain"])
def test_images_without_different_descriptors_are_an_error(small, picture, too):
    plain = np.full((40, 48, 3), 9, dtype=np.uint8)
    image = plain if too == "plain" else picture(shape=(5, 5))
    with pytest.raises(CodebookError, match=r"^There are no two different local descriptors"):
        small().fit([image] * 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": None}, "'means' is missing$"),
        ({"pca_mean": None}, "^a projection needs pca_mean and pca_components: no 'pca_mean'$"),
        ({"pca_components": None}, "no 'pca_components'$"),
        ({"pca_mean": np.zeros(9)}, r"not \(6, 128\) and \(9,\)$"),
        ({"pca_components": np.zeros(9)}, r"pca_components must have the shape"),
        (
            {"pca_components": np.zeros((5, 128))},
            "give descriptors of 7 numbers, but FisherEncoder is expecting 8$",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_told(small, images, change, message):
    fitted = small().fit(images)
    arrays = {
        name: array for name, array in (fitted.to_arrays() | change).items() if array is not None
    }
    with pytest.raises(ValueError, match=message):
        LocalDescriptorPipeline.from_arrays(arrays, **fitted.get_params(deep=False))


def test_positions_that_the_codebook_does_not_know_are_told(small, images):
    fitted = small().fit(images)
    message = "give descriptors of 6 numbers, but FisherEncoder is expecting 8$"
    with pytest.raises(ValueError, match=message):
        LocalDescriptorPipeline.from_arrays(
            fitted.to_arrays(), **(fitted.get_params(deep=False) | {"position_weight": 0})
        )
