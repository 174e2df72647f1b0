"""Gaussian mixtures and k-means beside scikit-learn's, one thread each, on dense SIFT descriptors.

Without images it describes a generated texture. Half of the descriptors are held out: their mean
log likelihood says how good a mixture is.

    python benchmarks/bench_codebooks.py --size 120000 --components 64 photos/*.jpg
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from bench_descriptors import texture
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture as SklearnMixture
from threadpoolctl import threadpool_limits

from trifuse.encoders.codebook import fit_centers, nearest_center
from trifuse.encoders.mixture import GaussianMixture, fit_gaussian_mixture
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream_encoder import project
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import read_image
from trifuse.features.resize import shrink

SIFT = DenseSiftExtractor(step=4, bin_sizes=(4, 6, 8, 10))
DIMENSION = 64

Found = TypeVar("Found")
Points = NDArray[np.float32]


def draw(paths: list[Path], size: int) -> tuple[Points, Points]:
    """Draw descriptors of all images, projected, with positions: as many to fit as to hold out."""
    images = [shrink(read_image(path), 300) for path in paths] or [texture(1200, 1600)]
    found = [SIFT.extract(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) for image in images]
    joined = LocalDescriptors(*map(np.concatenate, zip(*found, strict=True)))
    chosen = np.random.default_rng(0).permutation(len(joined.values))[: 2 * size]
    drawn = LocalDescriptors(joined.values[chosen], joined.positions[chosen])
    half = len(chosen) // 2
    points = project(drawn, Projection.fit(drawn.values[:half], DIMENSION), 1.0)
    return points[:half], points[half:]


def seconds(work: Callable[[], Found]) -> tuple[Found, float]:
    """Give what a work gives, and its processor time."""
    start = time.process_time()
    return work(), time.process_time() - start


def compare(training: Points, held_out: Points, size: int, seed: int) -> None:
    """Print seconds, and how well the held-out descriptors are met, of ours and scikit-learn's."""

    def likelihood(mixture: GaussianMixture) -> float:
        return mixture.statistics(held_out).log_likelihood / len(held_out)

    def distance(centers: NDArray[np.floating]) -> float:
        nearest = nearest_center(held_out, centers)
        return float(((held_out - centers[nearest]) ** 2).sum())

    wide = training.astype(np.float64)
    floor = 1e-9 * float(wide.var(axis=0).max())
    peer = SklearnMixture(size, covariance_type="diag", random_state=seed, reg_covar=floor)
    ours, our_seconds = seconds(lambda: fit_gaussian_mixture(training, size, seed))
    theirs, their_seconds = seconds(lambda: peer.fit(wide))
    same = GaussianMixture.from_arrays(
        {
            "means": theirs.means_,
            "variances": theirs.covariances_,
            "weights": theirs.weights_,
        }
    )
    print(
        f"mixture, seed {seed}: {our_seconds:7.2f} s, scikit-learn {their_seconds:7.2f} s, "
        f"{their_seconds / our_seconds:5.1f} x; log likelihood {likelihood(ours):.3f}, "
        f"{likelihood(ours) - likelihood(same):+.3f}"
    )
    kmeans = KMeans(size, n_init=1, random_state=seed)
    centers, our_seconds = seconds(lambda: fit_centers(training, size, seed))
    fitted, their_seconds = seconds(lambda: kmeans.fit(wide))
    ratio = distance(centers) / distance(fitted.cluster_centers_)
    print(
        f"k-means, seed {seed}: {our_seconds:7.2f} s, scikit-learn {their_seconds:7.2f} s, "
        f"{their_seconds / our_seconds:5.1f} x; squared distances {ratio:.4f} times"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--size", type=int, default=120_000, help="descriptors to fit to")
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        training, held_out = draw(arguments.images, arguments.size)
        print(f"{len(training):,} x {training.shape[1]}, {arguments.components} centres")
        for seed in range(arguments.seeds):
            compare(training, held_out, arguments.components, seed)


if __name__ == "__main__":
    main()
