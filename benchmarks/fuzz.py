"""Hostile inputs: images, archives, tables and model files are damaged and read, many thousands.

Each must be read, or refused by the error that says so. All else is a finding, printed with its
case: another exception, a process that dies, more than `--seconds`. A case is KIND:NUMBER; with the
same versions of the libraries it is always the same bytes. LiteRT trusts its networks: a `tflite`
that kills or holds up its process is contained where a supervisor says so in a sentence.

    python benchmarks/fuzz.py --cases 120000 --scored 2000 --cnn
    python benchmarks/fuzz.py --case png:17 --write damaged.png
"""

from __future__ import annotations

import argparse
import copy
import csv
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import tifffile
from PIL import Image

from trifuse.batch import prediction
from trifuse.batch.inputs.item import SourceError
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.stream import iterate_items
from trifuse.batch.outputs.format import FormatError
from trifuse.batch.workers.main import limit_memory
from trifuse.batch.workers.settings import MEMORY_MB, WorkerSettings
from trifuse.batch.workers.supervisor import Supervisor, WorkerError
from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.model_file import HASHED, load_model
from trifuse.classifiers.prior import PriorError
from trifuse.features.dicom import read_dicom
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.recipe import Recipe

SHARES = {"jpeg": 14, "png": 14, "tiff": 18, "bmp": 8, "webp": 8, "dicom": 16, "zip": 5, "tar": 5,
          "csv": 4, "trifuse": 3, "json": 2, "npy": 2, "txt": 1, "tflite": 1}  # fmt: skip
"""How many of the cases are of each kind; the last four are parts of a model file."""
PARTS = {"npy": "arrays.npz", "txt": "lightgbm.txt", "tflite": "backbone.tflite"}
PICTURES = ("jpeg", "png", "tiff", "bmp", "webp", "dicom")
REFUSALS = (ImageError, ModelFileError, SourceError, PriorError, FormatError)
NUMBERS = (0, 1, 2, 3, 4, 8, 16, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1,
           2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
VALUES = (None, True, -1, 0, 1, 3, 300, 2**20, 2**31 - 1, 2**63, 10**400, 0.5, 1e308, -1e308,
          1e-320, float("nan"), float("inf"), "", "x" * 99_999, "\0", "\ud800", "=1\n", [], [[]],
          {}, {"": 1})  # fmt: skip
Files = dict[str, list[bytes]]


def make_pictures() -> Files:
    """Give small files of all formats, and of the modes that take other paths."""

    def save(image: Image.Image, form: str, **options: Any) -> bytes:
        image.save(file := io.BytesIO(), form, **options)
        return file.getvalue()

    def tiles(values: Any, **options: Any) -> bytes:
        tifffile.imwrite(file := io.BytesIO(), values, tile=(16, 16), photometric="rgb", **options)
        return file.getvalue()

    def interlaced(values: Any) -> bytes:
        passes = ("0808", "0848", "4804", "0424", "2402", "0212", "1201")
        big = values.astype(values.dtype.newbyteorder(">"))
        rows = (row for a, b, c, d in (map(int, p) for p in passes) for row in big[a::b, c::d])
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        head = struct.pack(">IIBBBBB", *values.shape[1::-1], values.itemsize * 8, 2, 0, 0, 1)
        chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        parts = (struct.pack(">I", len(part)) + name + part + bytes(4) for name, part in chunks)
        return bytes(mend("png", bytearray(b"\x89PNG\r\n\x1a\n" + b"".join(parts))))

    noise = np.random.default_rng(0).integers(0, 256, (24, 33, 4), dtype=np.uint8)
    deep = noise.astype(np.uint16) * 257
    rgba, rgb, grey = map(Image.fromarray, (noise, noise[..., :3], noise[..., 0]))
    grey16, cmyk, palette = Image.fromarray(deep[..., 0]), rgb.convert("CMYK"), rgb.quantize(16)
    bits, exif = grey.convert("1"), Image.Exif()
    exif[0x0112] = 6  # to be turned
    return {
        "jpeg": [save(rgb, "JPEG", exif=exif), save(rgb, "JPEG", progressive=True, subsampling=2),
                 save(cmyk, "JPEG"), save(grey, "JPEG", restart_marker_blocks=1)],
        "png": [save(rgba, "PNG"), save(grey16, "PNG"), save(palette, "PNG", transparency=1),
                save(bits, "PNG"), interlaced(noise[..., :3]), interlaced(deep[..., :3])],
        "tiff": [tiles(noise[..., :3]), tiles(deep[..., :3], compression="zlib", bigtiff=True),
                 save(bits, "TIFF", compression="group4"),
                 *(save(image, "TIFF") for image in (grey16, cmyk, palette)),
                 *(save(image, "TIFF", compression=name) for image, name in (
                     (rgb, "raw"), (rgb, "tiff_lzw"), (grey16, "tiff_lzw"), (rgb, "packbits"),
                     (rgb, "tiff_adobe_deflate"), (rgb, "jpeg")))],
        "bmp": [save(image, "BMP") for image in (rgb, palette, bits)],
        "webp": [save(rgb, "WEBP"), save(rgba, "WEBP", lossless=True, exif=exif),
                 save(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90), rgb])],
    }  # fmt: skip


def make_originals(folder: Path, model: Path | None, cnn: bool) -> Files:
    """Give sound files of every kind; models are trained unless there is one."""
    made = make_pictures()
    places = sorted((Path(pydicom.__file__).parent / "data").rglob("*.dcm"))
    made["dicom"] = [place.read_bytes() for place in places if place.stat().st_size < 12_000]
    scan = pydicom.dcmread(next(place for place in places if place.name == "chrX1.dcm"))
    scan.PhotometricInterpretation = "PALETTE COLOR"
    for tag in (0x281101, 0x281102, 0x281103):  # descriptors and data of red, green and blue
        scan.add_new(tag, "US", [256, 0, 16])
        scan.add_new(tag + 0x100, "OW", bytes(range(256)) * 2)
    scan.save_as(file := io.BytesIO())
    made["dicom"] += [file.getvalue()] * 5
    members = [("a.jpg", made["jpeg"][0]), ("b/é.png", made["png"][0]), ("c.txt", b"text" * 99)]
    members += [("d/" * 60 + "d.tif", made["tiff"][0]), ("e.zip", b"PK"), ("f", file.getvalue())]
    made["zip"], made["tar"] = [], []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(file := io.BytesIO(), "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        made["zip"].append(file.getvalue())
    gnu, pax = tarfile.GNU_FORMAT, tarfile.PAX_FORMAT
    for packing, form in (("", gnu), ("", pax), ("gz", pax), ("bz2", pax), ("xz", pax)):
        with tarfile.open(fileobj=(file := io.BytesIO()), mode=f"w:{packing}", format=form) as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        made["tar"].append(file.getvalue())
    table = 'path,id,age\na.jpg,1,30\n"b,c.png","2\n2",\n,3,é\n'
    made["csv"] = [table.encode(), table.replace("\n", "\r\n").encode("utf-8-sig")]
    made["trifuse"] = [model.read_bytes() if model else train(folder, cnn=False)]
    made["trifuse"] += [train(folder, cnn=True)] if cnn else []
    for kind in ("json", *PARTS):
        made[kind] = made["trifuse"][-1:]
    if not unpack(made["tflite"][0], "the original")["backbone.tflite"]:
        del made["tflite"]
    return made


def train(folder: Path, cnn: bool) -> bytes:
    """Train a small model; its network, if any, is so small that damage meets its structure."""
    from small_job import RECIPE  # here, because training takes seconds to import

    from trifuse.batch.training import run_training
    from trifuse.datasets.synthetic import write_synthetic_archive
    from trifuse.features import keras_backbones

    recipe, model = folder / "recipe.toml", folder / "made.trifuse"
    text = RECIPE
    if cnn:
        text = text.replace("color_fisher = 1 }", "cnn = 1, cnn_fisher = 1 }")
        text += "cnn = { input_size = [32, 40], pca_dimension = 4, components = 2 }\n"
        keras_backbones.build_backbone = lambda *_: small_network()
    recipe.write_text(text, encoding="utf-8")
    write_synthetic_archive(folder / "training", images_per_class=8, size=(72, 96))
    run_training(str(folder / "training"), str(model), str(recipe), jobs=1, overwrite=True)
    return model.read_bytes()


def small_network() -> Any:
    """Build a network of the layers that the real ones have."""
    from trifuse.features.quiet import import_tensorflow

    keras = import_tensorflow().keras
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 40, 3), name="image")
    values = keras.layers.Conv2D(8, 3, strides=4, activation="relu6")(image)
    values = keras.layers.BatchNormalization()(keras.layers.ZeroPadding2D()(values))
    deep = keras.layers.DepthwiseConv2D(3, padding="same")(values)
    values = keras.layers.Add()([values, keras.layers.ReLU(6)(deep)])
    pooled = keras.layers.GlobalAveragePooling2D()(values)
    return keras.Model(image, {"embedding": pooled, "feature_map": values})


def damage(case: str, originals: Files) -> tuple[str, bytes]:
    """Give the kind and the bytes of a case."""
    rng, kind = random.Random(case), case.partition(":")[0]
    content = rng.choice(originals[kind])
    if kind == "json" or kind in PARTS:
        return kind, damage_part(kind, content, rng)
    if kind == "png" and rng.random() < 0.4:
        return kind, bytes(mend(kind, change_pixels(content, rng)))
    data = change_bytes(bytearray(content), rng, originals[kind], text=kind in {"csv", "tar"})
    return kind, bytes(mend(kind, data) if rng.random() < 0.8 else data)


def change_bytes(data: bytearray, rng: random.Random, others: list[bytes], text: bool) -> bytearray:
    """Change a few things, half of them where headers are."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        value, size = rng.choice(NUMBERS), rng.choice((1, 2, 4, 8, 8, 64, 512, 4096))
        end = min(len(data), rng.choice((256, 1024, 2**30, 2**30)))
        start = int(end * rng.random()) if rng.random() < 0.9 else max(0, len(data) - size)
        part = slice(start, start + size)
        match rng.randrange(10 if text else 8):
            case 0 | 1 if data:
                data[start] ^= 1 << rng.randrange(8)
            case 2:
                data[part] = bytes([rng.choice((0, 255, rng.randrange(256)))]) * size
            case 3:
                del data[start : rng.choice((part.stop, len(data)))]
            case 4:
                data[start:] = rng.choice(others)[start + rng.randint(-start, size) :]
            case 5 | 6:
                size, order = min(size, 8), rng.choice(("little", "big"))
                data[start : start + size] = (value % 256**size).to_bytes(size, order)
            case 7:
                data[start:start] = data[part] * rng.choice((1, 1, 2, 50))
            case _ if found := rng.choice([*re.finditer(rb"-?[0-9][0-9.e+-]*", data), None]):
                data[slice(*found.span())] = rng.choice((b"%d" % value, b"-1", b"1e999", b"nan"))
    return data


def change_pixels(png: bytes, rng: random.Random) -> bytearray:
    """Change what a PNG has packed: other damage to it hardly gets past its checksum."""
    start = png.index(b"IDAT") + 4
    end = start + struct.unpack_from(">I", png, start - 8)[0]
    pixels = change_bytes(bytearray(zlib.decompress(png[start:end])), rng, [png], text=False)
    packed = zlib.compress(pixels)
    size = struct.pack(">I", len(packed))
    return bytearray(png[: start - 8] + size + b"IDAT" + packed + png[end:])


def mend(kind: str, data: bytearray) -> bytearray:
    """Make the checksums of a PNG's chunks and a tar's headers anew, lest damage end at them."""
    place = 8
    while kind == "png" and place + 12 <= len(data):
        end = place + 8 + struct.unpack_from(">I", data, place)[0]
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    for place in range(0, len(data) - 511, 512) if kind == "tar" else ():
        if data[place + 257 : place + 262] == b"ustar":
            data[place + 148 : place + 156] = b" " * 8
            data[place + 148 : place + 156] = b"%06o\0 " % sum(data[place : place + 512])
    return data


def damage_part(kind: str, content: bytes, rng: random.Random) -> bytes:
    """Damage one part of a model file, and make what vouches for it anew."""
    files = unpack(content, "the original")
    about = json.loads(files["model.json"])
    if kind == "json":
        for _ in range(rng.choice((1, 1, 2))):
            change_value(about, rng, 1)
        with suppress(Exception):
            about["recipe_fingerprint"] = Recipe.from_dict(about["recipe"]).fingerprint
    elif kind == "npy" and rng.random() < 0.7:
        files[PARTS[kind]] = change_arrays(unpack_arrays(files[PARTS[kind]], "the original"), rng)
    elif kind == "npy":
        arrays = unpack(files[PARTS[kind]], "the original")
        name = rng.choice(list(arrays))
        start = change_bytes(bytearray(arrays[name][:128]), rng, [arrays[name]], text=True)
        files[PARTS[kind]] = pack({**arrays, name: bytes(start) + arrays[name][128:]})
    elif kind == "tflite" and rng.random() < 0.8:
        files[PARTS[kind]] = change_words(files[PARTS[kind]], rng)
    else:
        part = files[PARTS[kind]]
        files[PARTS[kind]] = bytes(change_bytes(bytearray(part), rng, [part], text=kind == "txt"))
    about["sha256"] = {name: hashlib.sha256(files[name]).hexdigest() for name in HASHED}
    files["model.json"] = json.dumps(about).encode()
    return pack(files)


def change_words(content: bytes, rng: random.Random) -> bytes:
    """Change small numbers of a network and leave its offsets, or LiteRT would read no further."""
    words = np.frombuffer(content[: len(content) // 4 * 4], "<i4").copy()
    for place in rng.choices(np.flatnonzero(abs(words) < 100), k=rng.choice((1, 1, 2, 3))):
        words[place] = rng.choice((-1, 0, 1, 2, 3, 5, 9, 99, 9999, 2**30, 2**31 - 1, -(2**31)))
    return words.tobytes() + content[len(words) * 4 :]


def change_value(value: Any, rng: random.Random, share: float = 0.9) -> Any:
    """Put something else somewhere into nested lists and tables, or leave something out."""
    if not isinstance(value, dict | list) or not value or rng.random() > share:
        return copy.deepcopy(rng.choice(VALUES))
    key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if rng.random() < 0.1:
        del value[key]
    else:
        value[key] = change_value(value[key], rng)
    return value


def change_arrays(arrays: dict[str, Any], rng: random.Random) -> bytes:
    """Change the numbers, the shape or the type of one array, or leave it out."""
    array = arrays.pop(name := rng.choice(list(arrays))).copy()
    with np.errstate(all="ignore"):
        match rng.randrange(4):
            case 0:
                places = slice(None) if rng.random() < 0.3 else rng.randrange(array.size)
                array.reshape(-1)[places] = rng.choice((0, -1, 1e30, 1e308, -1e308, 1e-320, np.nan))
            case 1:
                array = rng.choice((array.T, array[None], array[:0], array[:-1], array.ravel(),
                                    np.repeat(array, 2, -1), array.reshape(-1)[0]))  # fmt: skip
            case 2:
                array = array.astype(rng.choice(("f8", "f4", "f2", "i4", "c8", "S8", ">f4", "?")))
            case _:
                name = rng.choice((name + "x", "", rng.choice(list(arrays))))
    return pack_arrays({**arrays, name: array})


def read(kind: str, content: bytes, folder: Path) -> bool:
    """Read a case as trifuse does; tell whether anything could be read."""
    if kind == "dicom":
        return any(frame.image is not None for frame in islice(read_dicom(content), 40))
    if kind in PICTURES:
        image = read_image(content)
        assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3)
        return True
    path = folder / f"case.{kind}"
    path.write_bytes(content)
    if kind in {"zip", "tar", "csv"}:
        items = iterate_items(InputOptions((str(path),)), io.BytesIO(), lambda _: None)
        return [item is not None and not item.fault for item in items].count(True) > 0
    prediction.Job.prepare(prediction.PredictionOptions(str(path), "-", prior="balanced"), None)
    return load_model(path) is not None


def serve(pipe: Any, originals: Files, folder: Path) -> None:
    """Read the cases that are asked for, in a process like a worker's."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)  # decoders print
    limit_memory(MEMORY_MB)
    prediction.get_supervisor = lambda *_: None  # that reads the model in one more process
    status, last = Path("/proc/self/status"), ""
    pipe.send("ready")
    while True:
        kind, content = damage(pipe.recv(), originals)
        if kind != last:
            last = kind
            Path("/proc/self/clear_refs").write_text("5")  # forget what the memory's peak was
        try:
            result = "accepted" if read(kind, content, folder) else "refused"
        except REFUSALS as error:
            result = "refused" if len(str(error).splitlines()) == 1 else f"no sentence: {error!r}"
        except Exception:  # noqa: BLE001 - that is what is looked for
            result = " / ".join(traceback.format_exc().strip().splitlines()[-3:])
        pipe.send((result, int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) // 1024))


class Reader:
    """A process that reads cases, and is replaced after each that it did not survive.

    Parameters
    ----------
    originals : dict of list of bytes
    folder : Path
        For what is read from files.
    seconds : float
        That a case may take.
    """

    def __init__(self, originals: Files, folder: Path, seconds: float) -> None:
        self.originals, self.folder, self.seconds = originals, folder, seconds
        self._process: Any = None
        folder.mkdir()

    def read(self, case: str) -> tuple[str, int]:
        """Read a case; give what came of it, and the MiB that its kind has taken at most."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(case)
            if self._pipe.poll(self.seconds):
                result: tuple[str, int] = self._pipe.recv()
                return result
            found = f"it took longer than {self.seconds:g} s"
        except (EOFError, OSError):
            self._process.join(9)
            found = f"its process ended with code {self._process.exitcode}"
        self._process.kill()
        self._process = None
        return self._ask_supervisor(case) if case.startswith("tflite") else found, 0

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        arguments = (theirs, self.originals, self.folder)
        self._process = spawn.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def _ask_supervisor(self, case: str) -> str:
        """Load a model that killed its process as `trifuse predict` does: by itself, supervised.

        The process may have died of what an earlier case did to its memory.
        """
        path, content = self.folder / "supervised.trifuse", damage(case, self.originals)[1]
        path.write_bytes(content)
        supervisor = Supervisor(WorkerSettings(str(path), hashlib.sha256(content).hexdigest()))
        try:
            supervisor.start()
        except WorkerError as error:
            return "contained" if "cannot be loaded: it " in str(error) else "refused"
        finally:
            supervisor.close()
        return "accepted"


def fuzz(kind: str, numbers: range, readers: list[Reader]) -> int:
    """Read cases of a kind, print their row of the table, and give the number of findings."""
    counts, peaks, start = Counter[str](), [0], time.monotonic()
    todo = iter([f"{kind}:{number}" for number in numbers])

    def drive(reader: Reader) -> None:
        for case in todo:
            result, memory = reader.read(case)
            peaks.append(memory)
            if memory > MEMORY_MB:
                result = f"it took {memory:,} MiB"
            known = result in {"accepted", "refused", "contained"}
            counts[result if known else "finding"] += 1
            if not known:
                print(f"FINDING {case} {result}", flush=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(drive, readers))
    cells = [counts[result] for result in ("accepted", "refused", "contained", "finding")]
    cells = [len(numbers), *cells, max(peaks), round(time.monotonic() - start)]
    print(f"| {kind} | {' | '.join(f'{cell:,}' for cell in cells)} |", flush=True)
    return counts["finding"]


def score(originals: Files, names: list[str]) -> int:
    """Have the command score damaged images, all in one run, and give the number of findings."""
    from small_job import TRIFUSE

    start, rows, found = time.monotonic(), [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "m.trifuse").write_bytes(originals["trifuse"][0])
        (folder / "in.csv").write_text("\n".join(["path,id", *(f"{n},{n}" for n in names)]))
        for name in names:
            (folder / name).write_bytes(damage(name, originals)[1])
        command = [TRIFUSE, "predict", "in.csv", "-mm.trifuse", "-oout.csv", "-q", "-j2"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        with suppress(FileNotFoundError), (folder / "out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    if ran.returncode not in {0, 3} or ran.stderr:
        found.append(f"exit code {ran.returncode}: {ran.stderr}")
    if list(dict.fromkeys(row["image"].partition("#")[0] for row in rows)) != names:
        found.append("the rows are not those of the inputs")
    errors = [(row["image"], row["message"]) for row in rows if row["status"] == "error"]
    allowed = re.compile("cannot read the image: |cannot score the image: it needs more memory")
    found += [" ".join(error) for error in errors if not allowed.match(error[1])]
    print("\n".join(f"FINDING predict {text}" for text in found), end="\n" * bool(found))
    print(f"trifuse predict: {len(names):,} images, {len(rows):,} rows, {len(errors):,} of errors, "
          f"exit code {ran.returncode}, {time.monotonic() - start:.0f} s")  # fmt: skip
    return len(found)


def main() -> None:
    """Read all cases, and say by the exit code whether anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--cases", type=int, default=120_000, help="of all kinds together")
    add("--first", type=int, default=0, help="number of the first case of each kind")
    add("--scored", type=int, default=2_000, help="images for the whole command, of the first on")
    add("--kinds", nargs="+", choices=SHARES, default=list(SHARES))
    add("--processes", type=int, default=2)
    add("--seconds", type=float, default=30, help="that a case may take")
    add("--model", type=Path, help="instead of one that is trained first")
    add("--cnn", action="store_true", help="train one with a network too, for tflite")
    add("--case", metavar="KIND:NUMBER", help="read this one only")
    add("--write", type=Path, metavar="FILE", help="write the bytes of the first case")
    options = parser.parse_args()
    if options.case:
        kind, _, number = options.case.partition(":")
        options.kinds, options.first, options.cases, options.scored = [kind], int(number), 1, 0
    first, found = options.first, 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        originals = make_originals(root, options.model, options.cnn)
        readers = [
            Reader(originals, root / str(n), options.seconds) for n in range(options.processes)
        ]
        kinds = [kind for kind in options.kinds if kind in originals]
        if options.write:
            options.write.write_bytes(damage(f"{kinds[0]}:{first}", originals)[1])
        print("| kind | cases | accepted | refused | contained | findings | peak MiB | seconds |")
        print(f"|{' --- |' * 8}")
        for kind in kinds:
            count = options.cases * SHARES[kind] // sum(map(SHARES.get, kinds))
            found += fuzz(kind, range(first, first + count), readers)
        if options.scored:
            numbers = range(first, first + options.scored)
            found += score(originals, [f"{PICTURES[n % len(PICTURES)]}:{n}" for n in numbers])
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
