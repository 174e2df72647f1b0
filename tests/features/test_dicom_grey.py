"""Greys pass rescaling, lookup tables and windows, compared with a loop over single values."""

import math

import numpy as np
import pytest


@pytest.fixture(scope="module")
def lut(make_dataset):
    """Make an item of a LUT sequence."""

    def make(first, entries, bits, vr="US"):
        table = make_dataset()
        table.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
        data = list(map(int, entries)) if vr == "US" else np.asarray(entries, "<u2").tobytes()
        table.add_new(0x00283006, vr, data)
        return table

    return make


@pytest.fixture(scope="module")
def write(write_dicom):
    """Write a file of greys, of 12 bits stored unless they are bytes."""

    def write_grey(values, photometric="MONOCHROME2", **elements):
        stored = {} if values.itemsize == 1 else {"BitsStored": 12}
        return write_dicom(values, photometric, **stored, **elements)

    return write_grey


def linear(x, c, w):
    """PS3.3 C.11.2.1.2.1, of an output from 0 to 255."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    return 255 if x > c - 0.5 + (w - 1) / 2 else round(((x - (c - 0.5)) / (w - 1) + 0.5) * 255)


def linear_exact(x, c, w):
    """PS3.3 C.11.2.1.3.2."""
    return 0 if x <= c - w / 2 else 255 if x > c + w / 2 else round(((x - c) / w + 0.5) * 255)


def sigmoid(x, c, w):
    """PS3.3 C.11.2.1.3.1."""
    return round(255 / (1 + math.exp(-4 * (x - c) / w)))


class TestWindow:
    @pytest.mark.parametrize("function", [linear, linear_exact, sigmoid])
    @pytest.mark.parametrize(("center", "width"), [(2000, 1000), (300.5, 77), (0, 9000)])
    def test_window(self, write, assert_shows, deep, function, center, width):
        name = function.__name__.upper()
        content = write(deep, VOILUTFunction=name, WindowCenter=center, WindowWidth=width)
        assert_shows(content, deep, lambda x: function(x, center, width))

    def test_first_window_counts_and_is_linear(self, write, assert_shows, deep):
        content = write(deep, "MONOCHROME1", WindowCenter=[1000, 5], WindowWidth=[400, 6])
        assert_shows(content, deep, lambda x: 255 - linear(x, 1000, 400))

    def test_window_of_width_1_is_a_threshold(self, write, assert_shows, grey):
        content = write(grey, WindowCenter=100, WindowWidth=1)
        assert_shows(content, np.where(grey >= 100, 255, 0))

    @pytest.mark.parametrize("window", [(0, 0), (10, -5), (10, 0.5), (None, 10), (5, None)])
    def test_window_that_is_not_allowed_is_passed_over(self, write, assert_shows, grey, window):
        assert_shows(write(grey, WindowCenter=window[0], WindowWidth=window[1]), grey)

    def test_unknown_function(self, write, refusal, grey):
        content = write(grey, WindowCenter=9, WindowWidth=9, VOILUTFunction="DOE_JANE")
        assert refusal(content) == "its VOI LUT function is not one of the standard's"

    def test_window_of_all_8_bits_changes_nothing(self, write, assert_shows, grey):
        assert_shows(write(grey, WindowCenter=128, WindowWidth=256), grey)


class TestRescaling:
    @pytest.mark.parametrize("slope", [2, -0.5])
    def test_rescaled_and_windowed(self, write, assert_shows, deep, slope):
        content = write(
            deep, RescaleSlope=slope, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400
        )
        assert_shows(content, deep, lambda x: linear(slope * x - 1024, 40, 400))

    @pytest.mark.parametrize("slope", [2, -0.5])
    def test_rescaled_without_window(self, write, assert_shows, deep, slope):
        content = write(deep, RescaleSlope=slope, RescaleIntercept=-1024)
        span = sorted([-1024, slope * 4095 - 1024])
        assert_shows(content, deep, lambda x: slope * x - 1024, span)

    @pytest.mark.parametrize("slope", [0, 1e300])
    def test_slope_of_no_use(self, write, refusal, grey, slope):
        content = write(grey, RescaleSlope=slope * slope, RescaleIntercept=1)
        assert refusal(content) == "its rescale slope and intercept cannot be used"

    def test_signed(self, write, assert_shows):
        values = np.array([[-2048, -1, 0, 2047]], np.int16)
        assert_shows(write(values), values, span=(-2048, 2047))
        unused_bits_clear = (values & 0xFFF).astype(np.int16)
        assert_shows(write(unused_bits_clear), values, span=(-2048, 2047))
        windowed = write(values, WindowCenter=0, WindowWidth=4000)
        assert_shows(windowed, values, lambda x: linear(x, 0, 4000))

    @pytest.mark.parametrize(("vr", "bits"), [("US", 16), ("OW", 16), ("US", 12)])
    def test_modality_lut(self, write, assert_shows, lut, deep, vr, bits):
        """Where pydicom's own function raises for 12 bits."""
        entries, span = np.random.default_rng(8).integers(0, 2**bits, 1000), (0, 2**bits - 1)
        content = write(deep, ModalityLUTSequence=[lut(500, entries, bits, vr)])
        assert_shows(content, deep, lambda x: entries[min(max(x - 500, 0), 999)], span)


class TestVoiLut:
    @pytest.mark.parametrize(("vr", "bits"), [("US", 12), ("OW", 12), ("US", 8), ("OW", 8)])
    def test_it_goes_before_windows(self, write, assert_shows, lut, deep, vr, bits):
        entries = np.random.default_rng(9).integers(0, 2**bits, 4000)
        table = lut(50, entries, bits, vr)
        content = write(deep, VOILUTSequence=[table], WindowCenter=1, WindowWidth=2)
        span = (0, 2**bits - 1)
        assert_shows(content, deep, lambda x: entries[min(max(x - 50, 0), 3999)], span)

    def test_rescaled_values_below_0(self, write, assert_shows, lut, deep):
        table = lut(-1024, np.arange(4096), 12)
        content = write(deep, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[table])
        assert_shows(content, deep, span=(0, 4095))

    def test_of_no_use(self, write, refusal, lut, make_dataset, grey):
        content = write(grey, VOILUTSequence=[lut(0, range(4), 31)])
        assert refusal(content).endswith("has entries of 31 bits, not 8 to 16")
        content = write(grey, VOILUTSequence=[make_dataset(LUTExplanation="DOE^JANE")])
        assert refusal(content) == "its lookup tables or windows cannot be used"


def test_functional_groups_go_before_the_file(write, assert_shows, make_dataset, grey):
    def window(center):
        voi = make_dataset(WindowCenter=center, WindowWidth=101)
        return make_dataset(FrameVOILUTSequence=[voi])

    rescale = make_dataset(RescaleSlope=2, RescaleIntercept=0)
    content = write(
        grey, NumberOfFrames=2, PixelData=grey.tobytes() * 2, RescaleSlope=7, RescaleIntercept=7,
        SharedFunctionalGroupsSequence=[make_dataset(PixelValueTransformationSequence=[rescale])],
        PerFrameFunctionalGroupsSequence=[window(100), window(300)],
    )  # fmt: skip
    for index, center in enumerate([100, 300]):
        assert_shows(
            content, grey, lambda x, c=center: linear(2 * x, c, 101), index=index, frames=2
        )
