"""JPEG-LS, JPEG 2000 and RLE give the pixels that were encoded; sizes that lie are refused."""

import struct

import jpeg_ls
import numpy as np
import openjpeg
import pytest
from PIL import Image
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

ROWS, COLUMNS = 40, 48


def span(dtype, bits):
    """Give the least and the greatest value of so many bits stored."""
    low = -(2 ** (bits - 1)) if np.dtype(dtype).kind == "i" else 0
    return low, low + 2**bits - 1


def noise(dtype, bits, samples=1, seed=0):
    shape = (ROWS, COLUMNS) if samples == 1 else (ROWS, COLUMNS, samples)
    generator = np.random.default_rng(seed)
    return generator.integers(*span(dtype, bits), shape, endpoint=True).astype(dtype)


class TestJpegLs:
    @pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("u2", 16)])
    def test_grey(self, write_dicom, assert_shows, dtype, bits):
        values = noise(dtype, bits)
        frame = jpeg_ls.encode_buffer(values.tobytes(), ROWS, COLUMNS, 1, bits)
        content = write_dicom(values, "MONOCHROME2", JPEGLSLossless, frame, BitsStored=bits)
        assert_shows(content, values, span=span(dtype, bits))

    def test_signed(self, write_dicom, assert_shows):
        values = noise("i2", 12)
        codes = (values & 0xFFF).astype("<u2")
        frame = jpeg_ls.encode_buffer(codes.tobytes(), ROWS, COLUMNS, 1, 12)
        content = write_dicom(values, "MONOCHROME2", JPEGLSLossless, frame, BitsStored=12)
        assert_shows(content, values, span=span("i2", 12))

    @pytest.mark.parametrize("interleave", [0, 1, 2])
    def test_colour(self, write_dicom, assert_shows, interleave):
        values = noise("u1", 8, samples=3)
        ordered = values.transpose(2, 0, 1) if interleave == 0 else values
        frame = jpeg_ls.encode_buffer(
            ordered.tobytes(), ROWS, COLUMNS, 3, 8, interleave_mode=interleave
        )
        content = write_dicom(values, "RGB", JPEGLSLossless, frame)
        assert_shows(content, values)

    def test_near_lossless(self, write_dicom, read_frame, smooth):
        frame = jpeg_ls.encode_buffer(smooth.tobytes(), ROWS, COLUMNS, 3, 8, 3, 2)
        image = read_frame(write_dicom(smooth, "RGB", JPEGLSNearLossless, frame))
        assert 0 < np.abs(image.astype(int) - smooth).max() <= 3

    def test_size_of_the_data_must_be_that_of_the_header(self, write_dicom, refusal):
        values = noise("u1", 8)
        frame = jpeg_ls.encode_buffer(values.tobytes(), ROWS, COLUMNS, 1, 8)
        place = frame.index(b"\xff\xf7") + 5
        frame[place : place + 4] = b"\xff\xff\xff\xff"
        message = refusal(write_dicom(values, "MONOCHROME2", JPEGLSLossless, frame))
        assert "of 65,535 rows x 65,535 columns x 1 samples" in message


class TestJpeg2000:
    @pytest.mark.parametrize(
        ("dtype", "bits"),
        [("u1", 8), ("u2", 12), ("u2", 16), ("i2", 12), ("i2", 16), ("i1", 8), ("u4", 20)],
    )
    def test_grey(self, write_dicom, assert_shows, dtype, bits):
        values = noise(dtype, bits)
        frame = openjpeg.encode(values, bits_stored=bits)
        content = write_dicom(values, "MONOCHROME2", JPEG2000Lossless, frame, BitsStored=bits)
        assert_shows(content, values, span=span(dtype, bits))

    def test_signed_values_encoded_as_if_they_were_not(self, write_dicom, assert_shows):
        values = noise("i2", 13)
        frame = openjpeg.encode((values & 0x1FFF).astype("u2"), bits_stored=13)
        content = write_dicom(values, "MONOCHROME2", JPEG2000Lossless, frame, BitsStored=13)
        assert_shows(content, values, span=span("i2", 13))

    @pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("u2", 16)])
    @pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB"])
    def test_lossless_colour(self, write_dicom, assert_shows, photometric, dtype, bits):
        values = noise(dtype, bits, samples=3)
        frame = openjpeg.encode(
            values, bits_stored=bits, photometric_interpretation=1,
            use_mct=photometric == "YBR_RCT",
        )  # fmt: skip
        content = write_dicom(values, photometric, JPEG2000Lossless, frame, BitsStored=bits)
        assert_shows(content, values, span=span(dtype, bits))

    def test_lossy_colour(self, write_dicom, read_frame, smooth):
        frame = openjpeg.encode(smooth, photometric_interpretation=1, compression_ratios=[4])
        image = read_frame(write_dicom(smooth, "YBR_ICT", JPEG2000, frame))
        assert 0 < np.abs(image.astype(int) - smooth).max() < 12

    def test_ybr_is_converted(self, write_dicom, read_frame, smooth):
        ybr = np.array(Image.fromarray(smooth).convert("YCbCr"))
        image = read_frame(write_dicom(smooth, "YBR_FULL", JPEG2000Lossless, openjpeg.encode(ybr)))
        assert np.abs(image.astype(int) - smooth).max() <= 3

    def test_boxes_around_the_codestream(self, write_dicom, assert_shows):
        values = noise("u1", 8, samples=3)
        frame = openjpeg.encode(values, photometric_interpretation=1, codec_format=1)
        assert frame[4:8] == b"jP  "
        content = write_dicom(values, "YBR_RCT", JPEG2000Lossless, frame)
        assert_shows(content, values)

    def test_high_throughput(self, write_dicom, assert_shows):
        """No encoder is at hand: of mid-grey, no code block is coded, in whichever way."""
        values = np.full((ROWS, COLUMNS), 128, np.uint8)
        frame = bytearray(openjpeg.encode(values, bits_stored=8))
        style = frame.index(b"\xff\x52") + 12
        frame[style] = 0x40
        frame[6:8] = b"\x40\x00"
        after_siz = frame.index(b"\xff\x52")
        frame[after_siz:after_siz] = b"\xff\x50\x00\x08\x00\x02\x00\x00\x00\x00"
        assert_shows(write_dicom(values, "MONOCHROME2", HTJ2KLossless, frame), values)

    @pytest.fixture
    def patched(self, write_dicom):
        def patch(*sizes):
            frame = bytearray(openjpeg.encode(noise("u1", 8)))
            struct.pack_into(f">{len(sizes)}I", frame, 8, *sizes)
            return write_dicom(noise("u1", 8), "MONOCHROME2", JPEG2000Lossless, frame)

        return patch

    def test_size_of_the_data_must_be_that_of_the_header(self, refusal, patched):
        message = refusal(patched(60_000, 50_000))
        assert "of 50,000 rows x 60,000 columns x 1 samples" in message

    def test_tiles_must_be_there(self, refusal, patched):
        message = refusal(patched(COLUMNS, ROWS, 0, 0, 1, 1))
        assert message.endswith("lacks tiles, it is probably truncated or damaged")


def rle(pixels):
    """Encode (pixels, samples) in literal runs of up to 128 bytes."""
    order = pixels.astype(pixels.dtype.newbyteorder(">"))
    planes = order.view(np.uint8).T.reshape(-1, len(pixels))
    segments = []
    for plane in planes:
        parts = [plane[start : start + 128].tobytes() for start in range(0, len(plane), 128)]
        runs = b"".join(bytes([len(part) - 1]) + part for part in parts)
        segments.append(runs + b"\0" * (len(runs) % 2))
    offsets = np.cumsum([64, *map(len, segments)])[:-1].tolist()
    header = struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


class TestRle:
    @pytest.mark.parametrize(
        ("dtype", "bits", "samples"),
        [
            *(("u1", 8, 1), ("u2", 12, 1), ("i2", 16, 1), ("u4", 32, 1)),
            *(("u1", 8, 3), ("u2", 12, 3), ("u2", 16, 3), ("u4", 32, 3)),
        ],
    )
    def test_lossless(self, write_dicom, assert_shows, dtype, bits, samples):
        values = noise(dtype, bits, samples)
        photometric = "RGB" if samples == 3 else "MONOCHROME2"
        frame = rle(values.reshape(ROWS * COLUMNS, samples))
        content = write_dicom(values, photometric, RLELossless, frame, BitsStored=bits)
        assert_shows(content, values, span=span(dtype, bits))

    def test_runs_across_rows_and_beyond_the_image(self, write_dicom, assert_shows):
        values = np.full((ROWS, COLUMNS), 7, np.uint8)
        frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x07" * 500_000
        assert len(frame) * 64 > ROWS * COLUMNS * 10_000
        assert_shows(write_dicom(values, "MONOCHROME2", RLELossless, frame), values)

    def test_number_of_segments_must_fit(self, write_dicom, refusal):
        frame = struct.pack("<16I", 2**31, 64, *[0] * 14) + b"\x81\x07" * 50
        message = refusal(write_dicom(noise("u1", 8), "MONOCHROME2", RLELossless, frame))
        assert message.endswith("its RLE data has 2,147,483,648 segments, not 1")


@pytest.mark.parametrize("kept", [0.6, 0.9])
@pytest.mark.parametrize("name", ["JPEG-LS", "JPEG 2000", "RLE"])
def test_truncated_frames_say_what_is_damaged(write_dicom, refusal, smooth, name, kept):
    values = smooth[..., 0]
    raw = values.tobytes()
    syntax, frame = {
        "JPEG-LS": lambda: (JPEGLSLossless, jpeg_ls.encode_buffer(raw, ROWS, COLUMNS, 1, 8)),
        "JPEG 2000": lambda: (JPEG2000Lossless, openjpeg.encode(values.copy())),
        "RLE": lambda: (RLELossless, struct.pack("<16I", 1, 64, *[0] * 14) + b"\x00\x07" * 1920),
    }[name]()
    content = write_dicom(values, "MONOCHROME2", syntax, frame[: int(len(frame) * kept)])
    assert refusal(content).endswith(f"its {name} data cannot be decoded, probably damaged")
