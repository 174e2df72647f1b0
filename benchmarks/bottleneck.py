"""Bottlenecks: raw or normalised, softmax layer or SVM, and how many steps are enough.

python benchmarks/bottleneck.py HAM10000/ --images 800

Each image is scored out of fold, lesions kept together, by classifiers of the same bottlenecks; the
calibration of each comes from inner folds of the training part. The second table has the softmax
layer alone, uncalibrated, with a quarter and four times the recipe's steps, and a tenth and ten
times its learning rate.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from ablation import choose_images
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from trifuse.classifiers.calibration import softmax
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.members.softmax import SoftmaxOptions, fit_softmax_layer
from trifuse.classifiers.prior import balance
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import Split, grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor
from trifuse.features.descriptors.cnn import CnnCells
from trifuse.features.images import read_image
from trifuse.recipes.options import EnsembleOptions
from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.comparison_tables import make_tables
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.comparison.statistics import compute_statistics
from trifuse.studies.result_tables import to_markdown
from trifuse.training.encoding import build_embedder
from trifuse.training.parallel import map_images

Bottlenecks = dict[str, NDArray[np.float32]]
"""Of every image, (n_images, d), `raw` and `normalised`."""
BASELINE = "softmax, normalised"
STEPS, RATES = (0.25, 1, 4), (0.1, 1, 10)
"""Factors on the recipe's."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="bottleneck-efficientnet-lite0")
    parser.add_argument("--images", type=int, default=10**9, help="at most, whole lesions")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    table, recipe = load_dataset(arguments.data), Recipe.load(arguments.recipe)
    table = choose_images(table, arguments.images, seed=0)
    folds = grouped_stratified_folds(
        table.labels, table.groups, arguments.folds, recipe.random_state
    )
    print(f"{len(table)} images, {len(set(table.groups))} lesions, {len(folds)} folds\n")
    bottlenecks = embed(table, recipe, arguments.jobs)

    scores = ComparisonScores(
        table.classes,
        table.label_indices,
        table.group_indices,
        {
            name: score(bottlenecks[kind], table, folds, with_member(recipe, member))
            for name, kind, member in (
                (BASELINE, "normalised", "softmax"),
                ("softmax, raw", "raw", "softmax"),
                ("svm, normalised", "normalised", "svm"),
            )
        },
        arguments.folds,
        recipe.fingerprint,
    )
    statistics = compute_statistics(scores, {}, {}, BASELINE)
    print("\n".join(map(to_markdown, make_tables(scores, statistics))), flush=True)
    header = ("bottlenecks", "steps", "learning rate", "training", "held out", "accuracy")
    print(markdown_table(header, list(sweep(bottlenecks, table, folds, recipe))))


def embed(table: LabelledTable, recipe: Recipe, jobs: int) -> Bottlenecks:
    """Take the bottlenecks of every image as the network gives them, and as trifuse uses them."""
    encoder = BlockEncoder(FeatureExtractor(recipe, build_embedder(recipe, table.paths)))
    pairs = map_images(partial(_embed, encoder), table.paths, "embedding", jobs)
    raw, normalised = map(np.stack, zip(*pairs, strict=True))
    return {"raw": raw, "normalised": normalised}


def _embed(encoder: BlockEncoder, path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    features = encoder.extractor.extract(read_image(path))
    return features.cnn[CnnCells.name].embedding, encoder.encode_features(features)[CnnCells.name]


def with_member(recipe: Recipe, member: str) -> Recipe:
    """Give the recipe with one member."""
    members = EnsembleOptions((member,), recipe.ensemble.folds)  # type: ignore[arg-type]
    return replace(recipe, ensemble=members)


def score(
    block: NDArray[np.float32], table: LabelledTable, folds: list[Split], recipe: Recipe
) -> MethodScores:
    """Score every image by an ensemble that has not seen its lesion."""
    labels, n_classes = table.label_indices, len(table.classes)
    probabilities = np.zeros((len(table), n_classes))
    balanced = np.zeros_like(probabilities)
    for training, test in folds:
        part = table.subset(training)
        inner = grouped_stratified_folds(
            part.labels, part.groups, recipe.ensemble.folds, recipe.random_state
        )
        ensemble, _ = fit_ensemble(
            {CnnCells.name: block[training]}, labels[training], inner, n_classes, recipe
        )
        probabilities[test] = ensemble.probabilities({CnnCells.name: block[test]})
        balanced[test] = balance(probabilities[test], ensemble.prior)
    return MethodScores(probabilities[None], balanced[None], block.shape[1], np.nan)


def sweep(
    bottlenecks: Bottlenecks, table: LabelledTable, folds: list[Split], recipe: Recipe
) -> Iterator[list[str]]:
    """Give a row of the second table for each kind of bottleneck and each choice."""
    options = recipe.members["softmax"]
    choices = [(factor, 1.0) for factor in STEPS] + [(1, rate) for rate in RATES if rate != 1]
    for kind, block in bottlenecks.items():
        for factor, rate in choices:
            chosen = SoftmaxOptions(
                round(factor * options.steps), options.batch, rate * options.learning_rate
            )
            figures = fit_and_measure(block, table, folds, chosen)
            yield [
                kind,
                f"{chosen.steps:,}",
                f"{chosen.learning_rate:g}",
                *(f"{value:.3f}" for value in figures),
            ]


def fit_and_measure(
    block: NDArray[np.float32], table: LabelledTable, folds: list[Split], options: SoftmaxOptions
) -> tuple[float, float, float]:
    """Give the mean log loss in training, and the log loss and accuracy of held-out images."""
    labels, n_classes = table.label_indices, len(table.classes)
    held_out, losses = np.zeros((len(table), n_classes)), []
    for training, test in folds:
        layer = fit_softmax_layer(block[training], labels[training], n_classes, options)
        fitted = softmax(layer.scores(block[training]))
        losses.append(log_loss(labels[training], fitted, labels=range(n_classes)))
        held_out[test] = softmax(layer.scores(block[test]))
    right = held_out.argmax(axis=1) == labels
    return (
        float(np.mean(losses)),
        float(log_loss(labels, held_out, labels=range(n_classes))),
        float(right.mean()),
    )


if __name__ == "__main__":
    main()
