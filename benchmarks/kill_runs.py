"""Kill runs of `trifuse predict` at random moments, resume them, and compare the bytes.

The command is killed by SIGKILL alone, or with all its processes at once, or one of its workers
is; each time `--resume` goes on, and what comes out is compared with an uninterrupted run. Every
other output is one of fewer pictures before, some of them others, that `--update` brings up to
date.

    python benchmarks/kill_runs.py --kills 200
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from small_job import TRIFUSE, make_model, make_pictures

KINDS = ("the command", "all its processes", "one worker")


def children(pid: int) -> list[int]:
    """Give the numbers of a process's children and theirs."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    found = [int(number) for number in text.split()]
    return found + [number for child in found for number in children(child)]


def kill(process: subprocess.Popen[bytes], kind: str, rng: random.Random) -> bool:
    """Kill what `kind` says; tell whether there was something to kill."""
    try:
        if kind == "the command":
            process.kill()
        elif kind == "all its processes":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(rng.choice(children(process.pid)), signal.SIGKILL)
    except (ProcessLookupError, IndexError):
        return False
    return True


def make_old(root: Path, command: list[str]) -> None:
    """Score the pictures as they were before: a third is not there yet, a seventh is older."""
    pictures = sorted((root / "pictures").iterdir())
    times = {path: path.stat().st_mtime_ns for path in pictures[::7]}
    (root / "later").mkdir()
    for path in times:
        os.utime(path, ns=(0, 0))
    for path in pictures[::3]:
        path.rename(root / "later" / path.name)
    subprocess.run([*command, "-o", "old.csv", "--quiet"], cwd=root, check=False)
    for path in pictures[::3]:
        (root / "later" / path.name).rename(path)
    for path, time_ns in times.items():
        os.utime(path, ns=(time_ns, time_ns))


def prepare(root: Path, output: Path, number: int) -> str:
    """Give the option of an output's runs; for every other one put the old one there."""
    if number % 2 == 0:
        return "--resume"
    for end in ("", ".run.json", ".run.inputs"):
        shutil.copy(f"{root / 'old.csv'}{end}", f"{output}{end}")
    return "--update"


def main() -> None:
    """Print how many kills of each kind there were and how many outputs were the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    kills, exits, states = Counter(), Counter(), Counter()
    same = outputs = 0
    since: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_model(root)
        make_pictures(root / "pictures", arguments.images)
        command = [TRIFUSE, "predict", "pictures", "-m", "small.trifuse", "-j", arguments.jobs]
        start = time.perf_counter()
        subprocess.run([*command, "-o", "whole.csv", "--quiet"], cwd=root, check=False)
        seconds = time.perf_counter() - start
        whole = (root / "whole.csv").read_bytes()
        make_old(root, command)
        option = "--resume"
        while sum(kills.values()) < arguments.kills:
            output = root / f"{outputs}.csv"
            process = subprocess.Popen(
                [*command, "-o", output.name, option, "--quiet"],
                cwd=root, start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(rng.uniform(0, 1.1 * seconds))
            except subprocess.TimeoutExpired:
                kind = rng.choice(KINDS)
                partial = root / f"{output.name}.partial"
                states["in the middle" if partial.exists() else "at the start or the end"] += 1
                kills[kind] += kill(process, kind, rng)
                since.append(kind)
            exits[code := process.wait()] += 1
            if code in {0, 3}:
                outputs += 1
                same += (found := output.read_bytes()) == whole
                for ours, theirs in zip(found.splitlines(), whole.splitlines(), strict=False):
                    if ours != theirs:
                        print(f"after kills of {since}: {ours!r} instead of {theirs!r}")
                since = []
                output.unlink()
                option = prepare(root, root / f"{outputs}.csv", outputs)
        leftovers = [path.name for path in root.glob("*.partial")]
    for kind, number in kills.items():
        print(f"{number:5d} kills of {kind}")
    for state, number in states.items():
        print(f"{number:5d} of them {state}")
    print(f"{outputs:5d} outputs, {same} of them the same bytes as the uninterrupted run's")
    print(f"exit codes: {dict(exits)}; unfinished at the end: {leftovers}")
    if same < outputs or set(exits) - {0, 3, -signal.SIGKILL}:
        raise SystemExit("a kill was not survived")


if __name__ == "__main__":
    main()
