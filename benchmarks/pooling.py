"""Several images of a lesion: judged together, against one by one.

From predictions out of fold (``trifuse train --out-of-fold FILE``) and the truth. Of the lesions
with two images or more, each weighing the same: figures of single images, of the mean of a lesion's
probabilities, and of pooled ones as ``trifuse predict --groups`` gives them, whose power and
floors are fitted on four fifths of the lesions and measured on the others.

    trifuse train HAM10000/ -o ham.trifuse --out-of-fold oof.csv
    python benchmarks/pooling.py oof.csv HAM10000_metadata.csv
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    Figures,
    estimate_figures,
    mean,
    mean_of_known,
    number_groups,
)
from trifuse.classifiers.group_pooling import fit_pooling, pool, sum_groups
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.truth import read_truth
from trifuse.studies.evaluation.matched import MatchedImages, match_predictions

TITLES = {"bma": "BMA", "accuracy": "accuracy", "macro_auc": "macro AUC", "log_loss": "log loss"}
WAYS = ("one image", "mean of probabilities", "pooled")


@dataclass(frozen=True)
class Lesions:
    """The images of lesions of several, and what is said of each lesion.

    Attributes
    ----------
    images : MatchedImages
    labels : ndarray of int, shape (n_lesions,)
    counts : ndarray of int, shape (n_lesions,)
    numbers : ndarray of int, shape (n_images,)
        The lesion of each image; -1 of those that are alone.
    pooled : ndarray of float64, shape (n_lesions, n_classes)
        Out of fold.
    sets : ndarray of bool, shape (n_lesions, n_classes)
        Out of fold.
    powers : list of float
        Of each fold.
    """

    images: MatchedImages
    labels: NDArray[np.intp]
    counts: NDArray[np.intp]
    numbers: NDArray[np.intp]
    pooled: NDArray[np.float64]
    sets: NDArray[np.bool_]
    powers: list[float]


def pool_out_of_fold(images: MatchedImages, coverage: float, n_folds: int) -> Lesions:
    """Pool the images of each lesion by what the other folds' lesions teach."""
    probabilities, labels = images.probabilities, images.labels
    groups = number_groups(images.lesions)
    prior = np.bincount(labels, minlength=probabilities.shape[1]) / len(labels)
    evidence, counts, own = sum_groups(probabilities, labels, groups, prior)
    several = np.flatnonzero(np.bincount(groups) > 1)
    if len(several) != len(own):
        raise SystemExit("a lesion has images of several classes")
    pooled, sets = np.zeros(evidence.shape), np.zeros(evidence.shape, dtype=bool)
    powers = []
    for _, test in grouped_stratified_folds(labels.astype(str), groups.astype(str), n_folds, 0):
        others = np.setdiff1d(np.arange(len(labels)), test)
        inside = np.isin(several, groups[test])
        rule = fit_pooling(probabilities[others], labels[others], groups[others], prior, coverage)
        pooled[inside] = pool(evidence[inside], counts[inside], prior, rule.power)
        sets[inside] = rule.sets.contain(pooled[inside])
        powers.append(rule.power)
    numbers = np.full(len(np.bincount(groups)), -1)
    numbers[several] = np.arange(len(several))
    return Lesions(images, own, counts, numbers[groups], pooled, sets, powers)


def measure(lesions: Lesions) -> dict[str, dict[str, str]]:
    """Give each way's figures and the differences from single images, with intervals."""
    images, numbers = lesions.images, lesions.numbers
    inside, classes = numbers >= 0, images.table.classes
    own, labels = numbers[inside], images.labels[inside]
    probabilities = images.probabilities[inside]
    shares = 1 / lesions.counts[own]
    averaged = np.zeros_like(lesions.pooled)
    np.add.at(averaged, own, probabilities * shares[:, None])
    single = ScoredImages(probabilities, labels, classes)
    together = [ScoredImages(one, lesions.labels, classes) for one in (averaged, lesions.pooled)]

    def figures(weights: NDArray[np.float64]) -> Figures:
        spread = weights[own] * (shares[:, None] if weights.ndim > 1 else shares)
        found: Figures = {}
        for way, (scored, counted) in zip(
            WAYS, ((single, spread), *((one, weights) for one in together)), strict=True
        ):
            each = {
                "bma": mean_of_known(scored.recall(counted)),
                "accuracy": scored.top_k(counted, 1),
                "macro_auc": mean_of_known(scored.auc(counted)),
                "log_loss": scored.log_loss(counted),
            }
            found |= {f"{way} {name}": value for name, value in each.items()}
            found |= {
                f"{way} less {name}": value - found[f"{WAYS[0]} {name}"]
                for name, value in each.items()
            }
        return found

    estimates = estimate_figures(figures, np.arange(len(lesions.labels)))
    return {
        way: {
            name: f"{estimates[f'{way} {name}'].to_text()}"
            + ("" if way == WAYS[0] else f"; {estimates[f'{way} less {name}'].to_text('+')}")
            for name in TITLES
        }
        for way in WAYS
    }


def tell_sets(lesions: Lesions) -> str:
    """Write coverage and size of the prediction sets, class by class, with intervals."""
    places = np.arange(len(lesions.labels))
    covered = lesions.sets[places, lesions.labels].astype(np.float64)
    sizes = lesions.sets.sum(axis=1).astype(np.float64)
    rows = []
    for number, name in [*enumerate(lesions.images.table.classes), (None, "all")]:
        own = np.flatnonzero(lesions.labels == number) if number is not None else places

        def figures(weights: NDArray[np.float64], own: NDArray[np.intp] = own) -> Figures:
            return {"coverage": mean(covered[own], weights), "size": mean(sizes[own], weights)}

        found = estimate_figures(figures, own)
        rows.append((name, f"{len(own):,}", found["coverage"].to_text(), found["size"].to_text()))
    return markdown_table(("class", "lesions", "coverage", "mean set"), rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictions")
    parser.add_argument("truth")
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    images = match_predictions(options.predictions, *read_truth(options.truth))
    lesions = pool_out_of_fold(images, options.coverage, options.folds)
    n_images = int(lesions.counts.sum())
    powers = ", ".join(f"{power:.2f}" for power in lesions.powers)
    print(f"{len(lesions.labels):,} lesions of {n_images:,} images; powers {powers}\n")
    found = measure(lesions)
    rows = [(way, *found[way].values()) for way in WAYS]
    print(markdown_table(("judged by", *TITLES.values()), rows), tell_sets(lesions), sep="\n\n")


if __name__ == "__main__":
    main()
