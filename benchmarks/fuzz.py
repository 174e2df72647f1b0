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
import csv
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import resource
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
from small_job import RECIPE, TRIFUSE

from trifuse.batch.inputs.item import SourceError
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.stream import iterate_items
from trifuse.batch.training import run_training
from trifuse.batch.workers.main import limit_memory
from trifuse.batch.workers.settings import MEMORY_MB, WorkerSettings
from trifuse.batch.workers.supervisor import Supervisor, WorkerError
from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.model_file import HASHED, load_model
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.features import keras_backbones
from trifuse.features.dicom import read_dicom
from trifuse.features.images import ImageError, read_image
from trifuse.recipes.recipe import Recipe

SHARES = {"jpeg": 14, "png": 14, "tiff": 18, "bmp": 8, "webp": 8, "dicom": 16, "zip": 5, "tar": 5,
          "csv": 4, "trifuse": 3, "json": 2, "npy": 2, "txt": 1, "tflite": 1}  # fmt: skip
"""How many of the cases are of each kind; the last four are parts of a model file, sums made anew."""
PARTS = {"npy": "arrays.npz", "txt": "lightgbm.txt", "tflite": "backbone.tflite"}
PICTURES = ("jpeg", "png", "tiff", "bmp", "webp", "dicom")
REFUSALS = (ImageError, ModelFileError, SourceError)
NUMBERS = (0, 1, 2, 3, 4, 8, 16, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1,
           2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
VALUES = (None, True, -1, 0, 1, 3, 2**31, 2**63, 10**400, 0.5, 1e308, -1e308, 1e-320, float("nan"),
          float("inf"), "", "x" * 99_999, "\0", "\ud800", "=1\n", [], [[]], {}, {"": 1})  # fmt: skip
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
    g16, cmyk, palette, bits = Image.fromarray(deep[..., 0]), rgb.convert("CMYK"), rgb.quantize(16), grey.convert("1")  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "jpeg": [save(rgb, "JPEG", exif=exif), save(rgb, "JPEG", progressive=True, subsampling=2),
                 save(cmyk, "JPEG"), save(grey, "JPEG", restart_marker_blocks=1)],
        "png": [save(rgba, "PNG"), save(g16, "PNG"), save(palette, "PNG", transparency=1),
                save(bits, "PNG"), interlaced(noise[..., :3]), interlaced(deep[..., :3])],
        "tiff": [*(save(rgb, "TIFF", compression=name) for name in
                   ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
                 *(save(image, "TIFF") for image in (g16, cmyk, palette)), save(g16, "TIFF", compression="tiff_lzw"),
                 save(bits, "TIFF", compression="group4"), tiles(noise[..., :3]),
                 tiles(deep[..., :3], compression="zlib", bigtiff=True)],
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
    members = [("a.jpg", made["jpeg"][0]), ("b/é.png", made["png"][0]), ("c.txt", b"text" * 99),
               ("d/" * 60 + "d.tif", made["tiff"][0]), ("e.zip", b"PK"), ("f", file.getvalue())]  # fmt: skip
    made["zip"], made["tar"] = [], []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(file := io.BytesIO(), "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        made["zip"].append(file.getvalue())
    forms = [
        ("", tarfile.GNU_FORMAT),
        ("", tarfile.PAX_FORMAT),
        *((c, 2) for c in ("gz", "bz2", "xz")),
    ]
    for packing, form in forms:
        with tarfile.open(fileobj=(file := io.BytesIO()), mode=f"w:{packing}", format=form) as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        made["tar"].append(file.getvalue())
    table = 'path,id,age\na.jpg,1,30\n"b,c.png","2\n2",\n,3,é\n'
    made["csv"] = [table.encode(), table.replace("\n", "\r\n").encode("utf-8-sig")]
    made["trifuse"] = [model.read_bytes() if model else train(folder, cnn=False)]
    made["trifuse"] += [train(folder, cnn=True)] * cnn
    for kind in ("json", *PARTS):
        made[kind] = made["trifuse"][-1:]
    return made


def train(folder: Path, cnn: bool) -> bytes:
    """Train a small model; its network, if any, is so small that damage meets its structure."""
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


def damage(kind: str, number: int, originals: list[bytes]) -> bytes:
    """Give the bytes of a case."""
    rng = random.Random(f"{kind}:{number}")
    content = rng.choice(originals)
    if kind == "json" or kind in PARTS:
        return damage_part(kind, content, rng)
    data = change_bytes(bytearray(content), rng, originals, text=kind in {"csv", "tar"})
    return bytes(mend(kind, data) if rng.random() < 0.8 else data)


def change_bytes(data: bytearray, rng: random.Random, others: list[bytes], text: bool) -> bytearray:
    """Change a few things, half of them where headers are."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        last, size = max(0, len(data) - 1), rng.choice((1, 2, 4, 8, 8, 64, 512, 4096))
        ends = (min(last, 256), min(last, 1024), last, last)
        start = last - rng.randint(0, min(last, 256)) if rng.random() < 0.1 else rng.randint(0, rng.choice(ends))  # fmt: skip
        value = rng.choice(NUMBERS)
        match rng.randrange(10 if text else 8):
            case 0 | 1:
                data[start : start + 1] = bytes(
                    [data[start] ^ 1 << rng.randrange(8)] if data else [0]
                )
            case 2:
                data[start : start + size] = (
                    bytes([rng.choice((0, 255, rng.randrange(256)))]) * size
                )
            case 3:
                del data[start : start + rng.choice((size, len(data)))]
            case 4:
                other = rng.choice(others)
                data[start:] = other[rng.randrange(len(other)) :]
            case 5 | 6:
                size = min(size, 8)
                order = rng.choice(("little", "big"))
                data[start : start + size] = (value % 256**size).to_bytes(size, order)
            case 7:
                data[start:start] = data[start : start + size] * rng.choice((1, 1, 2, 50))
            case _:
                if found := rng.choice([*re.finditer(rb"-?[0-9][0-9.e+-]*", data), None]):
                    data[slice(*found.span())] = rng.choice(
                        (b"%d" % value, b"-1", b"1e999", b"nan")
                    )
    return data


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
        about = change_value(about, rng, 0.95)
        with suppress(Exception):
            about["recipe_fingerprint"] = Recipe.from_dict(about["recipe"]).fingerprint
    elif kind == "npy" and rng.random() < 0.7:
        files[PARTS[kind]] = change_arrays(unpack_arrays(files[PARTS[kind]], "the original"), rng)
    elif kind == "npy":
        arrays = unpack(files[PARTS[kind]], "the original")
        name = rng.choice(list(arrays))
        start = change_bytes(bytearray(arrays[name][:128]), rng, [arrays[name]], text=True)
        files[PARTS[kind]] = pack({**arrays, name: bytes(start) + arrays[name][128:]})
    else:
        part = files[PARTS[kind]]
        files[PARTS[kind]] = bytes(change_bytes(bytearray(part), rng, [part], text=kind == "txt"))
    about["sha256"] = {name: hashlib.sha256(files[name]).hexdigest() for name in HASHED}
    files["model.json"] = json.dumps(about).encode()
    return pack(files)


def change_value(value: Any, rng: random.Random, share: float) -> Any:
    """Put something else somewhere into nested lists and tables, or leave something out."""
    if not isinstance(value, dict | list) or not value or rng.random() > share:
        return rng.choice(VALUES)
    key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if rng.random() < 0.1:
        del value[key]
    else:
        value[key] = change_value(value[key], rng, share)
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


def read(kind: str, content: bytes, path: Path) -> bool:
    """Read a case as trifuse does; tell whether anything could be read."""
    if kind == "dicom":
        return any(frame.image is not None for frame in islice(read_dicom(content), 40))
    if kind in PICTURES:
        image = read_image(content)
        assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3)
        return True
    path.write_bytes(content)
    if kind in {"zip", "tar", "csv"}:
        items = iterate_items(InputOptions((str(path),)), io.BytesIO(), lambda _: None)
        return [item is not None and not item.fault for item in items].count(True) > 0
    return load_model(path) is not None


def serve(pipe: Any, kind: str, originals: list[bytes], folder: str) -> None:
    """Read the cases that are asked for, in a process like a worker's."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)  # decoders print
    limit_memory(MEMORY_MB)
    path = (
        Path(folder)
        / f"{os.getpid()}.{kind if kind in SHARES and kind not in {'json', *PARTS} else 'trifuse'}"
    )
    pipe.send("ready")
    while True:
        content = damage(kind, pipe.recv(), originals)
        try:
            result = "accepted" if read(kind, content, path) else "refused"
        except REFUSALS:
            result = "refused"
        except Exception:  # noqa: BLE001 - that is what is looked for
            result = " / ".join(traceback.format_exc().strip().splitlines()[-3:])
        pipe.send((result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


class Reader:
    """A process that reads cases of one kind, and is replaced after each that it did not survive.

    Parameters
    ----------
    kind : str
    originals : list of bytes
    folder : Path
        For what is read from files.
    seconds : float
        That a case may take.
    """

    def __init__(self, kind: str, originals: list[bytes], folder: Path, seconds: float) -> None:
        self.kind, self.originals, self.folder, self.seconds = kind, originals, folder, seconds
        self._process: Any = None

    def read(self, number: int) -> tuple[str, int]:
        """Read a case; give what came of it, and the MiB that the process has had at most."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(number)
            if self._pipe.poll(self.seconds):
                result: tuple[str, int] = self._pipe.recv()
                return result
            found = f"it took longer than {self.seconds:g} s"
        except (EOFError, OSError):
            self._process.join(9)
            found = f"its process ended with code {self._process.exitcode}"
        self.close()
        return self._ask_supervisor(number) if self.kind == "tflite" else found, 0

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        arguments = (theirs, self.kind, self.originals, str(self.folder))
        self._process = spawn.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def _ask_supervisor(self, number: int) -> str:
        """Load a model that kills its process as `trifuse predict` does."""
        path = self.folder / f"{number}.trifuse"
        path.write_bytes(content := damage(self.kind, number, self.originals))
        supervisor = Supervisor(WorkerSettings(str(path), hashlib.sha256(content).hexdigest()))
        try:
            supervisor.start()
        except WorkerError as error:
            return "contained" if "cannot be loaded: it " in str(error) else str(error)
        finally:
            supervisor.close()
        return "it killed a process, and then it did not"


def fuzz(kind: str, numbers: range, originals: list[bytes], options: argparse.Namespace) -> int:
    """Read cases of a kind, print their row of the table, and give the number of findings."""
    results, peak, start, todo = Counter[str](), 0, time.monotonic(), iter(numbers)

    def drive(reader: Reader) -> None:
        nonlocal peak
        for number in todo:
            result, memory = reader.read(number)
            peak = max(peak, memory)
            results[result if result in {"accepted", "refused", "contained"} else "findings"] += 1
            if result not in {"accepted", "refused", "contained"}:
                print(f"FINDING {kind}:{number} {result}", flush=True)
        reader.close()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.processes) as pool:
        readers = [
            Reader(kind, originals, Path(folder), options.seconds) for _ in range(options.processes)
        ]
        list(pool.map(drive, readers))
    counts = [results[name] for name in ("accepted", "refused", "contained", "findings")]
    cells = [
        kind,
        *(f"{n:,}" for n in (len(numbers), *counts, peak)),
        f"{time.monotonic() - start:.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return results["findings"]


def score(originals: Files, model: bytes, numbers: range) -> int:
    """Have the command score damaged images, all in one run, and give the number of findings."""
    start, found = time.monotonic(), []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "m.trifuse").write_bytes(model)
        names = [f"{PICTURES[number % len(PICTURES)]}:{number}" for number in numbers]
        with (folder / "in.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("path", "id"), *((name.replace(":", "."), name) for name in names)])
        for name in names:
            kind, number = name.split(":")
            content = damage(kind, int(number), originals[kind])
            (folder / name.replace(":", ".")).write_bytes(content)
        command = [
            TRIFUSE,
            "predict",
            "in.csv",
            "-m",
            "m.trifuse",
            "-o",
            "out.csv",
            "-q",
            "-j",
            "2",
        ]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode not in {0, 3} or ran.stderr:
            found.append(f"exit code {ran.returncode}: {ran.stderr}")
        with suppress(FileNotFoundError), (folder / "out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
            ids = list(dict.fromkeys(row["image"].split("#")[0] for row in rows))
            found += ["the rows are not those of the inputs"] * (ids != names)
            found += [
                f"{row['image']} {row['message']}"
                for row in rows
                if not re.match(r"cannot read|too |$", row["message"])
            ]
    print(*(f"FINDING predict {text}" for text in found), sep="\n")
    errors = sum(row["status"] == "error" for row in rows)
    print(
        f"trifuse predict: {len(names):,} images, {len(rows):,} rows, {errors:,} of them errors, "
        f"exit code {ran.returncode}, {time.monotonic() - start:.0f} s"
    )
    return len(found)


def main() -> None:
    """Read all cases, and say by the exit code whether anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=120_000, help="of all kinds together")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first case of each kind"
    )
    parser.add_argument("--scored", type=int, default=2_000, help="images for the whole command")
    parser.add_argument("--kinds", nargs="*", choices=SHARES, default=list(SHARES))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30, help="that a case may take")
    parser.add_argument("--model", type=Path, help="instead of one that is trained first")
    parser.add_argument("--cnn", action="store_true", help="train one with a network too")
    parser.add_argument("--case", metavar="KIND:NUMBER", help="read this one only")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the case's bytes")
    options = parser.parse_args()
    one = options.case or options.kinds[0]
    kinds = [one.partition(":")[0]] if options.case else options.kinds
    with tempfile.TemporaryDirectory() as folder:
        originals = make_originals(Path(folder), options.model, options.cnn)
    if options.write:
        number = int(one.partition(":")[2])
        options.write.write_bytes(damage(kinds[0], number, originals[kinds[0]]))
    print("| kind | cases | accepted | refused | contained | findings | peak MiB | seconds |")
    print(f"|{' --- |' * 8}")
    total, found = sum(SHARES[kind] for kind in kinds), 0
    for kind in kinds:
        first, count = options.first, options.cases * SHARES[kind] // total
        if options.case:
            first, count = int(one.partition(":")[2]), 1
        found += fuzz(kind, range(first, first + count), originals[kind], options)
    if options.scored and not options.case:
        numbers = range(options.first, options.first + options.scored)
        found += score(originals, originals["trifuse"][0], numbers)
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
