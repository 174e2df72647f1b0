"""Priors: Bayes' rule on two Gaussians, and every sentence of refusal."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from trifuse.classifiers.prior import PriorError, read_prior, shift_prior

CLASSES = ["mel", "nv", "bcc"]
TRAINING = np.array([0.2, 0.7, 0.1])
SHARES = arrays(np.float64, 3, elements=st.floats(1e-3, 1)).map(lambda a: a / a.sum())


def posterior(x, prior):
    """Of two Gaussians, by Bayes' rule."""
    joint = np.stack([norm.pdf(x, 0, 1), norm.pdf(x, 1.5, 2)], axis=-1) * prior
    return joint / joint.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("new", [(0.5, 0.5), (0.01, 0.99), (0.9, 0.1)])
def test_is_bayes_rule(new):
    x = np.linspace(-4, 6, 50)
    old, new = np.array([0.8, 0.2]), np.array(new)
    shifted = shift_prior(posterior(x, old), old, new)
    np.testing.assert_allclose(shifted, posterior(x, new), atol=1e-12)


@settings(deadline=None)
@given(probabilities=SHARES, old=SHARES, new=SHARES)
def test_there_and_back(probabilities, old, new):
    shifted = shift_prior(probabilities, old, new)
    assert shifted.sum() == pytest.approx(1)
    assert np.all(shifted >= 0)
    np.testing.assert_allclose(shift_prior(shifted, new, old), probabilities, atol=1e-9)


@settings(deadline=None)
@given(probabilities=SHARES, prior=SHARES)
def test_the_same_prior_changes_nothing(probabilities, prior):
    np.testing.assert_allclose(shift_prior(probabilities, prior, prior), probabilities, atol=1e-12)


def test_rows_are_shifted_by_themselves():
    rows = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    uniform = np.full(3, 1 / 3)
    together = shift_prior(rows, TRAINING, uniform)
    for row, expected in zip(rows, together, strict=True):
        np.testing.assert_array_equal(shift_prior(row, TRAINING, uniform), expected)


def test_an_image_that_tells_nothing_gets_the_prior():
    new = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(shift_prior(TRAINING, TRAINING, new), new)


def test_named_priors():
    assert read_prior("training", CLASSES) is None
    np.testing.assert_allclose(read_prior("balanced", CLASSES), [1 / 3, 1 / 3, 1 / 3])


@pytest.fixture
def toml(tmp_path):
    def write(content):
        path = tmp_path / "clinic.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refuses(sentence):
    return pytest.raises(PriorError, match=f"^{re.escape(sentence)}$")


def test_a_file_is_in_the_order_of_the_classes(toml):
    path = toml("bcc = 1\nmel = 2.5\nnv = 6.5\n")
    prior = read_prior(str(path), CLASSES)
    assert prior.dtype == np.float64
    np.testing.assert_allclose(prior, [0.25, 0.65, 0.1])


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_only_the_ratios_count(toml, factor):
    path = toml(f"mel = {factor}\nnv = {factor}\nbcc = {factor}")
    np.testing.assert_allclose(read_prior(str(path), CLASSES), 1 / 3)


@pytest.mark.parametrize("name", ["uniform", "Training", "", "clinic.csv"])
def test_an_unknown_name_is_refused(name):
    with refuses(f"There is no prior {name!r}; name training, balanced, or a .toml file."):
        read_prior(name, CLASSES)


@pytest.mark.parametrize(
    "content", ["mel = 1\nnv = 2", "mel = 1\nnv = 2\nbcc = 3\ndf = 4", "", "[mel]\nnv = 1"]
)
def test_other_classes_are_refused(toml, content):
    path = toml(content)
    sentence = f"The prior {path} must name exactly the model's classes: mel, nv, bcc."
    with refuses(sentence):
        read_prior(str(path), CLASSES)


@pytest.mark.parametrize(
    "share",
    ["0", "-1", "0.0", "nan", "inf", "-inf", "1e-10", "1e10", "1e400", "9" * 400, "0x" + "f" * 9999,
     "true", "'1'", "[1]", "{a = 1}", "1979-05-27"],
)  # fmt: skip
def test_a_share_that_is_no_share_is_refused(toml, share):
    path = toml(f"mel = 1\nnv = {share}\nbcc = 1")
    with refuses(f"The prior {path} must give nv a number from 1e-9 to 1e9."):
        read_prior(str(path), CLASSES)


@pytest.mark.parametrize(
    "content", ["mel = ", "mel = 1\nmel = 2", b"mel = '\xff'", "mel=" + "9" * 9999]
)
def test_a_file_that_is_no_toml_is_refused(toml, content):
    path = toml(content)
    sentence = rf"^The prior {re.escape(str(path))} cannot be read: .+\.$"
    with pytest.raises(PriorError, match=sentence):
        read_prior(str(path), CLASSES)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    for path in (tmp_path / "missing.toml", tmp_path / "folder.toml"):
        sentence = rf"^The prior {re.escape(str(path))} cannot be read: .+\.$"
        with pytest.raises(PriorError, match=sentence):
            read_prior(str(path), CLASSES)
