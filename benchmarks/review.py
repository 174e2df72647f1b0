"""Review reasons on real images, held out: coverage, false alarms, flaws, and what is no lesion.

Cross-validates a recipe on an archive, lesions kept together: members, calibrations, prediction
sets and the novelty score are fitted on each fold's training part (bounds on inner folds) and
applied to its test part. Codebooks, which see no labels, are trained on all images. Novelty is
also measured on pictures that are no lesions: scikit-image's own photographs, parts of them,
faces, pages of text, noise and plain colours. Picture quality is measured on the images as they
are, and spoilt.

    python benchmarks/review.py HAM10000/ --jobs 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.util import img_as_ubyte

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.review import LARGE_SET, fit_review
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import BlockEncoder, Blocks, FeatureExtractor, stack_blocks
from trifuse.features.images import read_image
from trifuse.features.quality import FLAWS, find_flaws
from trifuse.features.resize import shrink
from trifuse.recipes.recipe import Recipe
from trifuse.training.encoding import build_embedder, draw_samples, encode_images
from trifuse.training.parallel import map_images

Image = NDArray[np.uint8]
PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "cat", "cell", "checkerboard", "clock", "coffee", "coins",
    "colorwheel", "grass", "gravel", "horse", "hubble_deep_field", "immunohistochemistry", "logo",
    "microaneurysms", "moon", "retina", "rocket", "shepp_logan_phantom",
)  # fmt: skip
SKIN = np.array([200.0, 150.0, 130.0])
SIZE = (450, 600)
SPOILT: dict[str, tuple[str, Callable[[Image], Image]]] = {
    "blurred, sigma 4 at 600 px": ("blurred", lambda image: blur(image, 4)),
    "blurred, sigma 3 at 600 px": ("blurred", lambda image: blur(image, 3)),
    "at 10 % brightness": ("too dark", lambda image: brighten(image, 0.1)),
    "at 30 % brightness": ("too dark", lambda image: brighten(image, 0.3)),
    "exposed 1.6 times": ("too bright", lambda image: brighten(image, 1.6)),
    "exposed 2 times": ("too bright", lambda image: brighten(image, 2.0)),
    "thumbnail of 40 px": ("small", lambda image: shrink(image, 40)),
}
"""What is done to an image, and the flaw that it must then have."""


def blur(image: Image, sigma: float) -> Image:
    """Blur an image as if a picture 600 pixels long had been blurred by `sigma`."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma * max(image.shape) / 600), np.uint8)


def brighten(image: Image, gain: float) -> Image:
    """Multiply the levels, and clip them."""
    return np.asarray(np.clip(image * gain, 0, 255), np.uint8)


def as_rgb(picture: Any) -> Image:
    """Make a picture uint8 of three channels."""
    levels = img_as_ubyte(np.asarray(picture))
    channels = np.stack([levels] * 3, axis=-1) if levels.ndim == 2 else levels[..., :3]
    return np.ascontiguousarray(channels)


def non_lesions(n: int) -> Iterator[tuple[str, Image]]:
    """Give pictures that are no lesions, at most `n` of a kind, and their kinds."""
    rng = np.random.default_rng(0)
    photographs = [as_rgb(getattr(data, name)()) for name in PHOTOGRAPHS[:n]]
    large = [image for image in photographs if min(image.shape[:2]) >= 300]
    quarters = [part for image in large for part in quarter(image)]
    yield from (("photographs", image) for image in photographs)
    yield from (("quarters of photographs", image) for image in quarters[: 4 * n])
    yield from (("faces of 25 px", as_rgb(face)) for face in data.lfw_subset()[:: -(-100 // n)])
    yield from (("text", as_rgb(page)) for page in (data.page(), data.text())[:n])
    for number in range(n):
        base = SKIN if number % 2 else rng.uniform(60, 220, 3)
        yield "text", draw_page(rng)
        yield "white noise", rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        yield "white noise around a colour", tint(rng.normal(size=SIZE), base, rng)
        for exponent in (0.5, 1.0, 1.5, 2.0):
            yield f"1/f^{exponent:g} noise", tint(draw_noise(exponent, rng), base, rng)
        field = cv2.GaussianBlur(rng.normal(size=SIZE), (0, 0), rng.uniform(5, 60))
        yield "soft blobs", tint(field / field.std(), base, rng)
        yield "plain grey", np.full((*SIZE, 3), 255 * number // n, np.uint8)
        yield "plain colour", np.full((*SIZE, 3), base + rng.normal(0, 15, 3)).astype(np.uint8)
        ramp = np.linspace(-1, 1, SIZE[1]) * np.ones(SIZE)
        yield "colour gradient", tint(ramp, base, rng)


def quarter(image: Image) -> Iterator[Image]:
    """Cut an image into its four quarters."""
    for half in np.array_split(image, 2, axis=0):
        yield from map(np.ascontiguousarray, np.array_split(half, 2, axis=1))


def tint(field: NDArray[np.float64], base: NDArray[np.float64], rng: np.random.Generator) -> Image:
    """Add a field of unit variance to a colour, more in some channels than in others."""
    levels = base + rng.uniform(10, 40) * field[..., None] * rng.uniform(0.5, 1.5, 3)
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def draw_noise(exponent: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw noise of unit variance whose amplitudes fall with a power of the frequency."""
    frequencies = np.hypot(np.fft.fftfreq(SIZE[0])[:, None], np.fft.rfftfreq(SIZE[1]))
    frequencies[0, 0] = np.inf
    phases = rng.normal(size=frequencies.shape) + 1j * rng.normal(size=frequencies.shape)
    field: NDArray[np.float64] = np.fft.irfft2(phases * frequencies**-exponent, SIZE)
    return np.asarray(field / field.std())


def draw_page(rng: np.random.Generator) -> Image:
    """Draw a page of random letters."""
    page = np.full((600, 450, 3), rng.integers(215, 256), np.uint8)
    scale, letters = rng.uniform(0.4, 1.0), list("abcdefghijklmnopqrstuvwxyz 0123456789,. ")
    for y in range(int(40 * scale), 600, int(32 * scale) + 4):
        line, ink = "".join(rng.choice(letters, 60)), tuple(rng.integers(0, 90, 3).tolist())
        cv2.putText(page, line, (10, y), int(rng.integers(4)), scale, ink, 1, cv2.LINE_AA)
    return page


def cross_validate(
    blocks: Blocks, others: Blocks, table: LabelledTable, recipe: Recipe, n_folds: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Give each image's set, whether it is unfamiliar, and whether each other picture is.

    Returns
    -------
    sets : ndarray of bool, shape (n_images, n_classes)
    unfamiliar : ndarray of bool, shape (n_images,)
    others_unfamiliar : ndarray of bool, shape (n_folds, n_others)
    """
    labels, found = table.label_indices, []
    sets = np.zeros((len(labels), len(table.classes)), dtype=bool)
    unfamiliar = np.zeros(len(labels), dtype=bool)
    for training, test in grouped_stratified_folds(table.labels, table.groups, n_folds, 0):
        part = table.subset(training)
        inner = grouped_stratified_folds(part.labels, part.groups, recipe.ensemble.folds, 0)
        fitted, held_out = select(blocks, training), select(blocks, test)
        ensemble, scores = fit_ensemble(
            fitted, labels[training], inner, len(table.classes), recipe, with_residuals=True
        )
        review, _ = fit_review(labels[training], part.group_indices, inner, scores, recipe)
        sets[test] = review.sets.contain(ensemble.probabilities(held_out))
        unfamiliar[test] = review.novelty.are_unfamiliar(ensemble.project(held_out))
        found.append(review.novelty.are_unfamiliar(ensemble.project(others)))
    return sets, unfamiliar, np.stack(found)


def select(blocks: Blocks, rows: NDArray[np.intp]) -> Blocks:
    """Give some rows of every block."""
    return {name: block[rows] for name, block in blocks.items()}


def find_flaws_spoilt(path: Path) -> list[tuple[str, ...]]:
    """Give the flaws of an image as it is, and spoilt in each way."""
    image = read_image(path)
    return [find_flaws(image), *(find_flaws(spoil(image)) for _, spoil in SPOILT.values())]


def percent(values: Any, digits: int = 1) -> str:
    """Write a share of true values."""
    return f"{100 * np.mean(values):.{digits}f} %"


def print_sets(sets: NDArray[np.bool_], alarms: NDArray[np.bool_], table: LabelledTable) -> None:
    """Print the table of the images: a row a class."""
    held = sets[np.arange(len(table)), table.label_indices]
    sizes, rows = sets.sum(axis=1), []
    for name in (*table.classes, "all"):
        of_class = np.array([name in {label, "all"} for label in table.labels])
        groups = {group for group, own in zip(table.groups, of_class, strict=True) if own}
        rows.append(
            (name, str(of_class.sum()), str(len(groups)), percent(held[of_class]),
             f"{sizes[of_class].mean():.2f}", percent(sizes[of_class] > LARGE_SET),
             percent(alarms[of_class]))
        )  # fmt: skip
    large = f"more than {LARGE_SET}"
    header = ("class", "images", "lesions", "coverage", "mean set", large, "unfamiliar")
    print("", markdown_table(header, rows), sep="\n")


def print_others(kinds: Sequence[str], found: NDArray[np.bool_]) -> None:
    """Print how many pictures that are no lesions are unfamiliar: a row a kind."""
    rows = []
    for kind in (*dict.fromkeys(kinds), "all"):
        own = found[:, [kind in {one, "all"} for one in kinds]]
        rows.append((kind, str(own.shape[1]), percent(own), percent(own[own.mean(1).argmin()])))
    print("", markdown_table(("no lesion", "pictures", "unfamiliar", "worst fold"), rows), sep="\n")


def print_quality(flaws: Sequence[Sequence[tuple[str, ...]]]) -> None:
    """Print how many images have flaws: as they are, and spoilt."""
    rows = [
        (f"as they are: {flaw}", percent([flaw in image[0] for image in flaws], 2))
        for flaw in FLAWS
    ]
    rows += [("as they are: any", percent([image[0] != () for image in flaws], 2))]
    for number, (what, (flaw, _)) in enumerate(SPOILT.items(), start=1):
        rows.append((f"{what}: {flaw}", percent([flaw in image[number] for image in flaws])))
    print("", markdown_table(("images", "flagged"), rows), sep="\n")


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--images", type=int, default=10**9, help="at most, spread evenly")
    parser.add_argument("--others", type=int, default=20, help="pictures of a kind that is none")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    start = time.perf_counter()
    table, recipe = load_dataset(arguments.data), Recipe.load(arguments.recipe)
    n_images = min(arguments.images, len(table))
    table = table.subset(np.linspace(0, len(table) - 1, n_images).round().astype(int))
    jobs = arguments.jobs
    print_quality(list(map_images(find_flaws_spoilt, table.paths, "judging pictures", jobs)))

    extractor = FeatureExtractor(recipe, build_embedder(recipe, table.paths))
    samples = draw_samples(table.paths, extractor, jobs)
    encoder = BlockEncoder.fit(extractor, list(samples.values()))
    blocks = encode_images(table.paths, encoder, jobs)
    kinds, pictures = zip(*non_lesions(arguments.others), strict=True)
    encode = partial(BlockEncoder.encode, encoder)
    encoded = map_images(encode, pictures, "encoding other pictures", jobs)
    others = stack_blocks(encoded, len(pictures))
    sets, alarms, found = cross_validate(blocks, others, table, recipe, arguments.folds)
    print_sets(sets, alarms, table)
    print_others(kinds, found)
    print(f"\n{(time.perf_counter() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
