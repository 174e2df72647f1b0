"""Dense SIFT, Fisher vectors and VLAD against their peers, one thread each, in alternating runs.

Without `--image` it describes a generated texture of 450 x 600 pixels. `--curve` adds textures of
up to so many megapixels, each in a process of its own whose memory is measured.

    python benchmarks/bench_descriptors.py --image photo.jpg --curve 100
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import fisher_vector as skimage_fisher_vector
from threadpoolctl import threadpool_limits

from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor, sample_streams
from trifuse.encoders.methods.fisher import FisherEncoding, fisher_vector
from trifuse.encoders.methods.vlad import vlad
from trifuse.encoders.mixture import GaussianMixture
from trifuse.encoders.stream_encoder import project
from trifuse.features.descriptors.sift import DIMENSION, DenseSiftExtractor
from trifuse.features.images import read_image
from trifuse.features.orientation import orientation_maps
from trifuse.recipes.recipe import Recipe

SIFT = DenseSiftExtractor(step=4, bin_sizes=(4, 6, 8, 10))
CURVE = (1, 4, 16, 36, 64, 100)
BLOCKS = ("sift_fisher", "sift_vlad", "color_fisher")

Work = Callable[[], Any]


def texture(rows: int, columns: int) -> NDArray[np.uint8]:
    """Make a picture of smoothed noise, in colour."""
    noise = np.random.default_rng(0).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5), dtype=np.uint8)


def best(works: dict[str, Work], repeats: int) -> dict[str, float]:
    """Run each work once to warm up, then all in turn; the shortest of each, in seconds."""
    for work in works.values():
        work()
    times: dict[str, float] = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def report(title: str, times: dict[str, float]) -> None:
    """Print the times, and how many times the first, ours, goes into each other."""
    ours = next(iter(times.values()))
    print(f"\n{title}")
    for name, seconds in times.items():
        print(f"  {name:<44} {1000 * seconds:9.1f} ms {seconds / ours:8.2f} x")


def keypoints(shape: tuple[int, int], diameter: float) -> list[cv2.KeyPoint]:
    """Put OpenCV's keypoints on the centres of our patches, `diameter` bin sizes wide.

    OpenCV's cells are 1.5 diameters wide: two thirds of a bin size give the same cells as ours.
    """
    return [
        cv2.KeyPoint(float(column), float(row), diameter * grid.bin_size, 0)
        for grid in SIFT.grids(shape)
        for row, column in grid.centers()
    ]


def plain_dense_sift(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the same descriptors plainly: whole-image filters, a view, whole-array arithmetic."""
    maps = orientation_maps(grey.astype(np.float32))
    scales = []
    for grid in SIFT.grids(grey.shape):
        size = grid.bin_size
        kernel = 1 - np.abs(np.arange(1 - size, size, dtype=np.float32)) / size
        border = cv2.BORDER_REPLICATE
        planes = [cv2.sepFilter2D(plane, -1, kernel, kernel, borderType=border) for plane in maps]
        rows, columns = np.arange(grid.n_rows) * 4, np.arange(grid.n_columns) * 4
        cells = size * np.arange(4)
        where = np.ix_(np.add.outer(rows, cells).ravel(), np.add.outer(columns, cells).ravel())
        samples = np.stack([plane[where] for plane in planes], axis=-1)
        samples = samples.reshape(grid.n_rows, 4, grid.n_columns, 4, 8)
        support = np.arange(1 - size, size) + size * (np.arange(4)[:, None] - 1.5)
        window = np.exp(-0.5 * (support / (2 * size)) ** 2).mean(axis=1).astype(np.float32)
        patches = samples.transpose(0, 2, 1, 3, 4) * np.outer(window, window)[:, :, None]
        values = patches.reshape(-1, DIMENSION)
        values /= np.linalg.norm(values, axis=1, keepdims=True) + 1e-10
        values = np.minimum(values, 0.2)
        scales.append(values / (np.linalg.norm(values, axis=1, keepdims=True) + 1e-10))
    return np.concatenate(scales)


def dense_sift(grey: NDArray[np.uint8], repeats: int) -> None:
    """Time dense SIFT."""
    peer = cv2.SIFT_create()
    gauss = DenseSiftExtractor(SIFT.step, SIFT.bin_sizes, window="gauss")
    times = best(
        {
            "trifuse, flat window": partial(SIFT.extract, grey),
            "plain NumPy and OpenCV": partial(plain_dense_sift, grey),
            "trifuse, gauss window": partial(gauss.extract, grey),
        },
        repeats,
    )
    for name, diameter in (("same cells", 2 / 3), ("size = bin size", 1.0)):
        points = keypoints(grey.shape, diameter)
        times |= best({f"cv2.SIFT.compute, {name}": partial(peer.compute, grey, points)}, 2)
    n_descriptors = len(SIFT.extract(grey).values)
    report(f"dense SIFT, {grey.shape[0]} x {grey.shape[1]}, {n_descriptors:,} descriptors", times)


def mixture(n_components: int, dimension: int) -> GaussianMixture:
    """Make a mixture of overlapping Gaussians."""
    rng = np.random.default_rng(n_components)
    return GaussianMixture(
        rng.normal(size=(n_components, dimension)).astype(np.float32),
        rng.uniform(0.3, 2, size=(n_components, dimension)).astype(np.float32),
        np.full(n_components, 1 / n_components, dtype=np.float32),
    )


def skimage_mixture(ours: GaussianMixture) -> Any:
    """Make the same mixture for scikit-image."""
    from sklearn.mixture import GaussianMixture as SklearnMixture

    theirs = SklearnMixture(len(ours.weights), covariance_type="diag")
    theirs.weights_, theirs.means_ = ours.weights.astype(float), ours.means.astype(float)
    theirs.covariances_ = ours.variances.astype(float)
    theirs.precisions_cholesky_ = 1 / np.sqrt(theirs.covariances_)
    return theirs


def encoders(repeats: int) -> None:
    """Time Fisher vectors and VLAD of 11,000 descriptors of 80 dimensions."""
    descriptors = np.random.default_rng(0).normal(size=(11_000, 80)).astype(np.float32)
    small, large = mixture(64, 80), mixture(256, 80)
    theirs = skimage_mixture(small)
    times = best(
        {
            "trifuse, 64 components": partial(fisher_vector, descriptors, small),
            "trifuse, 256 components": partial(fisher_vector, descriptors, large),
            "its two products alone, 64": two_products(descriptors, 64),
            "skimage.feature.fisher_vector, 64": lambda: skimage_fisher_vector(
                descriptors, theirs, improved=True
            ),
        },
        repeats,
    )
    report("Fisher vector, 11,000 x 80", times)
    works: dict[str, Work] = {"trifuse, 64 centres": partial(vlad, descriptors, small.means)}
    if find_spec("pyvisim"):
        works["pyvisim's VLADEmbedder, 64"] = pyvisim_vlad(descriptors, small.means)
    else:
        print("\n(pyvisim is not installed: pip install pyvisim)")
    report("VLAD, 11,000 x 80", best(works, repeats))


def two_products(descriptors: NDArray[np.float32], n_components: int) -> Work:
    """Make the products that the densities and the sums of a Fisher vector are."""
    powers = np.hstack([descriptors, descriptors * descriptors])
    linear = np.full((powers.shape[1], n_components), 0.1, dtype=np.float32)
    posteriors = np.full((len(powers), n_components), 0.1, dtype=np.float32)
    return lambda: (powers @ linear, posteriors.T @ powers)


def pyvisim_vlad(descriptors: NDArray[np.float32], centers: NDArray[np.float32]) -> Work:
    """Make pyvisim's VLAD of the same descriptors and centres; it wants images, so give it one."""
    from pyvisim.classic import VLADEmbedder
    from pyvisim.features import Lambda
    from sklearn.cluster import KMeans

    kmeans = KMeans(len(centers), n_init=1, max_iter=1).fit(centers)
    kmeans.cluster_centers_ = centers.astype(np.float64)
    embedder = VLADEmbedder(Lambda(lambda _: descriptors, output_dim=80), n_clusters=len(centers))
    embedder.load_clustering_model_from_sklearn(kmeans)
    return partial(embedder.embed, np.zeros((8, 8, 3), dtype=np.uint8))


def whole_image(image: NDArray[np.uint8], repeats: int) -> None:
    """Time one image to three blocks, default recipe, beside its parts added up."""
    recipe = Recipe.from_dict({"fusion": {"weights": dict.fromkeys(BLOCKS, 1.0)}})
    extractor = FeatureExtractor(recipe, None)
    encoder = BlockEncoder.fit(extractor, [sample_streams(extractor, image, 20_000, (0,))])
    sift, color = (encoder.streams[name].encodings for name in ("sift", "color"))
    features = extractor.extract(image)
    points = {
        name: project(features.streams[name], stream.projection, stream.options.position_weight)
        for name, stream in encoder.streams.items()
    }
    works: dict[str, Work] = {
        "image to blocks": partial(encoder.encode, image),
        "describe": partial(extractor.extract, image),
        "project": lambda: [
            project(features.streams[name], stream.projection, stream.options.position_weight)
            for name, stream in encoder.streams.items()
        ],
        "sift_fisher": partial(fisher_vector, points["sift"], sift["fisher"].mixture),
        "sift_vlad": partial(vlad, points["sift"], sift["vlad"].centers),
        "color_fisher": partial(fisher_vector, points["color"], color["fisher"].mixture),
    }
    times = best(works, repeats)
    whole = times["image to blocks"]
    parts = sum(times.values()) - whole
    report("one image to sift_fisher + sift_vlad + color_fisher, default recipe", times)
    print(f"  {'the whole over the sum of its parts':<44} {whole / parts:21.2f} x")


def large_image(megapixels: int) -> None:
    """Describe and encode one large image in bands; print what `curve` shows."""
    side = round(1000 * megapixels**0.5)
    grey = cv2.resize(texture(1000, 1000)[:, :, 0], (side, side))
    encoder = FisherEncoding(mixture(64, DIMENSION))
    SIFT.extract(grey[:450, :600])  # what the first image of a process takes longer
    describing, encoding, n_descriptors = 0.0, 0.0, 0
    start = time.perf_counter()
    for band in SIFT.bands(grey):
        described = time.perf_counter()
        encoder.sums(band.values)
        n_descriptors += len(band.values)
        describing += described - start
        start = time.perf_counter()
        encoding += start - described
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(n_descriptors, describing, encoding, peak / 2**20)


def curve(megapixels: int) -> None:
    """Print seconds and memory for images of up to so many megapixels."""
    print("\nlarge images in bands, dense SIFT and its Fisher vector of 64 components")
    print("| megapixels | descriptors | describe, s | million a second | encode, s | peak, GB |")
    print("| --: | --: | --: | --: | --: | --: |")
    for size in [size for size in CURVE if size <= megapixels]:
        command = [sys.executable, __file__, "--large-image", str(size)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        n_descriptors, describing, encoding, peak = map(float, printed.split())
        print(
            f"| {size} | {n_descriptors:,.0f} | {describing:.2f} | "
            f"{n_descriptors / describing / 1e6:.2f} | {encoding:.1f} | {peak:.2f} |"
        )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", help="a picture to describe")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--curve", type=int, default=0, metavar="MEGAPIXELS")
    parser.add_argument("--large-image", type=int, metavar="MEGAPIXELS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        if arguments.large_image:
            large_image(arguments.large_image)
            return
        image = read_image(arguments.image) if arguments.image else texture(450, 600)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        dense_sift(grey, arguments.repeats)
        encoders(arguments.repeats)
        whole_image(image, arguments.repeats)
    curve(arguments.curve)


if __name__ == "__main__":
    main()
