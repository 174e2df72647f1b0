"""That corrections pay: images decided by doubt, against as many drawn at random.

Of an archive's lesions a fifth is held out, some train a model, and of the images of the others
some are decided and join the training: the most doubtful, in the order of the page's queue, or as
many at random. Codebooks see all images, and no label. Each draw divides the lesions anew; figures
are of the images of all draws together, and their intervals resample lesions.

    python benchmarks/corrections.py HAM10000/ --cache blocks/ --jobs 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble import Ensemble, OutOfFold
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.prior import balance
from trifuse.classifiers.reasons import find_reasons
from trifuse.classifiers.review import Review, fit_review
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import Blocks
from trifuse.features.images import read_image
from trifuse.features.quality import find_flaws
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.measured import Answers, Measured, Truth, measure_method
from trifuse.studies.night import TOP, Night
from trifuse.studies.result_tables import ResultCell, ResultTable, to_cell, to_markdown
from trifuse.training.fit import draw_folds
from trifuse.training.parallel import map_images

HELD_OUT = 5
"""One lesion in so many."""
SHOWN = {
    "balanced_bma": "BMA, balanced prior", "bma": "BMA", "accuracy": "accuracy",
    "macro_auc": "macro AUC", "log_loss": "log loss",
}  # fmt: skip
WAYS = ("none", "by doubt", "at random")
Rows = NDArray[np.intp]


class Study:
    """An archive whose images are encoded.

    Parameters
    ----------
    table : LabelledTable
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    flawed : ndarray of bool, shape (n_images,)
        Whether an image is of low quality.
    recipe : Recipe
    """

    def __init__(
        self, table: LabelledTable, blocks: Blocks, flawed: NDArray[np.bool_], recipe: Recipe
    ) -> None:
        self.table, self.blocks, self.flawed, self.recipe = table, blocks, flawed, recipe

    def fit(self, rows: Rows) -> tuple[Ensemble, OutOfFold, Review]:
        """Train on some images."""
        part = self.table.subset(rows)
        labels = self.table.label_indices[rows]
        folds = draw_folds(part, self.recipe)
        ensemble, found = fit_ensemble(
            self.take(rows), labels, folds, len(self.table.classes), self.recipe,
            with_residuals=True,
        )  # fmt: skip
        review, _ = fit_review(labels, part.group_indices, folds, found, self.recipe)
        return ensemble, found, review

    def take(self, rows: Rows) -> Blocks:
        """Give the blocks of some images."""
        return {name: np.asarray(block[rows]) for name, block in self.blocks.items()}

    def divide(self, n_lesions: int, seed: int) -> tuple[Rows, Rows, Rows]:
        """Draw the images of a first training, those that may be decided, and those held out."""
        table = self.table
        _, held_out = grouped_stratified_folds(table.labels, table.groups, HELD_OUT, seed)[0]
        others = np.setdiff1d(np.arange(len(table)), held_out)
        lesions = np.random.default_rng(seed).permutation(np.unique(table.group_indices[others]))
        first = np.isin(table.group_indices[others], lesions[:n_lesions])
        return others[first], others[~first], held_out

    def rank_doubts(self, ensemble: Ensemble, review: Review, rows: Rows) -> Rows:
        """Order images as the page lists them: the doubtful ones first."""
        images = ensemble.project(self.take(rows))
        probabilities = ensemble.judge(images)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
        sets = [tuple(np.flatnonzero(one).tolist()) for one in review.sets.contain(probabilities)]
        unfamiliar = review.novelty.are_unfamiliar(images)
        reviews = [
            find_reasons(
                named, own, unfamiliar=bool(strange), flawed=bool(flaw), is_training_image=False
            )
            for named, own, strange, flaw in zip(
                order.tolist(), sets, unfamiliar, self.flawed[rows], strict=True
            )
        ]
        night = Night(
            classes=self.table.classes,
            images=tuple(map(str, rows)),
            labels=order,
            probabilities=np.take_along_axis(probabilities, order, axis=1),
            prediction_sets=tuple(sets),
            reviews=tuple(reviews),
            messages=("",) * len(rows),
            alerts=(None,) * len(rows),
        )
        return rows[night.rank_doubts()]

    def truth(self, rows: Rows) -> Truth:
        """Give what is so of images, some of which may be there several times."""
        table = self.table
        return Truth(table.classes, table.label_indices[rows], table.group_indices[rows])


class Draw:
    """What one division of the lesions gives, by `WAYS`: chosen images and probabilities."""

    def __init__(self, study: Study, n_lesions: int, n_corrections: int, seed: int) -> None:
        self.first, pool, self.held_out = study.divide(n_lesions, seed)
        ensemble, found, review = study.fit(self.first)
        ordered = study.rank_doubts(ensemble, review, pool)
        drawn = np.random.default_rng((seed, 1)).permutation(pool)
        self.chosen = {
            "by doubt": ordered[:n_corrections], "at random": drawn[:n_corrections],
        }  # fmt: skip
        wrong = {
            int(row)
            for row, p in zip(pool, ensemble.probabilities(study.take(pool)), strict=True)
            if p.argmax() != study.table.label_indices[row]
        }
        self.wrong = {
            name: float(np.mean([int(row) in wrong for row in rows]))
            for name, rows in self.chosen.items()
        }
        self.answers = {"none": self._answer(study, ensemble, found)}
        for name, rows in self.chosen.items():
            ensemble, found, _ = study.fit(np.concatenate([self.first, rows]))
            self.answers[name] = self._answer(study, ensemble, found)

    def _answer(self, study: Study, ensemble: Ensemble, found: OutOfFold) -> dict[str, Answers]:
        """Give what is said of the held-out images, and out of fold of the first ones."""
        said = {
            "held out": ensemble.probabilities(study.take(self.held_out)),
            "out of fold": found.probabilities["ensemble"][: len(self.first)],
        }
        return {
            name: Answers(p[None], balance(p, ensemble.prior)[None]) for name, p in said.items()
        }


def measure(study: Study, draws: list[Draw], part: str) -> dict[str, Measured]:
    """Measure the images of all draws together, by `WAYS`."""
    rows = [draw.held_out if part == "held out" else draw.first for draw in draws]
    truth = study.truth(np.concatenate(rows))
    return {
        name: measure_method(
            Answers(
                *(
                    np.concatenate([getattr(draw.answers[name][part], key) for draw in draws], 1)
                    for key in ("probabilities", "balanced")
                )
            ),
            truth,
        )
        for name in WAYS
    }


def make_tables(study: Study, draws: list[Draw], n_corrections: int) -> Iterator[ResultTable]:
    """Make the tables of what was chosen, of the figures, and of their differences."""
    labels = study.table.label_indices
    yield ResultTable(
        "chosen",
        f"{n_corrections} images in the mean of {len(draws)} draws",
        ("chosen", "wrong before", "lesions", *study.table.classes),
        [
            (
                name,
                [
                    ResultCell(f"{np.mean([draw.wrong[name] for draw in draws]):.0%}"),
                    ResultCell(
                        f"{np.mean([count_lesions(study, d.chosen[name]) for d in draws]):.0f}"
                    ),
                    *(
                        ResultCell(
                            f"{np.mean([(labels[d.chosen[name]] == c).sum() for d in draws]):.0f}"
                        )
                        for c in range(len(study.table.classes))
                    ),
                ],
            )
            for name in WAYS[1:]
        ],
    )
    for part in ("held out", "out of fold"):
        found = measure(study, draws, part)
        n_images = sum(len(draw.held_out if part == "held out" else draw.first) for draw in draws)
        yield ResultTable(
            "figures",
            f"Figures, {part}: {n_images:,} images of {len(draws)} draws",
            ("corrections", *SHOWN.values()),
            [(name, [to_cell(one.estimate(key)) for key in SHOWN]) for name, one in found.items()],
        )
        pairs = (("by doubt", "none"), ("at random", "none"), ("by doubt", "at random"))
        yield ResultTable(
            "differences",
            f"Differences, {part}",
            ("corrections", *SHOWN.values()),
            [
                (f"{a} - {b}", [to_cell(found[a].minus(found[b], key), "+") for key in SHOWN])
                for a, b in pairs
            ],
        )


def count_lesions(study: Study, rows: Rows) -> int:
    """Count the lesions of images."""
    return len(np.unique(study.table.group_indices[rows]))


def is_flawed(path: Path) -> bool:
    """Tell whether an image is of low quality."""
    return bool(find_flaws(read_image(path)))


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--cache", type=Path, required=True, help="folder of encoded images")
    parser.add_argument("--lesions", type=int, default=1000, help="of the first training")
    parser.add_argument("--corrections", type=int, default=300)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    start = time.perf_counter()
    table, recipe = load_dataset(arguments.data), Recipe.load(arguments.recipe)
    cache = BlockCache(arguments.cache, table, arguments.jobs)
    (blocks,) = cache.encode(recipe, [np.arange(len(table))])
    flaws = map_images(is_flawed, table.paths, "judging pictures", arguments.jobs)
    study = Study(table, blocks, np.array(list(flaws)), recipe)
    draws = []
    for seed in range(arguments.draws):
        draws.append(Draw(study, arguments.lesions, arguments.corrections, seed))
        print(f"draw {seed + 1}: {(time.perf_counter() - start) / 60:.0f} minutes", flush=True)
    for result in make_tables(study, draws, arguments.corrections):
        print("", to_markdown(result), sep="\n")


if __name__ == "__main__":
    main()
