"""Scoring: images a second, a cold start, and where the time of an image goes.

Without arguments it trains on a small generated archive; for figures on real images:

    python benchmarks/bench_scoring.py --model ham.trifuse --images HAM10000/

`--against` gives the Python of another installation, and `--against-model` a model of its own: runs
alternate, and ratios are printed. `--stages` keeps one image's stages as JSON, and `--figure` draws
them beside those of `--before`, another such file.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trifuse.batch.inputs.items import InputOptions
from trifuse.batch.inputs.stream import iterate_items
from trifuse.classifiers.model import Model
from trifuse.classifiers.model_file import load_model
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.features.images import read_image
from trifuse.features.processes import limit_threads
from trifuse.features.quality import find_flaws
from trifuse.features.resize import shrink
from trifuse.studies.figures import COLORS, figure_style, save_figure
from trifuse.training.train import TrainingOptions, run_training

JOBS = (1, 2)
PR_SET_CHILD_SUBREAPER = 36
"""Of Linux: the processes that a command leaves behind become this one's children."""


class Used(NamedTuple):
    """Seconds that a command took from the shell, and those of all its processes' processors."""

    wall: float
    processor: float


class Installation(NamedTuple):
    """The command of an installation of trifuse, and a model of it."""

    command: str
    model: str

    def score(self, paths: list[str], jobs: int) -> Used:
        """Score images from the shell, start-up included."""
        with tempfile.TemporaryDirectory() as folder:
            output = str(Path(folder) / "predictions.csv")
            options = ["-m", self.model, "-o", output, "--jobs", str(jobs), "--quiet"]
            before, started = _processor_seconds(), time.perf_counter()
            subprocess.run([self.command, "predict", *paths, *options], check=True)
            wall = time.perf_counter() - started
            with suppress(ChildProcessError):
                while True:  # workers that their parent did not wait for are counted too
                    os.waitpid(-1, 0)
            return Used(wall, _processor_seconds() - before)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stages(model: Model, paths: list[str]) -> dict[str, float]:
    """Give milliseconds an image for each stage, one thread, the median over the images."""
    recipe, extractor = model.recipe, model.encoder.extractor
    times = defaultdict(list)

    def timed(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.process_time()
        result = function(*arguments)
        times[stage].append(1000 * (time.process_time() - start))
        return result

    for path in paths:
        image = timed("decode", read_image, path)
        small = timed("shrink", shrink, image, recipe.image.longest_side)
        for name, descriptor in extractor.patches.items():
            timed(f"describe {name}", descriptor.extract, small)
        if extractor.embedder is not None:
            views = [view.look(image) for view in extractor.views.values()]
            timed("network", lambda seen: list(map(extractor.embedder.embed, seen)), views)
        features = extractor.extract(image)
        for name, stream in model.encoder.streams.items():
            timed(f"encode {name}", stream.encode, [features.streams[name]])
        projected = timed("project", model.ensemble.project, model.describe(image))
        timed("classify", model.ensemble.judge, projected)
        timed("novelty", model.review.novelty.are_unfamiliar, projected)
        timed("flaws", find_flaws, image)
        timed("everything", lambda path: model.judge(read_image(path)), path)
    return {stage: float(np.median(values)) for stage, values in times.items()}


def compare(installations: Mapping[str, Installation], paths: list[str], repeats: int) -> None:
    """Print what one image and all of them take, by turns, and the best of each."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    used: dict[tuple[str, str], list[Used]] = defaultdict(list)
    for _ in range(repeats):
        for name, installation in installations.items():
            used["cold", name].append(installation.score(paths[:1], 1))
            for jobs in JOBS:
                used[f"--jobs {jobs}", name].append(installation.score(paths, jobs))
    print(f"{len(paths)} images; runs alternate, the best of {repeats}")
    rates: dict[tuple[str, str], Used] = {}
    for (kind, name), runs in used.items():
        best = Used(*(min(seconds) for seconds in zip(*runs, strict=True)))
        if kind == "cold":
            print(
                f"one image, cold, {name}: {best.wall:.2f} s, {best.processor:.2f} s of processor"
            )
            continue
        rates[kind, name] = Used(*(len(paths) / seconds for seconds in best))
        wall, processor = rates[kind, name]
        print(f"{kind}, {name}: {wall:.1f} images a second, {processor:.1f} a processor second")
    ours, *others = installations
    for other in others:
        for kind in (f"--jobs {jobs}" for jobs in JOBS):
            ratios = np.divide(rates[kind, ours], rates[kind, other])
            print(f"{kind}, ratio: {ratios[0]:.2f} times, {ratios[1]:.2f} by processor time")


def draw(found: Mapping[str, float], before: Mapping[str, float], path: Path) -> None:
    """Draw one image's stages, and what they were, as horizontal bars."""
    from matplotlib.figure import Figure  # here: not everybody draws

    names = [name for name in found if name != "everything"][::-1]
    with figure_style():
        figure = Figure(figsize=(5.5, 0.38 * len(names) + 0.9))
        axes = figure.add_subplot()
        for shift, color, label, part in (
            (0.2, COLORS[1], "before", before),
            (-0.2, COLORS[0], "now", found),
        ):
            places, times = np.arange(len(names)) + shift, [part.get(name, 0) for name in names]
            total = part.get("everything", sum(times))
            bars = axes.barh(places, times, 0.38, color=color, label=f"{label}: {total:.0f} ms")
            axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=7)
        axes.set(
            yticks=range(len(names)), yticklabels=names, xlabel="ms of one processor, an image"
        )
        axes.legend(loc="lower right")
        save_figure(figure, path)


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--images")
    parser.add_argument("--against", metavar="PYTHON", help="of another installation")
    parser.add_argument("--against-model", metavar="MODEL")
    parser.add_argument("--recipe", default="default", help="for the generated archive")
    parser.add_argument("--limit", type=int, default=400, help="images scored")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stages", metavar="JSON", type=Path)
    parser.add_argument("--before", metavar="JSON", type=Path)
    parser.add_argument("--figure", metavar="FILE", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model, images = arguments.model, arguments.images
        if not model or not images:
            write_synthetic_archive(root / "archive", images_per_class=20, size=(450, 600))
            model, images = str(root / "bench.trifuse"), str(root / "archive")
            run_training(TrainingOptions(images, model, arguments.recipe, jobs=2))
        found = iterate_items(InputOptions((images,)), io.BytesIO(), print)
        paths = [item.name for item in islice(found, arguments.limit) if item is not None]
        pythons = {"this": (sys.executable, model)}
        if arguments.against:
            pythons["other"] = (arguments.against, arguments.against_model)
        installations = {
            name: Installation(str(Path(python).with_name("trifuse")), own)
            for name, (python, own) in pythons.items()
        }
        compare(installations, paths, arguments.repeats)
        limit_threads()
        measured = stages(load_model(Path(model)), paths[:50])
    for stage, milliseconds in measured.items():
        print(f"{stage:>14}: {milliseconds:6.1f} ms")
    if arguments.stages:
        arguments.stages.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    if arguments.figure:
        before = json.loads(arguments.before.read_text(encoding="utf-8"))
        draw(measured, before, arguments.figure)


if __name__ == "__main__":
    main()
