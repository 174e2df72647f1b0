"""Dense SIFT against a loop over patches and pixels, VLFeat's own output, and its symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import PatchGrid
from trifuse.features.orientation import orientation_maps

IMAGES = ("lesion", "noise", "edge")
GEOMETRIES = ((4, 4), (5, 3), (8, 6))
WINDOWS = ("flat", "gauss")

in_both_windows = pytest.mark.parametrize("window", WINDOWS)


@pytest.fixture(scope="module")
def reference(vlfeat):
    return vlfeat("dsift.npz", whole=True)


def texture(rows, columns, seed=0):
    """Noise with some structure, so that descriptors differ."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.add.outer(np.arange(rows) ** 2 / 90, np.arange(columns) / 3))
    levels = 128 + 60 * waves + rng.normal(scale=25, size=(rows, columns))
    return levels.clip(0, 255).astype(np.uint8)


def extract(image, step=4, bin_size=4, **options):
    return DenseSiftExtractor(step, [bin_size], **options).extract(image).values


def slow_window(cell, tap, bin_size, window, window_size):
    """The Gaussian window along one axis: at a pixel, or its mean over the cell."""
    taps = [tap] if window == "gauss" else range(1 - bin_size, bin_size)
    distances = [(tap + (cell - 1.5) * bin_size) / (window_size * bin_size) for tap in taps]
    return np.mean([np.exp(-0.5 * distance**2) for distance in distances])


def slow_raw(image, row, column, bin_size, window="flat", window_size=2.0):
    """The 128 numbers of one patch before normalisation; (row, column) is its first cell."""
    maps = orientation_maps(image.astype(np.float32)).astype(np.float64)
    raw = np.zeros((4, 4, 8))
    for i, j in np.ndindex(4, 4):
        for y in range(1 - bin_size, bin_size):
            for x in range(1 - bin_size, bin_size):
                weight = (1 - abs(y) / bin_size) * (1 - abs(x) / bin_size)
                weight *= slow_window(i, y, bin_size, window, window_size)
                weight *= slow_window(j, x, bin_size, window, window_size)
                r = min(max(row + i * bin_size + y, 0), image.shape[0] - 1)
                c = min(max(column + j * bin_size + x, 0), image.shape[1] - 1)
                raw[i, j] += weight * maps[:, r, c]
    return raw.ravel()


def slow_normalize(raw):
    if not raw.any():
        return raw
    clipped = np.minimum(raw / np.linalg.norm(raw), 0.2)
    return clipped / np.linalg.norm(clipped)


@in_both_windows
@pytest.mark.parametrize("window_size", [1.5, 2.0])
@pytest.mark.parametrize(("shape", "step", "bin_size"), [((15, 18), 5, 3), ((17, 14), 4, 4)])
def test_equals_a_loop_over_patches(shape, step, bin_size, window, window_size):
    image = texture(*shape)
    options = {"window": window, "window_size": window_size}
    extractor = DenseSiftExtractor(step, [bin_size], **options)
    values, contrast = extractor.describe(image).arrays
    raw = [
        slow_raw(image, row, column, bin_size, **options)
        for row in range(0, shape[0] - 3 * bin_size, step)
        for column in range(0, shape[1] - 3 * bin_size, step)
    ]
    np.testing.assert_allclose(values, [slow_normalize(one) for one in raw], atol=5e-6)
    area = (3 * bin_size + 1) ** 2
    np.testing.assert_allclose(contrast, [one.sum() / area for one in raw], rtol=1e-5)


@in_both_windows
@pytest.mark.parametrize(("step", "bin_size"), GEOMETRIES)
def test_equals_what_is_kept_of_vlfeat(vlfeat, step, bin_size, window):
    kept = vlfeat("dsift.npz")
    frames = kept[f"frames_step{step}_bin{bin_size}_{window}"]
    grey = kept["image"]
    extractor = DenseSiftExtractor(step, [bin_size], window=window)
    band = extractor.describe(grey)
    (values, contrast), positions = band.arrays, band.positions()
    centres = (positions + 0.5) * grey.shape - 0.5
    rows = [np.abs(centres - frame[1::-1]).sum(axis=1).argmin() for frame in frames]
    np.testing.assert_allclose(centres[rows], frames[:, 1::-1], atol=1e-4)
    np.testing.assert_allclose(
        values[rows], kept[f"descr_step{step}_bin{bin_size}_{window}"], atol=1e-4
    )
    np.testing.assert_allclose(contrast[rows], frames[:, 2], rtol=1e-3)


@in_both_windows
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(("step", "bin_size"), GEOMETRIES)
def test_equals_vlfeat(reference, image, step, bin_size, window):
    grey = reference[f"image_{image}"]
    key = f"{image}_step{step}_bin{bin_size}_{window}"
    frames = reference[f"frames_{key}"]
    extractor = DenseSiftExtractor(step, [bin_size], window=window)
    band = extractor.describe(grey)
    (values, contrast), positions = band.arrays, band.positions()
    np.testing.assert_allclose(values, reference[f"descr_{key}"], atol=1e-4)
    in_pixels = (positions + 0.5) * grey.shape - 0.5
    np.testing.assert_allclose(in_pixels, frames[:, 1::-1], atol=1e-4)
    np.testing.assert_allclose(contrast, frames[:, 2], rtol=1e-3, atol=1e-6)


@in_both_windows
def test_a_threshold_is_compared_with_vlfeats_norm(reference, window):
    frames = reference[f"frames_lesion_step4_bin4_{window}"]
    contrasts = np.sort(frames[:, 2])
    widest = np.diff(contrasts).argmax()  # a threshold in a gap, where rounding cannot matter
    threshold = float(contrasts[widest : widest + 2].mean())
    image = reference["image_lesion"]
    values = extract(image, window=window, contrast_threshold=threshold)
    above = frames[:, 2] > threshold
    assert 0 < above.sum() < len(above)
    np.testing.assert_array_equal(values.any(axis=1), above)


@in_both_windows
def test_a_threshold_leaves_the_other_patches_alone(window):
    image = texture(60, 60)
    image[:, :30] = 77
    free, bound = (extract(image, window=window, contrast_threshold=limit) for limit in (0, 5))
    kept = bound.any(axis=1)
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(bound[kept], free[kept])


def test_a_norm_at_the_threshold_is_kept():
    image = texture(20, 20)
    _, contrast = DenseSiftExtractor(4, [4]).describe(image).arrays
    for rank, threshold in enumerate(np.sort(contrast)):
        values = extract(image, contrast_threshold=float(threshold))
        assert values.any(axis=1).sum() == len(contrast) - rank


def test_several_scales_are_those_of_one_after_the_other():
    image = texture(50, 61)
    band = DenseSiftExtractor(5, [3, 6, 4]).describe(image)
    (values, contrast), positions = band.arrays, band.positions()
    single = [DenseSiftExtractor(5, [bin_size]).describe(image) for bin_size in (3, 6, 4)]
    np.testing.assert_array_equal(values, np.concatenate([one.arrays[0] for one in single]))
    np.testing.assert_array_equal(contrast, np.concatenate([one.arrays[1] for one in single]))
    np.testing.assert_array_equal(positions, np.concatenate([one.positions() for one in single]))


@in_both_windows
def test_many_patches_are_normalised_like_few(window):
    image = texture(80, 150)  # more patches than are normalised together
    values = extract(image, 2, 2, window=window)
    assert len(values) > 2048
    columns = PatchGrid(image.shape, 2, 2).n_columns
    part = extract(image[40:], 2, 2, window=window)
    np.testing.assert_allclose(values[25 * columns :], part[5 * columns :], atol=1e-6)


@in_both_windows
def test_rotating_the_image_by_90_degrees_permutes_the_bins(window):
    image = texture(33, 45)  # both sides are 13 + 4 n, so that the grid maps onto itself
    grid = PatchGrid(image.shape, 4, 4)
    values = extract(image, window=window).reshape(grid.n_rows, grid.n_columns, 4, 4, 8)
    rotated = extract(np.rot90(image), window=window)
    turned = np.rot90(np.rot90(values), axes=(2, 3))  # patches, then the cells in each
    # rot90 takes growing columns to falling rows: orientation 0 becomes 6
    np.testing.assert_allclose(rotated, np.roll(turned, -2, axis=-1).reshape(-1, 128), atol=2e-6)


@in_both_windows
def test_mirroring_the_image_permutes_the_bins(window):
    image = texture(33, 45)
    grid = PatchGrid(image.shape, 4, 4)
    values = extract(image, window=window).reshape(grid.n_rows, grid.n_columns, 4, 4, 8)
    mirrored = extract(image[:, ::-1], window=window)
    orientations = [(4 - orientation) % 8 for orientation in range(8)]
    expected = values[:, ::-1, :, ::-1][..., orientations]
    np.testing.assert_allclose(mirrored, expected.reshape(-1, 128), atol=2e-6)


@in_both_windows
@pytest.mark.parametrize(("axis", "orientation"), [(1, 0), (0, 2)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_ramp_has_one_orientation(axis, orientation, sign, window):
    ramp = np.indices((30, 30), dtype=np.float32)[axis] * sign * 3 + 100
    filled = extract(ramp, window=window).reshape(-1, 8).max(axis=0) > 1e-4
    expected = orientation if sign > 0 else orientation + 4
    assert np.flatnonzero(filled).tolist() == [expected]


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    bin_size=st.integers(1, 5),
    window=st.sampled_from(WINDOWS),
    root=st.booleans(),
    seed=st.integers(0, 99),
    flat=st.booleans(),
)
def test_norms_are_one_or_zero(shape, bin_size, window, root, seed, flat):
    image = texture(*shape, seed)
    if flat:
        image[:, shape[1] // 2 :] = seed
    extractor = DenseSiftExtractor(2, [bin_size], window=window, root=root)
    values, positions = extractor.extract(image)
    assert values.dtype == positions.dtype == np.float32
    assert values.shape == (len(PatchGrid(shape, 2, bin_size)), 128)
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)
    norms = np.linalg.norm(values.astype(np.float64), axis=1)
    filled = values.any(axis=1)
    np.testing.assert_allclose(norms[filled], 1, atol=1e-5)


def test_root_sift_is_the_root_of_the_l1_normalised():
    image = texture(60, 60)
    image[:20] = 9
    values, rooted = extract(image), extract(image, root=True)
    sums = values.astype(np.float64).sum(axis=1, keepdims=True)
    expected = np.sqrt(np.divide(values, sums, out=np.zeros(values.shape), where=sums > 0))
    assert np.any(sums == 0)
    np.testing.assert_allclose(rooted, expected, atol=1e-6)


def test_root_sift_has_the_contrast_of_sift():
    image = texture(30, 30)
    _, contrast = DenseSiftExtractor(4, [4]).describe(image).arrays
    _, of_root = DenseSiftExtractor(4, [4], root=True).describe(image).arrays
    np.testing.assert_array_equal(of_root, contrast)


@in_both_windows
def test_no_component_stands_out(window):
    step = np.zeros((40, 40), dtype=np.uint8)
    step[:, 20:] = 255  # all the gradient is in one orientation
    raw = slow_raw(step, 8, 12, 4, window)
    largest = extract(step, window=window)[2 * 7 + 3].max()
    assert raw.max() / np.linalg.norm(raw) > 0.25
    assert largest == pytest.approx(slow_normalize(raw).max(), abs=1e-6)
