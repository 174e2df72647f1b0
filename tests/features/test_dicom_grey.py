"""Greys pass rescaling, lookup tables and windows, compared with a loop over single values."""

import io
import math

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from trifuse.features.dicom import read_dicom

ROWS, COLUMNS = 7, 6


def build(values, photometric, **elements):
    """Write a file of one frame of greys; the elements go before what they tell."""
    bits = values.itemsize * 8
    standard = {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": "1.2.3",
        "Rows": values.shape[0], "Columns": values.shape[1], "SamplesPerPixel": 1,
        "PhotometricInterpretation": photometric, "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": elements.get("BitsStored", bits) - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"), "PixelData": values.tobytes(),
    }  # fmt: skip
    dataset = Dataset()
    for keyword, value in (standard | elements).items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def read(content, index=0):
    frame = list(read_dicom(content))[index]
    assert frame.message == ""
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert not frame.image.flags.writeable
    return frame.image


def refusal(content):
    (frame,) = read_dicom(content)
    assert frame.image is None
    return frame.message


def assert_grey(image, expected):
    np.testing.assert_array_equal(image, np.repeat(np.asarray(expected)[..., None], 3, axis=2))


def map_values(function, values):
    """Apply a function of one number to each."""
    return np.array([[function(int(value)) for value in row] for row in values])


def scale(value, low, high):
    return min(max(round((value - low) * 255 / (high - low)), 0), 255)


def item(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def lut(first, entries, bits, vr="US"):
    """Make an item of a LUT sequence."""
    dataset = Dataset()
    dataset.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    data = list(map(int, entries)) if vr == "US" else np.asarray(entries, "<u2").tobytes()
    dataset.add_new(0x00283006, vr, data)
    return dataset


@pytest.fixture(scope="module")
def grey():
    return np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8)


@pytest.fixture(scope="module")
def deep():
    """12 bits, of which all values from 0 to 4095 may occur."""
    values = np.random.default_rng(2).integers(0, 4096, (ROWS, COLUMNS), dtype=np.uint16)
    values[0, :2] = 0, 4095
    return values


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


class TestGrey:
    @pytest.mark.parametrize("function", [linear, linear_exact, sigmoid])
    @pytest.mark.parametrize(("center", "width"), [(2000, 1000), (300.5, 77), (0, 9000)])
    def test_window(self, deep, function, center, width):
        content = build(
            deep, "MONOCHROME2", BitsStored=12, VOILUTFunction=function.__name__.upper(),
            WindowCenter=center, WindowWidth=width,
        )  # fmt: skip
        assert_grey(read(content), map_values(lambda x: function(x, center, width), deep))

    def test_first_window_counts_and_is_linear(self, deep):
        content = build(
            deep, "MONOCHROME1", BitsStored=12, WindowCenter=[1000, 5], WindowWidth=[400, 6]
        )
        expected = map_values(lambda x: 255 - linear(x, 1000, 400), deep)
        assert_grey(read(content), expected)

    def test_window_of_width_1_is_a_threshold(self, grey):
        content = build(grey, "MONOCHROME2", WindowCenter=100, WindowWidth=1)
        assert_grey(read(content), np.where(grey >= 100, 255, 0))

    @pytest.mark.parametrize("window", [(0, 0), (10, -5), (10, 0.5), (None, 10), (5, None)])
    def test_window_that_is_not_allowed_is_passed_over(self, grey, window):
        content = build(grey, "MONOCHROME2", WindowCenter=window[0], WindowWidth=window[1])
        assert_grey(read(content), grey)

    def test_unknown_function(self, grey):
        content = build(
            grey, "MONOCHROME2", WindowCenter=9, WindowWidth=9, VOILUTFunction="DOE_JANE"
        )
        assert refusal(content).endswith("its VOI LUT function is not one of the standard's")

    def test_window_of_all_8_bits_changes_nothing(self, grey):
        assert_grey(read(build(grey, "MONOCHROME2", WindowCenter=128, WindowWidth=256)), grey)

    @pytest.mark.parametrize("slope", [2, -0.5])
    def test_rescaled_and_windowed(self, deep, slope):
        content = build(
            deep, "MONOCHROME2", BitsStored=12, RescaleSlope=slope, RescaleIntercept=-1024,
            WindowCenter=40, WindowWidth=400,
        )  # fmt: skip
        expected = map_values(lambda x: linear(slope * x - 1024, 40, 400), deep)
        assert_grey(read(content), expected)

    @pytest.mark.parametrize("slope", [2, -0.5])
    def test_rescaled_without_window(self, deep, slope):
        content = build(
            deep, "MONOCHROME2", BitsStored=12, RescaleSlope=slope, RescaleIntercept=-1024
        )
        low, high = sorted([-1024, slope * 4095 - 1024])
        expected = map_values(lambda x: scale(slope * x - 1024, low, high), deep)
        assert_grey(read(content), expected)

    @pytest.mark.parametrize("slope", [0, 1e300])
    def test_slope_of_no_use(self, grey, slope):
        content = build(grey, "MONOCHROME2", RescaleSlope=slope * slope, RescaleIntercept=1)
        assert refusal(content).endswith("its rescale slope and intercept cannot be used")

    def test_signed(self):
        values = np.array([[-2048, -1, 0, 2047]], np.int16)
        expected = map_values(lambda x: scale(x, -2048, 2047), values)
        assert_grey(read(build(values, "MONOCHROME2", BitsStored=12)), expected)
        unused_bits_clear = (values & 0xFFF).astype(np.int16)
        assert_grey(read(build(unused_bits_clear, "MONOCHROME2", BitsStored=12)), expected)
        windowed = build(values, "MONOCHROME2", BitsStored=12, WindowCenter=0, WindowWidth=4000)
        assert_grey(read(windowed), map_values(lambda x: linear(x, 0, 4000), values))

    @pytest.mark.parametrize("vr", ["US", "OW"])
    def test_modality_lut(self, deep, vr):
        entries = np.random.default_rng(8).integers(0, 65536, 1000)
        content = build(
            deep, "MONOCHROME2", BitsStored=12, ModalityLUTSequence=[lut(500, entries, 16, vr)]
        )

        def expected(x):
            return scale(int(entries[min(max(x - 500, 0), 999)]), 0, 65535)

        assert_grey(read(content), map_values(expected, deep))

    @pytest.mark.parametrize(("vr", "bits"), [("US", 12), ("OW", 12), ("US", 8), ("OW", 8)])
    def test_voi_lut_goes_before_windows(self, deep, vr, bits):
        entries = np.random.default_rng(9).integers(0, 2**bits, 4000)
        content = build(
            deep, "MONOCHROME2", BitsStored=12, VOILUTSequence=[lut(50, entries, bits, vr)],
            WindowCenter=1, WindowWidth=2,
        )  # fmt: skip

        def expected(x):
            return scale(int(entries[min(max(x - 50, 0), 3999)]), 0, 2**bits - 1)

        assert_grey(read(content), map_values(expected, deep))

    def test_voi_lut_of_rescaled_values_below_0(self, deep):
        entries = np.arange(4096)
        content = build(
            deep, "MONOCHROME2", BitsStored=12, RescaleSlope=1, RescaleIntercept=-1024,
            VOILUTSequence=[lut(-1024, entries, 12)],
        )  # fmt: skip
        assert_grey(read(content), map_values(lambda x: scale(x, 0, 4095), deep))

    def test_lut_of_no_use(self, grey):
        content = build(grey, "MONOCHROME2", VOILUTSequence=[lut(0, range(4), 31)])
        assert refusal(content).endswith("has entries of 31 bits, not 8 to 16")
        broken = item(LUTExplanation="DOE^JANE")
        assert refusal(build(grey, "MONOCHROME2", VOILUTSequence=[broken])).endswith(
            "its lookup tables or windows cannot be used"
        )

    def test_functional_groups_go_before_the_file(self, grey):
        def groups(center=None, slope=None):
            window = item(WindowCenter=center, WindowWidth=101)
            rescale = item(RescaleSlope=slope, RescaleIntercept=0)
            return item(
                **{"FrameVOILUTSequence": [window]} if center else {},
                **{"PixelValueTransformationSequence": [rescale]} if slope else {},
            )

        content = build(
            grey, "MONOCHROME2", NumberOfFrames=2, PixelData=grey.tobytes() * 2,
            RescaleSlope=7, RescaleIntercept=7,
            SharedFunctionalGroupsSequence=[groups(slope=2)],
            PerFrameFunctionalGroupsSequence=[groups(center=100), groups(center=300)],
        )  # fmt: skip
        for index, center in enumerate([100, 300]):
            expected = map_values(lambda x, c=center: linear(2 * x, c, 101), grey)
            assert_grey(read(content, index), expected)
