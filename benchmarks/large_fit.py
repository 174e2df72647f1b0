"""Fit the ensemble, with novelty and prediction sets, to synthetic blocks of many images.

What it takes of processor time and memory beyond the blocks themselves does not grow with the
square of the images. `--share` makes shorter blocks than the default recipe's, of 44,800 numbers.

    python benchmarks/large_fit.py --images 100000
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.review import fit_review
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.normalization import l2_normalize
from trifuse.recipes.recipe import Recipe

DIMENSIONS = {
    "sift_fisher": 8448, "sift_vlad": 4224, "color_fisher": 8448,
    "color_vlad": 4224, "cnn": 1280, "cnn_fisher": 8448, "cnn_crop": 1280, "cnn_crop_fisher": 8448,
}  # fmt: skip
CLASS_SHARES = (0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.02)
ROWS = 4096
"""Drawn at a time."""


def draw_block(
    labels: NDArray[np.intp], dimension: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw unit vectors that differ in 200 directions, a little by class; (n_images, dimension)."""
    frame = rng.standard_normal((200, dimension), dtype=np.float32)
    centers = rng.standard_normal((len(CLASS_SHARES), 200), dtype=np.float32) / 4
    block = np.empty((len(labels), dimension), np.float32)
    for start in range(0, len(labels), ROWS):
        own = centers[labels[start : start + ROWS]]
        own = (own + rng.standard_normal(own.shape, dtype=np.float32)) @ frame
        own += 10 * rng.standard_normal(own.shape, dtype=np.float32)
        block[start : start + ROWS] = l2_normalize(own)
    return block


def peak() -> float:
    """Give the largest resident memory so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Draw, fit and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--recipe", default="default")
    arguments = parser.parse_args()
    rng, recipe = np.random.default_rng(0), Recipe.load(arguments.recipe)
    labels = rng.choice(len(CLASS_SHARES), arguments.images, p=CLASS_SHARES)
    blocks = {
        name: draw_block(labels, int(dimension * arguments.share), rng)
        for name, dimension in DIMENSIONS.items()
    }
    groups = [str(row) for row in range(arguments.images)]
    folds = grouped_stratified_folds(
        [str(label) for label in labels], groups, recipe.ensemble.folds, 0
    )
    size, before = sum(block.nbytes for block in blocks.values()) / 1e9, peak()
    started = time.process_time()
    _, out_of_fold = fit_ensemble(
        blocks, labels, folds, len(CLASS_SHARES), recipe, with_residuals=True
    )
    review, _ = fit_review(labels, np.arange(len(labels)), folds, out_of_fold, recipe)
    seconds = time.process_time() - started
    print(f"{arguments.images:,} images: blocks {size:.2f} GB, peak {before:.2f} GB when drawn")
    print(f"fitted in {seconds:.0f} s of processor time, peak {peak():.2f} GB")
    for name, found in out_of_fold.probabilities.items():
        accuracy = balanced_accuracy_score(labels, found.argmax(axis=1))
        print(f"{name}: balanced accuracy {accuracy:.3f}")
    print(f"false alarms {review.figures.false_alarms:.3f}")


if __name__ == "__main__":
    main()
