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
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_material import PICTURES, SHARES, Files, damage, make_originals

from trifuse.batch import plan
from trifuse.batch.inputs.items import InputOptions, SourceError
from trifuse.batch.inputs.stream import iterate_items
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.workers.child_main import limit_memory
from trifuse.batch.workers.messages import MEMORY_MB, WorkerSettings
from trifuse.batch.workers.pool import Supervisors
from trifuse.batch.workers.supervisor import Supervisor, WorkerError
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.prior import PriorError
from trifuse.features.dicom import read_dicom
from trifuse.features.images import ImageError, read_image

REFUSALS = (ImageError, ModelFileError, SourceError, PriorError, FormatError)


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
    plan.make_plan(plan.PredictionOptions(str(path), "-", prior="balanced"))
    return load_model(path) is not None


def serve(pipe: Any, originals: Files, folder: Path) -> None:
    """Read the cases that are asked for, in a process like a worker's."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)  # decoders print
    limit_memory(MEMORY_MB)
    Supervisors.start = lambda _: None  # that reads the model in one more process
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
    allowed = "cannot read the image: |cannot score the image: it (needs more memory|is too small)"
    found += [" ".join(error) for error in errors if not re.match(allowed, error[1])]
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
