"""Score many small pictures: the memory must not grow with their number, nor the rate fall.

The runs alternate, few and many, and each is measured from its own log: the rate of the whole run,
that of its first and its last tenth, and the largest memory of the command and of all its
processes, looked at twice a second.

    python benchmarks/many_inputs.py --few 1000 --many 100000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from kill_runs import children
from small_job import TRIFUSE, make_model, make_pictures


class Figures(NamedTuple):
    """What a run took: inputs a second, and megabytes of the command and of everything."""

    rate: float
    first: float
    last: float
    command: float
    everything: float


def resident(pid: int) -> float:
    """Give the resident memory of a process in MB, its proportional share of shared pages."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(text.split("Pss:")[1].split()[0]) / 1024


def run(root: Path, paths: list[str], n_inputs: int, jobs: str) -> Figures:
    """Score `n_inputs` pictures from a list on standard input."""
    log = root / "log.jsonl"
    log.unlink(missing_ok=True)
    command = [TRIFUSE, "predict", "-", "-m", "small.trifuse", "-o", "o.csv", "-j", jobs]
    process = subprocess.Popen(
        [*command, "--overwrite", "--quiet", "--log", log],
        cwd=root, stdin=subprocess.PIPE, text=True,
    )  # fmt: skip
    feeder = threading.Thread(target=feed, args=(process, paths, n_inputs))
    feeder.start()
    own = everything = 0.0
    while process.poll() is None:
        mine = resident(process.pid)
        own = max(own, mine)
        everything = max(everything, mine + sum(map(resident, children(process.pid))))
        time.sleep(0.5)
    feeder.join()
    if process.returncode not in {0, 3}:
        raise SystemExit(f"trifuse ended with {process.returncode}")
    with (root / "o.csv").open("rb") as file:
        rows = sum(1 for _ in file) - 1
    if rows != n_inputs:
        raise SystemExit(f"{rows} rows for {n_inputs} inputs")
    return Figures(*rates_of(log), own, everything)


def feed(process: subprocess.Popen[str], paths: list[str], n_inputs: int) -> None:
    """Write the list."""
    with process.stdin as stdin:
        for number in range(n_inputs):
            stdin.write(f"{paths[number % len(paths)]}\n")


def rates_of(log: Path) -> tuple[float, float, float]:
    """Give the inputs a second of the run, start included, of its first tenth and of its last."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    known = [
        (event["rows"], datetime.fromisoformat(event["time"]).timestamp())
        for event in events
        if event["event"] in {"start", "chunk", "end"}
    ]
    n_inputs = known[-1][0]
    chunks = known[1:-1]
    first = [one for one in chunks if one[0] <= n_inputs * 0.12]
    last = [one for one in chunks if one[0] >= n_inputs * 0.88]
    return slope(known), slope(first), slope(last)


def slope(known: list[tuple[int, float]]) -> float:
    """Give the rows a second between the first and the last of these."""
    if len(known) < 2:
        return 0.0
    return (known[-1][0] - known[0][0]) / max(known[-1][1] - known[0][1], 1e-3)


def main() -> None:
    """Print the figures of each run and the ratios of the best ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    few, many = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_model(root)
        paths = make_pictures(root / "pictures", 1000)
        for repeat in range(arguments.repeats):
            few.append(run(root, paths, arguments.few, arguments.jobs))
            if repeat < arguments.repeats - 1 or not many:
                many.append(run(root, paths, arguments.many, arguments.jobs))
    for n_inputs, runs in ((arguments.few, few), (arguments.many, many)):
        for one in runs:
            print(
                f"{n_inputs:>9,} inputs: {one.rate:6.1f} a second "
                f"(first tenth {one.first:.1f}, last tenth {one.last:.1f}), "
                f"command {one.command:5.0f} MB, all processes {one.everything:5.0f} MB"
            )
    rate = max(one.rate for one in many) / max(one.rate for one in few)
    memory = min(one.everything for one in many) / min(one.everything for one in few)
    print(f"many beside few: {rate:.3f} of the rate, {memory:.3f} of the memory")


if __name__ == "__main__":
    main()
