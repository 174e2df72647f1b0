"""Do explanations point at what decides? The figures and the tables of docs/explain.md.

On computed pictures whose class a planted spot decides, counts the maps whose maximum lies in it
(the pointing game). On an archive, trains on one part, explains images of another, lesions kept
apart, and compares the areas under the deletion and insertion curves with those of random orders,
and of the order by nearness to the centre, where photographers put what they look at.

    python benchmarks/explanation.py --archive HAM10000/ --figures docs/figures --jobs 2
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import bootstrap

from trifuse.classifiers.model import Model
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.datasets.table import LabelledTable
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image
from trifuse.features.resize import resize
from trifuse.recipes.recipe import Recipe
from trifuse.studies.explanation.curves import (
    Curves,
    blur,
    follow,
    measure_curves,
    random_importance,
)
from trifuse.studies.explanation.evidence import explain_image
from trifuse.studies.explanation.explainer import Explainer
from trifuse.training.encoding import build_extractor, encode_archive
from trifuse.training.fit import fit_model
from trifuse.training.parallel import map_images

Picture = NDArray[np.uint8]
Rows = Iterator[list[str]]
SIZE, RADIUS = (120, 160), 22
VERDICT = "better than random"
KINDS = ("stripes", "checks", "plain")


def draw_planted(kind: str, rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_]]:
    """Draw skin with two spots of one colour: one decides the class, one is in every picture.

    Gives the picture, RGB, and the mask of the spot that decides.
    """
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    left = (rng.uniform(30, SIZE[0] - 30), rng.uniform(28, 50))
    right = (rng.uniform(30, SIZE[0] - 30), rng.uniform(110, 132))
    places = [left, right] if rng.random() < 0.5 else [right, left]
    inside, other = (np.hypot(y - row, x - column) < RADIUS for row, column in places)
    turn = rng.uniform(0, np.pi)
    along, across = (x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn))
    waves = {
        "stripes": np.sign(np.sin(along)),
        "checks": np.sign(np.sin(along) * np.sin(across)),
        "plain": np.zeros(SIZE),
    }
    dark = np.where(inside, 60 + 25 * waves[kind], np.where(other, 60, 0))
    rings = np.where(other, 25 * np.sign(np.sin(np.hypot(y - places[1][0], x - places[1][1]))), 0)
    picture = np.array([224.0, 180, 158]) - (dark + rings)[:, :, None] * np.array([1, 1.2, 1.1])
    return np.clip(picture + rng.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8), inside


def write_planted(folder: Path, per_class: int) -> LabelledTable:
    """Write an archive of planted spots, a folder a class."""
    for place, kind in enumerate(KINDS):
        (folder / kind).mkdir()
        for number in range(per_class):
            picture, _ = draw_planted(kind, np.random.default_rng([0, place, number]))
            cv2.imwrite(str(folder / kind / f"{number:03d}.png"), picture[:, :, ::-1])
    return load_dataset(folder)


def train(table: LabelledTable, recipe: Recipe, jobs: int) -> Model:
    """Train on all images of a table."""
    folds = grouped_stratified_folds(
        table.labels, table.groups, recipe.ensemble.folds, recipe.random_state
    )
    encoder, blocks = encode_archive(table.paths, build_extractor(recipe, table.paths), jobs)
    images = [file_sha256(path) for path in table.paths]
    model, *_ = fit_model(encoder, blocks, table, folds, images)
    return model


@dataclass(frozen=True)
class Pointer:
    """Plays the pointing game: tells which maps of a picture have their maximum in the spot."""

    model: Model

    def __call__(self, task: tuple[str, int]) -> dict[str, bool]:
        """Draw a new picture, `task`, and explain its true class."""
        kind, number = task
        picture, mask = draw_planted(kind, np.random.default_rng([1, number]))
        explanation = explain_image(self.model, picture, self.model.classes.index(kind))
        maps = {"all": explanation.fused, **explanation.maps}
        small = resize(mask.astype(np.uint8), explanation.fused.shape).astype(bool)
        hits = {name: bool(small.ravel()[values.argmax()]) for name, values in maps.items()}
        return {**hits, "chance": bool(np.random.default_rng(number).random() < mask.mean())}


@dataclass(frozen=True)
class CurveMeasurer:
    """Measures the areas of an image's curves, by its map and by nearness to its centre."""

    model: Model

    def __call__(self, path: Path) -> dict[str, float]:
        """Explain the most probable class of one image."""
        model, image = self.model, read_image(path)
        index = int(model.predict(image).argmax())
        explanation = explain_image(model, image, index)
        rows, columns = explanation.fused.shape
        y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
        score = partial(_probability, model, index)
        own = measure_curves(score, image, explanation.fused, model.recipe.random_state)
        areas = {**own.areas(), f"{VERDICT}, the map": float(own.beat_random)}
        others = {
            "gamma 0": explain_image(model, image, index, gamma=0).fused,
            "centre first": -np.hypot(y, x),
            "a random map": random_importance((rows, columns), np.random.default_rng(1)),
        }
        blurred = blur(image)
        ends = score(image), score(blurred)
        for order, importance in others.items():
            curves = {
                "deletion": follow(score, image, blurred, importance, ends),
                "insertion": follow(score, blurred, image, importance, ends[::-1]),
            }
            other = Curves(curves["deletion"], curves["insertion"], own.random)
            told = other.areas()
            areas |= {f"{name}, {order}": told[name] for name in curves}
            areas[f"{VERDICT}, {order}"] = float(other.beat_random)
        return areas


def _probability(model: Model, index: int, picture: Picture) -> float:
    return float(model.predict(picture)[index])


def point(recipe: Recipe, per_class: int, n_test: int, jobs: int) -> Rows:
    """Give a row for each map: the share of pictures in which it points at the spot."""
    with tempfile.TemporaryDirectory() as folder:
        model = train(write_planted(Path(folder), per_class), recipe, jobs)
    tasks = [(KINDS[number % len(KINDS)], number) for number in range(n_test)]
    hits = list(map_images(Pointer(model), tasks, "pointing", jobs))
    for name in hits[0]:
        yield [name, f"{np.mean([hit[name] for hit in hits]):.0%}"]


def compare(archive: str, recipe: Recipe, n_parts: int, n_images: int, jobs: int) -> Rows:
    """Give a row for each order: the mean area, and by how much it differs from the random one."""
    table = load_dataset(archive)
    folds = grouped_stratified_folds(table.labels, table.groups, n_parts, 0)
    model = train(table.subset(folds[0][1]), recipe, jobs)
    firsts = {table.groups[row]: row for row in folds[-1][1]}  # one image a lesion
    chosen = np.random.default_rng(0).permutation(sorted(firsts.values()))[:n_images]
    paths = [table.paths[row] for row in chosen]
    areas = list(map_images(CurveMeasurer(model), paths, "measuring", jobs))
    random = np.array([area["random"] for area in areas])
    for name in areas[0]:
        values = np.array([area[name] for area in areas])
        is_area = name != "random" and VERDICT not in name
        yield [name, interval(values), interval(values - random) if is_area else ""]


def interval(values: NDArray[np.float64]) -> str:
    """Give the mean and its 95 % interval by the bootstrap's percentiles over the images."""
    rng = np.random.default_rng(0)
    found = bootstrap((values,), np.mean, method="percentile", rng=rng).confidence_interval
    return f"{values.mean():.3f} [{found.low:.3f}, {found.high:.3f}]"


def draw(recipe: Recipe, folder: Path, jobs: int) -> None:
    """Draw the figure of docs/explain.md, of a picture like those of the demonstration."""
    with tempfile.TemporaryDirectory() as archive:
        model = train(load_dataset(write_synthetic_archive(archive)), recipe, jobs)
        test = Path(archive) / "test"
        write_synthetic_archive(test, images_per_class=1, seed=1)
        image = read_image(test / "images" / "synthetic_b_0000.jpg")
    figure = Image.open(
        io.BytesIO(Explainer(model).report(image, "synthetic_b_0000.jpg").figure)
    ).convert("RGB")
    figure.thumbnail((1000, 1000))
    figure.save(folder / "explain-lesion.png", optimize=True)


def main() -> None:
    """Run the studies, and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", help="HAM10000, or another labelled archive")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--planted", type=int, default=40, help="training pictures a class")
    parser.add_argument("--pictures", type=int, default=200, help="pictures pointed at")
    parser.add_argument("--parts", type=int, default=12, help="one trains, another is explained")
    parser.add_argument("--images", type=int, default=50, help="images of the archive explained")
    parser.add_argument("--figures", type=Path, help="folder that gets the figures")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    recipe, jobs = Recipe.load(chosen.recipe), chosen.jobs
    if chosen.pictures:
        rows = list(point(recipe, chosen.planted, chosen.pictures, jobs))
        print(markdown_table(["map", "maximum in the spot"], rows))
    if chosen.archive:
        rows = list(compare(chosen.archive, recipe, chosen.parts, chosen.images, jobs))
        print(markdown_table(["area", "mean", "less random"], rows))
    if chosen.figures:
        draw(recipe, chosen.figures, jobs)


if __name__ == "__main__":
    main()
