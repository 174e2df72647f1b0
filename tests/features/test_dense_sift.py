"""Dense SIFT against a loop over patches and pixels, VLFeat's own output, and its symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.dense_sift import DenseSiftExtractor
from trifuse.features.grid import PatchGrid

IMAGES = ("lesion", "noise", "edge")
GEOMETRIES = ((4, 4), (5, 3), (8, 6))


@pytest.fixture(scope="module")
def reference(vlfeat):
    return vlfeat("dsift.npz")


def texture(rows, columns, seed=0):
    """Noise with some structure, so that descriptors differ."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.add.outer(np.arange(rows) ** 2 / 90, np.arange(columns) / 3))
    levels = 128 + 60 * waves + rng.normal(scale=25, size=(rows, columns))
    return levels.clip(0, 255).astype(np.uint8)


def extract(image, step=4, bin_size=4, **options):
    return DenseSiftExtractor(step, [bin_size], **options).extract(image).values


def slow_gradient(grey, row, column):
    """(by row, by column): central differences, one-sided at the border, zero across one pixel."""
    gradient = []
    for axis, at in ((0, row), (1, column)):
        before, after = max(at - 1, 0), min(at + 1, grey.shape[axis] - 1)
        if before == after:
            gradient.append(0.0)
            continue
        ends = (
            (grey[after, column], grey[before, column])
            if axis == 0
            else (
                grey[row, after],
                grey[row, before],
            )
        )
        gradient.append((ends[0] - ends[1]) / (after - before))
    return gradient


def slow_angle(by_row, by_column):
    """VLFeat's arctangent, in radians from 0 to 2 pi."""
    rise, run = abs(by_row) + np.finfo(np.float32).eps, abs(by_column)
    ratio = (run - rise) / (run + rise)
    angle = np.pi / 4 - (0.9675 - 0.1821 * ratio**2) * ratio
    if by_column < 0:
        angle = np.pi - angle
    return 2 * np.pi - angle if by_row < 0 else angle


def slow_window(cell, bin_size):
    """Mean of the Gaussian window over the support of a cell along one axis, times its width."""
    total = 0.0
    for tap in range(1 - bin_size, bin_size):
        distance = tap + (cell - 1.5) * bin_size
        total += np.exp(-0.5 * (distance / (2 * bin_size)) ** 2)
    return total / (2 * bin_size - 1) * bin_size


def slow_raw(grey, row, column, bin_size):
    """The 128 numbers of one patch before normalisation; (row, column) is its first cell."""
    raw = np.zeros((4, 4, 8))
    for i, j in np.ndindex(4, 4):
        window = slow_window(i, bin_size) * slow_window(j, bin_size)
        for y in range(1 - bin_size, bin_size):
            for x in range(1 - bin_size, bin_size):
                r = min(max(row + i * bin_size + y, 0), grey.shape[0] - 1)
                c = min(max(column + j * bin_size + x, 0), grey.shape[1] - 1)
                by_row, by_column = slow_gradient(grey, r, c)
                angle = slow_angle(by_row, by_column) * 8 / (2 * np.pi)
                share = np.hypot(by_row, by_column) * window
                share *= (bin_size - abs(y)) * (bin_size - abs(x)) / bin_size**4
                lower = int(np.floor(angle))
                raw[i, j, lower % 8] += share * (1 - (angle - lower))
                raw[i, j, (lower + 1) % 8] += share * (angle - lower)
    return raw.ravel()


def slow_normalize(raw):
    if not raw.any():
        return raw
    clipped = np.minimum(raw / np.linalg.norm(raw), 0.2)
    return clipped / np.linalg.norm(clipped)


@pytest.mark.parametrize(("shape", "step", "bin_size"), [((20, 23), 5, 3), ((17, 19), 4, 4)])
def test_equals_a_loop_over_patches(shape, step, bin_size):
    image = texture(*shape)
    values = extract(image, step, bin_size)
    grey = image.astype(np.float64)
    expected = [
        slow_normalize(slow_raw(grey, row, column, bin_size))
        for row in range(0, shape[0] - 3 * bin_size, step)
        for column in range(0, shape[1] - 3 * bin_size, step)
    ]
    np.testing.assert_allclose(values, expected, atol=5e-6)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(("step", "bin_size"), GEOMETRIES)
def test_equals_vlfeat(reference, image, step, bin_size):
    grey = reference[f"image_{image}"]
    key = f"{image}_step{step}_bin{bin_size}_flat"
    frames = reference[f"frames_{key}"]
    values, positions = DenseSiftExtractor(step, [bin_size]).extract(grey)
    np.testing.assert_allclose(values, reference[f"descr_{key}"], atol=1e-4)
    in_pixels = (positions + 0.5) * grey.shape - 0.5
    np.testing.assert_allclose(in_pixels, frames[:, 1::-1], atol=1e-4)


@pytest.mark.parametrize(("step", "bin_size"), GEOMETRIES)
def test_the_contrast_is_vlfeats_norm(reference, step, bin_size):
    frames = reference[f"frames_lesion_step{step}_bin{bin_size}_flat"]
    contrasts = np.sort(frames[:, 2])
    widest = np.diff(contrasts).argmax()  # a threshold in a gap, where rounding cannot matter
    threshold = float(contrasts[widest : widest + 2].mean())
    values = extract(reference["image_lesion"], step, bin_size, contrast_threshold=threshold)
    above = frames[:, 2] > threshold
    assert 0 < above.sum() < len(above)
    np.testing.assert_array_equal(values.any(axis=1), above)


def test_the_contrast_is_the_mean_of_the_raw_numbers():
    image = texture(20, 23)
    grey = image.astype(np.float64)
    raw = [slow_raw(grey, r, c, 3).sum() / 100 for r in range(0, 11, 5) for c in range(0, 14, 5)]
    for threshold in np.array(raw) * 1.001:
        values = extract(image, 5, 3, contrast_threshold=threshold)
        np.testing.assert_array_equal(values.any(axis=1), np.array(raw) > threshold)


def test_a_threshold_leaves_the_other_patches_alone():
    image = texture(60, 60)
    image[:, :30] = 77
    free, bound = extract(image), extract(image, contrast_threshold=5)
    kept = bound.any(axis=1)
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(bound[kept], free[kept])


def test_several_scales_are_those_of_one_after_the_other():
    image = texture(50, 61)
    values, positions = DenseSiftExtractor(5, [3, 6, 4]).extract(image)
    single = [DenseSiftExtractor(5, [bin_size]).extract(image) for bin_size in (3, 6, 4)]
    np.testing.assert_array_equal(values, np.concatenate([one.values for one in single]))
    np.testing.assert_array_equal(positions, np.concatenate([one.positions for one in single]))


def test_many_patches_are_normalised_like_few():
    image = texture(80, 150)  # more patches than are normalised together
    values = extract(image, 2, 2)
    assert len(values) > 2048
    columns = PatchGrid(image.shape, 2, 2).n_columns
    part = extract(np.ascontiguousarray(image[40:]), 2, 2)
    np.testing.assert_allclose(values[25 * columns :], part[5 * columns :], atol=1e-6)


def test_rotating_the_image_by_90_degrees_permutes_the_bins():
    image = texture(33, 45)  # both sides are 13 + 4 n, so that the grid maps onto itself
    grid = PatchGrid(image.shape, 4, 4)
    values = extract(image).reshape(grid.n_rows, grid.n_columns, 4, 4, 8)
    rotated = extract(np.rot90(image).copy())
    turned = np.rot90(np.rot90(values), axes=(2, 3))  # patches, then the cells in each
    # rot90 takes growing columns to falling rows: orientation 0 becomes 6
    np.testing.assert_allclose(rotated, np.roll(turned, -2, axis=-1).reshape(-1, 128), atol=2e-6)


def test_mirroring_the_image_permutes_the_bins():
    image = texture(33, 45)
    grid = PatchGrid(image.shape, 4, 4)
    values = extract(image).reshape(grid.n_rows, grid.n_columns, 4, 4, 8)
    mirrored = extract(image[:, ::-1].copy())
    orientations = [(4 - orientation) % 8 for orientation in range(8)]
    expected = values[:, ::-1, :, ::-1][..., orientations]
    np.testing.assert_allclose(mirrored, expected.reshape(-1, 128), atol=2e-6)


@pytest.mark.parametrize(("axis", "orientation"), [(1, 0), (0, 2)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_ramp_has_one_orientation(axis, orientation, sign):
    ramp = np.indices((30, 30), dtype=np.float32)[axis] * sign * 3 + 100
    filled = extract(ramp).reshape(-1, 8).max(axis=0) > 1e-4
    expected = orientation if sign > 0 else orientation + 4
    assert np.flatnonzero(filled).tolist() == [expected]


@given(seed=st.integers(0, 99), gain=st.floats(0.05, 2), offset=st.floats(-100, 100))
@settings(deadline=None, max_examples=20)
def test_brightness_and_contrast_change_nothing(seed, gain, offset):
    image = texture(30, 34, seed).astype(np.float32)
    changed = (image * gain + offset).astype(np.float32)
    np.testing.assert_allclose(extract(changed), extract(image), atol=1e-4)


@given(
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    bin_size=st.integers(1, 5),
    root=st.booleans(),
    seed=st.integers(0, 99),
    flat=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_norms_are_one_or_zero(shape, bin_size, root, seed, flat):
    image = texture(*shape, seed)
    if flat:
        image[:, shape[1] // 2 :] = seed
    values, positions = DenseSiftExtractor(2, [bin_size], root=root).extract(image)
    assert values.dtype == positions.dtype == np.float32
    assert values.shape == (len(PatchGrid(shape, 2, bin_size)), 128)
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)
    norms = np.linalg.norm(values.astype(np.float64), axis=1)
    filled = values.any(axis=1)
    np.testing.assert_allclose(norms[filled], 1, atol=1e-5)


@pytest.mark.parametrize("root", [False, True])
def test_a_constant_image_gives_zeros(root):
    values = extract(np.full((40, 40), 200, dtype=np.uint8), root=root)
    assert values.shape == (49, 128)
    assert not values.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (12, 90), (90, 12)])
def test_an_image_smaller_than_a_patch_gives_none(shape):
    values, positions = DenseSiftExtractor(4, [4, 6]).extract(np.zeros(shape, dtype=np.uint8))
    assert values.shape == (0, 128)
    assert positions.shape == (0, 2)


def test_a_small_image_gives_the_small_scale_alone():
    image = texture(15, 15)
    values, _ = DenseSiftExtractor(4, [4, 6]).extract(image)
    np.testing.assert_array_equal(values, extract(image))
    assert len(values) == 1


def test_root_sift_is_the_root_of_the_l1_normalised():
    image = texture(60, 60)
    image[:20] = 9
    values, rooted = extract(image), extract(image, root=True)
    sums = values.astype(np.float64).sum(axis=1, keepdims=True)
    expected = np.sqrt(np.divide(values, sums, out=np.zeros(values.shape), where=sums > 0))
    assert np.any(sums == 0)
    np.testing.assert_allclose(rooted, expected, atol=1e-6)


def test_no_component_stands_out():
    step = np.zeros((40, 40), dtype=np.uint8)
    step[:, 20:] = 255  # all the gradient is in one orientation
    raw = slow_raw(step.astype(np.float64), 8, 12, 4)
    largest = extract(step)[2 * 7 + 3].max()
    assert raw.max() / np.linalg.norm(raw) > 0.25
    assert largest == pytest.approx(slow_normalize(raw).max(), abs=1e-6)


def test_rgb_is_taken_as_grey():
    grey = texture(30, 30)
    rgb = np.stack([grey, grey, grey], axis=-1)
    np.testing.assert_allclose(extract(rgb), extract(grey), atol=1e-6)
    coloured = rgb.copy()
    coloured[:, :, 0], coloured[:, :, 2] = grey.T, 0
    luminance = np.round(coloured @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    np.testing.assert_allclose(extract(coloured), extract(luminance), atol=0.05)


def test_the_image_is_left_alone():
    image = texture(30, 30).astype(np.float32)
    before = image.copy()
    extract(image)
    np.testing.assert_array_equal(image, before)
