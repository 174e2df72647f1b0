"""A TIFF of any layout shows the array that was written, within 1, or is refused by name."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from PIL import Image

from trifuse.features.images import ImageError, read_image

ROWS, COLUMNS = 20, 37
SAMPLES = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
BITS = (1, 2, 4, 6, 8, 10, 12, 14, 16)


def random(bits, *shape, seed=0):
    values = np.random.default_rng(seed).integers(0, 2**bits, (ROWS, COLUMNS, *shape))
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def levels(values, bits):
    """Scale from the full range of the bits to 0 to 255."""
    return values.astype(float) * 255 / (2**bits - 1)


def shown(values, bits, photometric):
    """Say what a viewer shows of values (rows, columns, samples) without extra samples."""
    scaled = levels(values, bits)
    if photometric == "separated":
        inks = np.rint(scaled).astype(np.uint8)
        return np.asarray(Image.frombytes("CMYK", (COLUMNS, ROWS), inks.tobytes()).convert("RGB"))
    if photometric == "miniswhite":
        scaled = 255 - scaled
    return scaled if photometric == "rgb" else np.repeat(scaled, 3, axis=2)


def assert_near(image, expected):
    assert np.abs(image.astype(float) - expected).max() <= 1.001


def grid():
    """Give layouts; each of them with an alternation of what is independent of it."""
    packings = (None, "lzw", "zlib", "packbits", "zstd", "lzma")
    turn = itertools.cycle(itertools.product((None, (16, 16)), "<>", (False, True)))
    for bits, photometric, planar, compression, extra in itertools.product(
        BITS, SAMPLES, ("contig", "separate"), packings,
        (None, "unassalpha", "assocalpha", "unspecified"),
    ):  # fmt: skip
        if compression and bits not in {8, 16}:
            continue  # tifffile writes no such
        if planar == "separate" and SAMPLES[photometric] == 1 and not extra:
            continue
        yield bits, photometric, planar, compression, extra, next(turn)


def write_layout(write_tiff, case, seed):
    """Give the file of a layout, and what a viewer shows of it."""
    bits, photometric, planar, compression, extra, (tile, byteorder, bigtiff) = case
    colours = SAMPLES[photometric]
    values = random(bits, colours + (extra is not None), seed=seed)
    opacity = levels(values[..., colours:], bits) / 255
    if extra == "assocalpha":
        values[..., :colours] = values[..., :colours] * opacity
    expected = shown(values[..., :colours], bits, photometric)
    if extra == "unassalpha":
        expected = expected * opacity
    if extra in {"unassalpha", "assocalpha"}:
        expected = expected + 255 * (1 - opacity)
    options = {"planarconfig": planar} if values.shape[2] > 1 else {}
    options |= {"extrasamples": [extra]} if extra else {}
    options |= {"tile": tile} if tile else {"rowsperstrip": 7}
    options |= {"bitspersample": bits} if bits not in {8, 16} else {}
    # tifffile garbles big-endian samples of these bits.
    byteorder = "<" if bits in {10, 12, 14} else byteorder
    stored = np.squeeze(np.moveaxis(values, -1, 0) if planar == "separate" else values)
    options |= {"photometric": photometric, "compression": compression}
    return write_tiff(stored, byteorder, bigtiff, **options), expected


def is_readable(case):
    """Tell whether it is known what transparency means with these colours."""
    _, photometric, _, _, extra, _ = case
    if photometric == "separated":
        return extra in {None, "unspecified"}
    return photometric != "miniswhite" or extra != "assocalpha"


class TestGrid:
    def test_every_layout_is_as_written_or_refused_by_name(self, write_tiff):
        read = refused = 0
        for number, case in enumerate(grid()):
            content, expected = write_layout(write_tiff, case, number)
            if not is_readable(case):
                with pytest.raises(ImageError, match=r"its kind of TIFF .* cannot be read"):
                    read_image(content)
                refused += 1
                continue
            # Pillow undoes premultiplied alpha, rounds, and lays over white.
            most = 2 if case[4] == "assocalpha" else 1
            image = read_image(content).astype(float)
            assert np.abs(image - expected).max() <= most + 0.001, case
            read += 1
        assert (read, refused) > (400, 100)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    @pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma"])
    @pytest.mark.parametrize("byteorder", "<>")
    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_horizontal_predictor(self, write_tiff, dtype, compression, byteorder, planar):
        bits = np.dtype(dtype).itemsize * 8
        values = random(bits, 3)
        stored = np.moveaxis(values, -1, 0) if planar == "separate" else values
        content = write_tiff(stored, byteorder, photometric="rgb", planarconfig=planar,
                        compression=compression, predictor=2, rowsperstrip=7)  # fmt: skip
        assert_near(read_image(content), levels(values, bits))

    @pytest.mark.parametrize("byteorder", "<>")
    @pytest.mark.parametrize("bigtiff", [False, True])
    @pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
    def test_jpeg(self, write_tiff, smooth, byteorder, bigtiff, photometric):
        values = smooth if photometric == "rgb" else smooth[..., 0]
        content = write_tiff(values, byteorder, bigtiff, photometric=photometric, tile=(16, 16),
                        compression="jpeg", compressionargs={"level": 100})  # fmt: skip
        expected = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
        assert np.abs(read_image(content).astype(int) - expected).mean() < 3

    def test_jpeg_of_12_bits(self, write_tiff, smooth):
        values = smooth[..., 0].astype(np.uint16) * 16
        options = {"compression": "jpeg", "bitspersample": 12, "photometric": "minisblack"}
        options["compressionargs"] = {"level": 100, "bitspersample": 12}
        content = write_tiff(values, rowsperstrip=16, **options)
        assert_near(read_image(content), np.repeat(levels(values, 12)[..., None], 3, axis=2))
        place = content.index(b"\xff\xda") + 400
        damaged = content[:place] + b"\xff\xd9" * 40 + content[place + 80 :]
        with pytest.raises(ImageError, match="JPEG data ends too early"):
            read_image(damaged)

    @pytest.mark.parametrize("most", [255, 65535])
    @pytest.mark.parametrize("bigtiff", [False, True])
    @pytest.mark.parametrize("byteorder", "<>")
    def test_a_colour_map_without_entries_above_255_is_of_8_bits(
        self, write_tiff, byteorder, bigtiff, most
    ):
        entries = np.random.default_rng(0).integers(0, most + 1, (3, 256)).astype(np.uint16)
        content = write_tiff(random(8), byteorder, bigtiff, photometric="palette", colormap=entries)
        expected = entries.T[random(8)] * 255.0 / most
        assert_near(read_image(content), expected)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_orientation(self, write_tiff, orientation, planar):
        values = random(16, 3)
        upright = {
            1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1],
            5: values.transpose(1, 0, 2), 6: np.rot90(values, -1),
            7: values.transpose(1, 0, 2)[::-1, ::-1], 8: np.rot90(values),
        }  # fmt: skip
        stored = np.moveaxis(values, -1, 0) if planar == "separate" else values
        content = write_tiff(stored, photometric="rgb", planarconfig=planar,
                        extratags=[(274, "H", 1, orientation, True)])  # fmt: skip
        assert_near(read_image(content), levels(upright[orientation], 16))

    def test_the_first_of_several_pages_and_its_sub_images(self):
        values, file = random(16, 3), io.BytesIO()
        with tifffile.TiffWriter(file) as tiff:
            planes = np.moveaxis(values, -1, 0)
            tiff.write(planes, subifds=1, photometric="rgb", planarconfig="separate")
            tiff.write(np.ascontiguousarray(planes[:, ::2, ::2]), subfiletype=1, photometric="rgb",
                       planarconfig="separate")  # fmt: skip
            tiff.write(np.zeros((9, 9), np.uint8), photometric="minisblack")
        assert_near(read_image(file.getvalue()), levels(values, 16))

    def test_big_endian_samples_are_packed_from_the_highest_bit(self, write_tiff):
        """As the specification has it; the array that tifffile means is not in its file."""
        values = random(12)
        options = {"photometric": "minisblack", "bitspersample": 12, "software": False}
        content = write_tiff(values, **options)
        with tifffile.TiffFile(io.BytesIO(content)) as tiff:
            place = tiff.pages.first.dataoffsets[0]
            packed = content[place : place + tiff.pages.first.databytecounts[0]]
        mirrored = write_tiff(
            values, ">", photometric="minisblack", bitspersample=12, software=False
        )
        with tifffile.TiffFile(io.BytesIO(mirrored)) as tiff:
            place = tiff.pages.first.dataoffsets[0]
        mirrored = mirrored[:place] + packed + mirrored[place + len(packed) :]
        assert_near(read_image(mirrored), np.repeat(levels(values, 12)[..., None], 3, axis=2))
