"""Backbones: what LiteRT takes to embed one image, on one thread.

python benchmarks/bench_backbones.py

Each network has random weights, for what they are changes no time, and its own input size. The
time is processor time, resizing included, the median over the repeats.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

from trifuse.classifiers.text_tables import markdown_table
from trifuse.features.backbones import BACKBONES, backbone
from trifuse.features.keras_backbones import build_backbone, export_litert
from trifuse.features.litert import CnnEmbedder
from trifuse.features.processes import limit_threads


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(BACKBONES), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    limit_threads()
    image = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    rows = []
    for name in arguments.names:
        row = backbone(name)
        seconds = measure(build_embedder(name), image, arguments.repeats)
        size = f"{row.input_size[0]} x {row.input_size[1]}"
        cost = (
            f"{row.macs / 1e9:.2f} G",
            f"{1000 * seconds:.0f}",
            f"{row.macs / seconds / 1e9:.0f} G",
        )
        rows.append((name, size, *cost))
    print(markdown_table(("network", "input", "MACs", "milliseconds", "MACs a second"), rows))


def build_embedder(name: str) -> CnnEmbedder:
    """Export a network with random weights."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="backbone .* has random weights")
        return CnnEmbedder(export_litert(build_backbone(name, "random")))


def measure(embedder: CnnEmbedder, image: np.typing.NDArray[np.uint8], repeats: int) -> float:
    """Give seconds an image, after a first one for which LiteRT prepares itself."""
    embedder.embed(image)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        embedder.embed(image)
        times.append(time.process_time() - start)
    return float(np.median(times))


if __name__ == "__main__":
    main()
