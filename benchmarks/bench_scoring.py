"""Scoring: where the time of an image goes, what a second process brings, and a cold start.

Without arguments it trains on a small generated archive; for figures on real images:

    python benchmarks/bench_scoring.py --model ham.trifuse --images HAM10000/
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.stream import iterate_items
from trifuse.batch.options import PredictionOptions
from trifuse.batch.prediction import run_prediction
from trifuse.batch.training import TrainingOptions, run_training
from trifuse.classifiers.model import Model
from trifuse.classifiers.model_file import load_model
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.features.dense_sift import DenseSiftExtractor
from trifuse.features.images import read_image
from trifuse.features.local_color import LocalColorExtractor
from trifuse.features.resize import shrink
from trifuse.features.threads import limit_threads

TRIFUSE = str(Path(sys.executable).with_name("trifuse"))


def stages(model: Model, paths: list[str]) -> dict[str, float]:
    """Give milliseconds an image for each stage, one thread, the median over the images."""
    recipe, extractor = model.recipe, model.encoder.extractor
    sift = DenseSiftExtractor(
        recipe.sift.step,
        recipe.sift.bin_sizes,
        contrast_threshold=recipe.sift.contrast_threshold,
        root=recipe.sift.root,
    )
    color = LocalColorExtractor(recipe.color.step, recipe.color.bin_sizes)
    times = defaultdict(list)

    def timed(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        times[stage].append(1000 * (time.perf_counter() - start))
        return result

    for path in paths:
        image = timed("decode", read_image, path)
        small = timed("shrink", shrink, image, recipe.image.longest_side)
        timed("dense SIFT", sift.extract, small)
        timed("local colour", color.extract, small)
        if extractor.embedder is not None:
            timed("CNN", extractor.embedder.embed, image)
        features = extractor.extract(image)
        for name, stream in model.encoder.streams.items():
            timed(f"encode {name}", stream.encode, features.streams[name])
        blocks = {name: block[None] for name, block in model.encoder.encode(image).items()}
        timed("classify", model.ensemble.probabilities, blocks)
        timed("everything", lambda path: model.predict(read_image(path)), path)
    return {stage: float(np.median(values)) for stage, values in times.items()}


def throughput(model: str, paths: list[str], jobs: int, output: Path) -> float:
    """Give images a second of a whole run, start-up of the processes included."""
    inputs = InputOptions(tuple(paths))
    options = PredictionOptions(model, str(output), inputs, jobs, overwrite=True, quiet=True)
    start = time.perf_counter()
    run_prediction(options, io.BytesIO(), print)
    return len(paths) / (time.perf_counter() - start)


def seconds(command: list[str]) -> float:
    """Time a command from the shell."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--images")
    parser.add_argument("--recipe", default="default", help="for the generated archive")
    parser.add_argument("--limit", type=int, default=400, help="images scored")
    parser.add_argument("--repeats", type=int, default=3)
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
        output = root / "predictions.csv"

        print(f"{len(paths)} images; runs alternate")
        cold = [TRIFUSE, "predict", paths[0], "-m", model, "-o", "-"]
        tensorflow = [sys.executable, "-c", "import tensorflow"]
        ours, theirs, one, two = [], [], [], []
        for _ in range(arguments.repeats):
            ours.append(seconds(cold))
            theirs.append(seconds(tensorflow))
            one.append(throughput(model, paths, 1, output))
            two.append(throughput(model, paths, 2, output))
        print(f"one image, cold, from the shell: {min(ours):.2f} s")
        print(f"python -c 'import tensorflow': {min(theirs):.2f} s")
        print(f"--jobs 1: {max(one):.1f} images a second")
        print(f"--jobs 2: {max(two):.1f} images a second, {max(two) / max(one):.2f} times")
        limit_threads()
        for stage, milliseconds in stages(load_model(Path(model)), paths[:50]).items():
            print(f"{stage:>14}: {milliseconds:6.1f} ms")


if __name__ == "__main__":
    main()
