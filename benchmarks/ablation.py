"""Ablation: what each choice of descriptor, codebook, encoding and normalisation brings.

Each row changes one choice of a block (SIFT or colour, Fisher vector or VLAD), trains a calibrated
linear SVM on that block alone, and measures it out of fold, groups kept together. Codebooks, which
see no labels, are trained on all images. Rows that OUTPUT.csv holds already are not run again;
their probabilities are in OUTPUT.npz.

    python benchmarks/ablation.py HAM10000/ --images 1500 --output docs/ablation
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from trifuse.classifiers.bootstrap import mean_of_known, resample_groups
from trifuse.classifiers.calibration import fit_calibration
from trifuse.classifiers.member import Kernel, Problem
from trifuse.classifiers.members.svm import SvmOptions, fit_svm_member
from trifuse.classifiers.metrics import compute_metrics
from trifuse.classifiers.prior import balance
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.descriptor_encoders import FisherEncoder, VladEncoder
from trifuse.encoders.pipeline import LocalDescriptorPipeline
from trifuse.features.estimators import DenseSift, LocalColor
from trifuse.recipes.registry import blocks

COLUMNS = (
    "block", "choice", "value", "dimension", "bma", "bma_low", "bma_high",
    "difference", "difference_low", "difference_high", "macro_auc", "log_loss", "milliseconds",
)  # fmt: skip
TIMED_IMAGES = 20
SIFT = {"step": 4, "bin_sizes": (4, 6, 8, 12), "root": True, "longest_side": 300}
COLOR = {"step": 4, "bin_sizes": (4, 8, 16), "longest_side": 300}
BLOCKS = ("sift_fisher", "sift_vlad", "color_fisher", "color_vlad")
# Block, name of the choice, part of the pipeline that it is made in, parameter, values.
CHOICES: tuple[tuple[str, str, str, str, tuple[Any, ...]], ...] = (
    ("sift_fisher", "RootSIFT", "descriptor", "root", (False,)),
    ("sift_fisher", "positions", "pipeline", "position_weight", (0.0, 0.5, 2.0)),
    ("color_fisher", "positions", "pipeline", "position_weight", (0.0, 0.5, 2.0)),
    ("sift_fisher", "components", "encoder", "n_components", (16, 32, 128, 256)),
    ("color_fisher", "components", "encoder", "n_components", (16, 32, 128, 256)),
    ("sift_fisher", "PCA", "pipeline", "pca_dimension", (32, 128)),
    ("color_fisher", "PCA", "pipeline", "pca_dimension", (32, 96)),
    ("color_fisher", "bin sizes", "descriptor", "bin_sizes", ((8,), (8, 16), (4, 8, 16, 24))),
    ("sift_fisher", "bin sizes", "descriptor", "bin_sizes", ((8,), (4, 8), (4, 8, 16))),
    ("sift_fisher", "step", "descriptor", "step", (6, 8)),
    ("color_fisher", "step", "descriptor", "step", (6, 8)),
    ("sift_fisher", "longest side", "descriptor", "longest_side", (450,)),
    ("color_fisher", "longest side", "descriptor", "longest_side", (450,)),
    ("sift_vlad", "intra-normalisation", "encoder", "by_component", (False,)),
    ("sift_vlad", "square root", "encoder", "square_root", (False,)),
    ("sift_vlad", "residual normalisation", "encoder", "by_residual", (True,)),
    ("sift_vlad", "centres", "encoder", "n_centers", (256,)),
    ("color_vlad", "centres", "encoder", "n_centers", (256,)),
    ("sift_fisher", "square root", "encoder", "square_root", (False,)),
    ("color_fisher", "square root", "encoder", "square_root", (False,)),
    ("sift_fisher", "window", "descriptor", "window", ("gauss",)),
    ("sift_fisher", "smoothing", "descriptor", "magnification", (6.0,)),
    ("sift_fisher", "pyramid", "encoder", "levels", ((1, 2),)),
    ("color_fisher", "pyramid", "encoder", "levels", ((1, 2),)),
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One row: a block, and the choice in which it differs from that block's first row."""

    block: str
    choice: str = "baseline"
    value: Any = ""
    descriptor: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    pipeline: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return self.block, self.choice, str(self.value)

    def build(self, sample_size: int, jobs: int) -> LocalDescriptorPipeline:
        """Make the estimator."""
        stream, encoding, _ = blocks()[self.block]
        descriptor = (
            DenseSift(**{**SIFT, **self.descriptor})
            if stream == "sift"
            else LocalColor(**{**COLOR, **self.descriptor})
        )
        encoder = (FisherEncoder if encoding == "fisher" else VladEncoder)(
            sample_size=sample_size, **self.encoder
        )
        options = {"sample_size": sample_size, "n_jobs": jobs, **self.pipeline}
        return LocalDescriptorPipeline(descriptor, encoder, **options)


def variants() -> Iterator[Variant]:
    """List all rows, the blocks' baselines first."""
    yield from map(Variant, BLOCKS)
    for block, choice, part, parameter, values in CHOICES:
        for value in values:
            yield Variant(block, choice, value, **{part: {parameter: value}})


def choose_images(table: LabelledTable, n_images: int, seed: int) -> LabelledTable:
    """Draw whole groups at random until there are so many images."""
    groups, members = np.unique(np.asarray(table.groups), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(groups))
    places = np.argsort(order)[members]
    rows = np.argsort(places, kind="stable")[:n_images]
    last = places[rows].max()
    return table.subset(np.flatnonzero(places <= last))


def score(block: NDArray[np.float32], table: LabelledTable, folds: int) -> NDArray[np.float64]:
    """Give a calibrated linear SVM's out-of-fold probabilities, under balanced classes."""
    labels, n_classes = table.label_indices, len(table.classes)
    splits = grouped_stratified_folds(table.labels, table.groups, folds, 0)
    blocks, kernel = {"block": block}, Kernel(np.arange(len(block)), block @ block.T)
    problem = Problem(blocks, {"block": 1.0}, kernel, lambda: block, labels, splits, n_classes)
    _, scores = fit_svm_member(problem, SvmOptions())
    probabilities = fit_calibration(scores, labels).probabilities(scores)
    prior = np.bincount(labels, minlength=n_classes) / len(labels)
    return balance(probabilities, prior)


def resampled_bma(probabilities: NDArray[np.float64], table: LabelledTable) -> NDArray[np.float64]:
    """Give the balanced accuracy of 2,000 resamples of the groups, the same for every row."""
    sample = ScoredImages(probabilities, table.label_indices, table.classes)
    parts = resample_groups(table.groups, 2000, random_state=0)
    return np.concatenate([mean_of_known(sample.recall(weights)) for weights in parts])


def measure(
    probabilities: NDArray[np.float64], baseline: NDArray[np.float64], table: LabelledTable
) -> dict[str, float]:
    """Measure one row, and its difference from the baseline on the same resamples."""
    figures, reference = (
        compute_metrics(scores, table.label_indices, table.classes)
        for scores in (probabilities, baseline)
    )
    own = resampled_bma(probabilities, table)
    low, high = np.nanpercentile(own, (2.5, 97.5))
    change = np.nanpercentile(own - resampled_bma(baseline, table), (2.5, 97.5))
    return {
        "bma": figures.bma,
        "bma_low": low,
        "bma_high": high,
        "difference": figures.bma - reference.bma,
        "difference_low": change[0],
        "difference_high": change[1],
        "macro_auc": figures.macro_auc,
        "log_loss": figures.log_loss,
    }


def run(
    variant: Variant, table: LabelledTable, scores: dict[str, Any], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Fit, encode and measure one row; its probabilities join `scores`."""
    paths = [str(path) for path in table.paths]
    pipeline = variant.build(arguments.sample, arguments.jobs)
    block = pipeline.fit_transform(paths)
    with threadpool_limits(1):
        start = time.perf_counter()
        pipeline.set_params(n_jobs=1).transform(paths[:TIMED_IMAGES])
        seconds = (time.perf_counter() - start) / len(paths[:TIMED_IMAGES])
    probabilities = score(block, table, arguments.folds)
    scores[str(variant.key)] = probabilities
    figures = measure(probabilities, scores[str(Variant(variant.block).key)], table)
    return {
        **dict(zip(COLUMNS, variant.key, strict=False)),
        "dimension": block.shape[1],
        **{key: round(value, 4) for key, value in figures.items()},
        "milliseconds": round(1000 * seconds, 1),
    }


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw each row's difference from its block's baseline, a panel a block."""
    blocks = list(dict.fromkeys(row["block"] for row in rows))
    own = {block: [row for row in rows if row["block"] == block][1:] for block in blocks}
    blocks = [block for block in blocks if own[block]] or blocks
    heights = [max(1, len(own[block])) for block in blocks]
    figure = Figure(figsize=(6.5, 0.8 + 0.17 * sum(heights) + 0.4 * len(blocks)))
    figure.set_layout_engine("constrained")
    all_axes = figure.subplots(len(blocks), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, block in zip(all_axes.ravel(), blocks, strict=True):
        baseline = next(row for row in rows if row["block"] == block)
        values, low, high = (
            np.array([float(row[key]) for row in own[block]])
            for key in ("difference", "difference_low", "difference_high")
        )
        axes.axvline(0, color="#D55E00", linewidth=1, linestyle="--")
        axes.errorbar(
            values, np.arange(len(values)), xerr=np.maximum([values - low, high - values], 0),
            fmt="o", color="#0072B2", markersize=4, linewidth=1, capsize=2,
        )  # fmt: skip
        names = [f"{row['choice']} {row['value']}".strip() for row in own[block]]
        axes.set_yticks(np.arange(len(names)), names, fontsize=8)
        axes.set_ylim(heights[0] if not names else len(names) - 0.5, -0.5)
        title = f"{block}: baseline {float(baseline['bma']):.3f}"
        axes.set_title(title, fontsize=9, loc="left")
        axes.grid(axis="x", linewidth=0.4, alpha=0.6)
        axes.tick_params(axis="x", labelsize=8)
    label = "difference in balanced accuracy from the baseline, 95 % interval"
    all_axes[-1, 0].set_xlabel(label, fontsize=9)
    figure.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    """Run all rows that are missing; write OUTPUT.csv row by row, and OUTPUT.png at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--output", required=True)
    parser.add_argument("--images", type=int, default=10**9, help="at most, whole groups")
    parser.add_argument("--sample", type=int, default=60_000, help="descriptors of a codebook")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="choices to run, such as components and PCA")
    arguments = parser.parse_args()
    table = choose_images(load_dataset(arguments.data), arguments.images, seed=0)
    path = Path(f"{arguments.output}.csv")
    rows: list[dict[str, Any]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    done = {(row["block"], row["choice"], row["value"]) for row in rows}
    kept = Path(f"{arguments.output}.npz")
    scores = dict(np.load(kept)) if kept.exists() else {}
    print(f"{len(table)} images, {len(set(table.groups))} groups")
    for variant in variants():
        wanted = variant.choice == "baseline" or variant.choice in (
            arguments.only or [variant.choice]
        )
        if variant.key in done or not wanted:
            continue
        rows.append(run(variant, table, scores, arguments))
        np.savez(kept, **scores)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(*(rows[-1][column] for column in COLUMNS), flush=True)
    draw(rows, Path(f"{arguments.output}.png"))


if __name__ == "__main__":
    main()
