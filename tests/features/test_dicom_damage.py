"""Hostile bytes give frames or messages that tell nothing of the patient; nothing is printed."""

import io
import logging
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import jpeg_ls
import numpy as np
import openjpeg
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from trifuse.features import dicom
from trifuse.features.dicom import read_dicom
from trifuse.features.images import ImageError, read_image

ROWS, COLUMNS = 32, 34
MUTATIONS = 600


@pytest.fixture(scope="module")
def build(write_dicom):
    """Write a file of two frames of a patient whose name is in many places."""

    def write(values, photometric, syntax, pixels=None, **elements):
        return write_dicom(
            values, photometric, syntax, NumberOfFrames=2, PatientID="DOE^JANE",
            ImageComments="DOE^JANE " * 5, PixelData=pixels or values.tobytes() * 2, **elements,
        )  # fmt: skip

    return write


@pytest.fixture(scope="module")
def files(build, encode, make_dataset):
    """One small file of each way through the reader."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)
    grey = colour[..., 0].copy()
    deep = grey.astype(np.uint16) * 16
    table = rng.integers(0, 256, 512, dtype=np.uint8).tobytes()
    names = [f"{name}PaletteColorLookupTable" for name in ("Red", "Green", "Blue")]
    palette = {f"{name}Descriptor": [256, 0, 16] for name in names}
    palette |= {f"{name}Data": table for name in names}
    lut = make_dataset()
    lut.add_new(0x00283002, "US", [256, 0, 8])
    lut.add_new(0x00283006, "OW", table)
    lut.LUTExplanation = "DOE^JANE"
    jpeg = encode(colour, "JPEG")
    jls = jpeg_ls.encode_buffer(deep.tobytes(), ROWS, COLUMNS, 1, 16)
    rle = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x05\x03DOE^" * 40
    windows = [
        make_dataset(FrameVOILUTSequence=[make_dataset(WindowCenter=center, WindowWidth=200)])
        for center in (90, 120)
    ]
    voi = {"WindowCenter": 99, "WindowWidth": 50, "RescaleSlope": 2, "RescaleIntercept": -9}
    return [
        build(colour, "RGB", ExplicitVRLittleEndian),
        build(colour, "YBR_FULL", ImplicitVRLittleEndian),
        build(deep, "MONOCHROME1", ExplicitVRBigEndian, **voi),
        build(grey, "PALETTE COLOR", ExplicitVRLittleEndian, **palette),
        build(grey, "MONOCHROME2", DeflatedExplicitVRLittleEndian),
        build(
            grey, "MONOCHROME2", ImplicitVRLittleEndian, PerFrameFunctionalGroupsSequence=windows
        ),
        build(
            grey, "MONOCHROME2", ExplicitVRLittleEndian,
            VOILUTSequence=[lut], ModalityLUTSequence=[lut],
        ),
        build(colour, "YBR_FULL_422", JPEGBaseline8Bit, encapsulate([jpeg] * 2)),
        build(deep, "MONOCHROME2", JPEGLSLossless, encapsulate([bytes(jls)] * 2)),
        build(colour, "YBR_RCT", JPEG2000Lossless, encapsulate([
            openjpeg.encode(colour, photometric_interpretation=1)] * 2, has_bot=False)),
        build(grey, "MONOCHROME2", RLELossless, encapsulate([rle] * 2)),
    ]  # fmt: skip


def mutate(content, rng):
    """Change, cut out, double or move some bytes, mostly of the header."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 7)):
        start = int(rng.integers(128, min(len(data), 1400) if rng.random() < 0.7 else len(data)))
        length = int(rng.choice([1, 1, 2, 4, 8, 200]))
        kind = rng.integers(0, 8)
        if kind < 5:
            values = rng.choice([0, 1, 3, 0x7F, 0x80, 0xFE, 0xFF, int(rng.integers(256))], length)
            data[start : start + length] = bytes(values.tolist())
        elif kind == 5:
            del data[start : start + length]
        elif kind == 6:
            data[start:start] = data[start : start + length]
        else:
            place = data.find(b"DOE^JANE", start)
            data[start : start + 8] = b"DOE^JANE" if place < 0 else data[place : place + 8]
    return bytes(data[: int(rng.integers(len(data)))] if rng.random() < 0.1 else data)


def check(content):
    """Read all frames; give how many could be decoded."""
    messages, decoded, count = [], 0, None
    try:
        for place, frame in enumerate(read_dicom(content, max_pixels=200_000)):
            assert frame.index == place
            assert count in {None, frame.frames}
            assert "DOE" not in frame.uid
            assert (frame.image is None) == bool(frame.message)
            messages.append(frame.message)
            count = frame.frames
            if frame.image is not None:
                decoded += 1
                assert frame.image.dtype == np.uint8
                assert frame.image.shape[2:] == (3,)
            if place == 30:
                break
        else:
            assert len(messages) == count
    except ImageError as error:
        messages.append(str(error))
    for message in filter(None, messages):
        assert message.startswith("cannot read the image: ")
        assert "DOE" not in message
        assert "JANE" not in message
        assert "\n" not in message
    return decoded


def test_mutations_give_frames_or_messages_without_the_patient(files):
    assert [check(content) for content in files] == [2] * len(files)
    rng = np.random.default_rng(1)
    decoded = [check(mutate(files[n % len(files)], rng)) for n in range(MUTATIONS)]
    assert MUTATIONS * 0.1 < decoded.count(2) < MUTATIONS * 0.9
    assert decoded.count(0) > MUTATIONS * 0.05


class TestQuiet:
    @pytest.fixture
    def odd(self, files):
        """Pydicom warns and logs that this is not the VR it was told."""
        implicit = files[1][files[1].index(b"\x08\x00\x16\x00") :]
        content = files[0][: files[0].index(b"\x08\x00\x16\x00UI")] + implicit
        with pytest.warns(UserWarning, match="found implicit VR"):
            dcmread(io.BytesIO(content))
        return content

    def test_nothing_is_warned_of_logged_or_printed(self, odd, caplog, capfd):
        logging.getLogger("pydicom").warning("seen")
        assert len(caplog.records) == 1
        level = logging.getLogger("pydicom").level
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert [frame.message for frame in read_dicom(odd)] == ["", ""]
        assert caught == []
        assert len(caplog.records) == 1
        assert capfd.readouterr() == ("", "")
        assert logging.getLogger("pydicom").level == level

    def test_many_threads_read_the_same_and_leave_no_trace(self, files, odd, encode):
        files = [*files, odd]
        png = encode(np.full((4, 4), 7, np.uint8), "PNG")
        expected = [[frame.image for frame in read_dicom(content)] for content in files]
        filters = list(warnings.filters)

        def read(n):
            assert read_image(png).max() == 7
            return [frame.image for frame in read_dicom(files[n])]

        with ThreadPoolExecutor(8) as pool:
            jobs = [(n, pool.submit(read, n)) for n in list(range(len(files))) * 10]
            for n, job in jobs:
                for one, other in zip(job.result(), expected[n], strict=True):
                    np.testing.assert_array_equal(one, other)
        assert warnings.filters == filters

    def test_interrupts_pass(self, files, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(dicom, "read_header", interrupt)
        with pytest.raises(KeyboardInterrupt):
            next(read_dicom(files[0]))

    def test_too_little_memory(self, files, monkeypatch):
        def fail(*_):
            raise MemoryError("DOE^JANE")

        monkeypatch.setattr(dicom, "to_rgb", fail)
        messages = {frame.message for frame in read_dicom(files[0])}
        assert messages == {"cannot read the image: decoding it takes too much memory"}
