"""Foreign files: all files of a folder are decoded, and compared with what other readers see.

Each file is read in a process under the limits of a worker, which a file may kill: a row of its
own, or an error that says why there is none. Pillow, tifffile and pydicom, called as their manuals
say, then read what could be read; two pictures agree if no level differs by more than two.
With --model the command scores the folder too, and must give rows for every file.

    python benchmarks/foreign.py FOLDER
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.batch.workers.child_main import limit_memory
from trifuse.batch.workers.messages import MEMORY_MB
from trifuse.features.dicom import is_dicom, read_dicom
from trifuse.features.images import ImageError, read_content, read_image

KINDS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "TIFF": rb"II[*+]\x00|MM\x00[*+]",
    "BMP": rb"BM",
    "WebP": rb"(?s)RIFF.{4}WEBP",
}
FRAMES = 5
"""Of a DICOM file, at most."""
NEAR = 2
"""Levels by which pictures that agree may differ: decoders round in different places."""

COLUMNS = ("files", "ok", "agreed", "differing", "alone", "refused", "of these read by others")
Told = list[tuple[str, str]]


def tell_kind(content: bytes) -> str:
    """Tell a file by its first bytes."""
    if is_dicom(content[:132]):
        return "DICOM"
    kinds = (kind for kind, signature in KINDS.items() if re.match(signature, content))
    return next(kinds, "other")


def decode(kind: str, content: bytes) -> Any:
    """Decode a file as trifuse does; of DICOM several frames, of which it gives the first."""
    if kind != "DICOM":
        return read_image(content)
    frames = list(islice(read_dicom(content), FRAMES))
    if frames[0].image is None:
        raise ImageError(frames[0].message)
    return frames[0].image


def serve(pipe: Any) -> None:
    """Read the files that are asked for; tell of each its kind, what came of it, who agrees."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)  # decoders print
    limit_memory(MEMORY_MB)
    from foreign_readers import READERS

    pipe.send("ready")
    while True:
        kind, image = "other", None
        try:
            content = read_content(pipe.recv())
            kind = tell_kind(content)
            image = decode(kind, content)
            result = "ok"
        except ImageError as error:
            result = str(error)
        except Exception:  # noqa: BLE001 - that is a finding
            result = "FINDING " + " / ".join(traceback.format_exc().strip().splitlines()[-3:])
        pipe.send((kind, result))
        for reader in READERS.get(kind, ()):
            pipe.send((reader.__name__.removeprefix("read_by_"), compare(image, reader, content)))
        pipe.send(("", "done"))


def compare(image: Any, reader: Any, content: bytes) -> str:
    """Say whether another reader sees the same."""
    try:
        other = reader(content)
    except Exception as error:  # noqa: BLE001 - it is not ours
        return f"cannot ({type(error).__name__}: {' '.join(str(error).split())[:60]})"
    if image is None:
        return "reads it"
    if other.shape != image.shape:
        return f"differs: {other.shape} beside {image.shape}"
    differences = np.abs(image.astype(np.float64) - other)
    if differences.max() <= NEAR:
        return "agrees"
    return f"differs: {differences.max():.0f} at most, {differences.mean():.2f} in the mean"


class Reader:
    """A process that reads files, and is replaced after each that it did not survive."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._process: Any = None

    def read(self, path: Path) -> Told:
        """Give the kind and the result of a file, then the readers that read it and what of it."""
        told: Told = []
        if self._process is None:
            spawn = multiprocessing.get_context("spawn")
            self._pipe, theirs = spawn.Pipe()
            self._process = spawn.Process(target=serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
            self._pipe.recv()
        try:
            self._pipe.send(str(path))
            while not told or told[-1] != ("", "done"):
                if not self._pipe.poll(self.seconds):
                    raise EOFError(f"took longer than {self.seconds:g} s")
                told.append(self._pipe.recv())
            return told[:-1]
        except (EOFError, OSError) as error:
            self._process.kill()
            self._process.join()
            reason = str(error) or f"ended its process with code {self._process.exitcode}"
            self._process = None
            return told or [(tell_kind(path.read_bytes()[:132]), reason)]


def summarize(cause: str) -> str:
    """Leave out of a message what is of one file only."""
    cause = cause.removeprefix("cannot read the image: ")
    return re.sub(r"[0-9][0-9,.]*", "N", cause)[:150]


def classify(told: Told) -> list[str]:
    """Say in which columns a file counts."""
    (_, result), verdicts = told[0], [verdict for _, verdict in told[1:]]
    if result != "ok":
        return ["files", "refused", *(["of these read by others"] * ("reads it" in verdicts))]
    if "agrees" in verdicts:
        return ["files", "ok", "agreed"]
    differs = any(verdict.startswith("differs") for verdict in verdicts)
    return ["files", "ok", "differing" if differs else "alone"]


def print_tables(results: dict[Path, Told], folder: Path) -> None:
    """Print counts by kind and agreement, and by cause; and all in which readers do not agree."""
    counts: dict[str, Counter[str]] = {}
    causes, unlike = Counter[tuple[str, str]](), []
    for path, told in results.items():
        (kind, result), columns = told[0], classify(told)
        counts.setdefault(kind, Counter()).update(columns)
        if result != "ok":
            causes[kind, summarize(result)] += 1
        said = [f"{reader} {verdict}" for reader, verdict in told[1:]]
        if any("agrees" not in line for line in said) and columns[-1] != "refused":
            unlike.append("; ".join([f"{columns[-1]}: {path.relative_to(folder)}", result, *said]))
    print(f"| kind | {' | '.join(COLUMNS)} |\n| :-- |{' --: |' * len(COLUMNS)}")
    for kind, row in sorted(counts.items()):
        print(f"| {kind} | {' | '.join(f'{row[column]:,}' for column in COLUMNS)} |")
    print("\n| kind | why not | files |\n| :-- | :-- | --: |")
    for (kind, cause), number in causes.most_common():
        print(f"| {kind} | {cause} | {number:,} |")
    print("\nNot all readers agree:", *sorted(unlike), sep="\n")


def score(model: Path, paths: list[Path]) -> None:
    """Have the command score all files, and say whether each has its rows."""
    from small_job import TRIFUSE

    with tempfile.TemporaryDirectory() as place:
        table, output = Path(place) / "in.csv", Path(place) / "out.csv"
        with table.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = [("path", "id"), *((path.resolve(), n) for n, path in enumerate(paths))]
            csv.writer(file).writerows(rows)
        command = [TRIFUSE, "predict", table, "-m", model, "-o", output, "-q"]
        code = subprocess.run(command, check=False).returncode
        with suppress(FileNotFoundError), output.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    images = list(dict.fromkeys(row["image"].partition("#")[0] for row in rows))
    errors = sum(row["status"] == "error" for row in rows)
    print(f"\ntrifuse predict: {len(paths):,} files, {len(rows):,} rows of {len(images):,}, "
          f"{errors:,} of errors, exit code {code}")  # fmt: skip


def main() -> None:
    """Read a folder; the exit code is 1 if trifuse raised what it should not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60, help="that a file may take")
    parser.add_argument("--model", type=Path, help="score the files by it too")
    options = parser.parse_args()
    reader, results = Reader(options.seconds), {}
    for path in sorted(path for path in options.folder.rglob("*") if path.is_file()):
        results[path] = reader.read(path)
    print_tables(results, options.folder)
    if options.model:
        score(options.model, list(results))
    found = [
        f"{path}: {told[0][1]}" for path, told in results.items() if told[0][1].startswith("FI")
    ]
    print(*found, sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
