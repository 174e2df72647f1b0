"""Sound files of all kinds, and the damage that fuzz.py does to them."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import re
import struct
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_pictures import Files, make_dicom, make_pictures, mend

from trifuse.classifiers.archive import pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.model_file import HASHED
from trifuse.recipes.reading import fingerprint_of

SHARES = {"jpeg": 14, "png": 14, "tiff": 18, "bmp": 8, "webp": 8, "dicom": 16, "zip": 5, "tar": 5,
          "csv": 4, "trifuse": 3, "json": 2, "npy": 2, "txt": 1, "tflite": 1}  # fmt: skip
"""How many of the cases are of each kind; the last four are parts of a model file."""
PARTS = {"npy": "arrays.npz", "txt": "lightgbm.txt", "tflite": "backbone.tflite"}
PICTURES = ("jpeg", "png", "tiff", "bmp", "webp", "dicom")
NUMBERS = (0, 1, 2, 3, 4, 8, 16, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1,
           2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
VALUES = (None, True, -1, 0, 1, 3, 300, 2**20, 2**31 - 1, 2**63, 10**400, 0.5, 1e308, -1e308,
          1e-320, float("nan"), float("inf"), "", "x" * 99_999, "\0", "\ud800", "=1\n", [], [[]],
          {}, {"": 1})  # fmt: skip


def make_originals(folder: Path, model: Path | None, cnn: bool) -> Files:
    """Give sound files of every kind; models are trained unless there is one."""
    made = make_pictures()
    made["dicom"] = make_dicom()
    members = [("a.jpg", made["jpeg"][0]), ("b/é.png", made["png"][0]), ("c.txt", b"text" * 99)]
    members += [("d/" * 60 + "d.tif", made["tiff"][0]), ("e.zip", b"PK"), ("f", made["dicom"][-1])]
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
    made["csv"] += [table.replace(",", separator).encode() for separator in (";", "\t", ", ")]
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

    from trifuse.datasets.synthetic import write_synthetic_archive
    from trifuse.features import keras_backbones
    from trifuse.training.train import TrainingOptions, run_training

    recipe, model = folder / "recipe.toml", folder / "made.trifuse"
    text = RECIPE
    if cnn:
        text = text.replace("color_fisher = 1 }", "cnn = 1, cnn_fisher = 1 }")
        text += "cnn = { input_size = [32, 40], pca_dimension = 4, fisher.components = 2 }\n"
        keras_backbones.build_backbone = lambda *_: small_network()
    recipe.write_text(text, encoding="utf-8")
    write_synthetic_archive(folder / "training", images_per_class=8, size=(72, 96))
    run_training(TrainingOptions(str(folder / "training"), str(model), str(recipe), overwrite=True))
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
    return keras.Model(image, {"feature_map": values, "last_map": values})


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


def damage_part(kind: str, content: bytes, rng: random.Random) -> bytes:
    """Damage one part of a model file, and make what vouches for it anew."""
    files = unpack(content, "the original")
    about = json.loads(files["model.json"])
    if kind == "json":
        for _ in range(rng.choice((1, 1, 2))):
            change_value(about, rng, 1)
        with suppress(Exception):
            about["recipe_fingerprint"] = fingerprint_of(about["recipe"])
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
