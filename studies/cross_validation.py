"""Cross-validation of a recipe: each block alone, the members, and the ensemble."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import fit_calibration
from trifuse.classifiers.ensemble import (
    Folds,
    fit_ensemble,
    fit_svm_member,
)
from trifuse.classifiers.metrics import compute_metrics, mean_interval
from trifuse.classifiers.prior import shift_prior
from trifuse.classifiers.tables import markdown_table
from trifuse.classifiers.training import Mapper, build_embedder, draw_samples, plain_map
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import BlockEncoder, Blocks, stack_blocks
from trifuse.encoders.extraction import FeatureExtractor
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe

FIGURES = {
    "balanced_bma": "BMA, balanced prior",
    "bma": "BMA",
    "accuracy": "accuracy",
    "top_3_accuracy": "top-3 accuracy",
    "macro_auc": "macro AUC",
    "ece": "ECE",
}


@dataclass(frozen=True)
class CrossValidation:
    """The figures of each method in each fold.

    Attributes
    ----------
    figures : dict of str to list of dict
        Method to the fields of one `Metrics` and its ``balanced_bma`` a fold.
    """

    figures: dict[str, list[dict[str, float]]]

    def to_markdown(self) -> str:
        """Write mean and 95 % interval (Student's t over the folds) of every figure."""
        rows = []
        for method, folds in self.figures.items():
            cells = [method]
            for key in FIGURES:
                mean, low, high = mean_interval([fold[key] for fold in folds])
                cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]")
            rows.append(cells)
        return markdown_table(("method", *FIGURES.values()), rows)

    def write_csv(self, path: Path) -> None:
        """Write a row a method and fold."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("method", "fold", *FIGURES))
            for method, folds in self.figures.items():
                for number, fold in enumerate(folds):
                    writer.writerow((method, number, *(fold[key] for key in FIGURES)))


def cross_validate(
    table: LabelledTable, recipe: Recipe, n_folds: int = 5, mapper: Mapper = plain_map
) -> CrossValidation:
    """Cross-validate a recipe on an archive, keeping groups together.

    Everything is fitted anew in each fold, on its training part alone: codebooks, PCA, members,
    calibrations and weights, the last two on inner folds. Each block alone is a calibrated linear
    SVM. Every method is measured under the training part's class shares, and its BMA also under
    balanced ones: the prior at which the most probable class is the best answer for the BMA.

    Parameters
    ----------
    table : LabelledTable
    recipe : Recipe
    n_folds : int
    mapper : Mapper
    """
    folds = grouped_stratified_folds(table.labels, table.groups, n_folds, recipe.random_state)
    parts = [(table.subset(training), table.subset(test)) for training, test in folds]
    inner_folds = [  # all of them before the long work: a class may be too small for one
        grouped_stratified_folds(
            part.labels, part.groups, recipe.ensemble.folds, recipe.random_state
        )
        for part, _ in parts
    ]
    extractor = FeatureExtractor(recipe, build_embedder(recipe))
    samples = draw_samples(table.paths, extractor, mapper)
    encoders = [
        BlockEncoder.fit(extractor, [samples[row] for row in training if row in samples])
        for training, _ in folds
    ]
    # An image's features are the same in every fold; only the codebooks differ.
    encoded = list(mapper(partial(_encode_by_all, encoders), table.paths, "encoding images"))
    figures: dict[str, list[dict[str, float]]] = {}
    for number, (training, test) in enumerate(folds):
        blocks = stack_blocks([by_fold[number] for by_fold in encoded])
        outputs = _score(
            _rows(blocks, training),
            parts[number][0].label_indices,
            _rows(blocks, test),
            inner_folds[number],
            len(table.classes),
            recipe,
        )
        for method, probabilities in outputs.items():
            figures.setdefault(method, []).append(_measure(probabilities, *parts[number]))
    return CrossValidation(figures)


def _encode_by_all(encoders: Sequence[BlockEncoder], path: Path) -> list[Blocks]:
    """Encode one image with the codebooks of every fold."""
    features = encoders[0].extractor.extract(read_image(path))
    return [encoder.encode_features(features) for encoder in encoders]


def _measure(
    probabilities: NDArray[np.float64], training: LabelledTable, test: LabelledTable
) -> dict[str, float]:
    """Measure one method in one fold."""
    labels, classes = test.label_indices, test.classes
    prior = np.bincount(training.label_indices, minlength=len(classes)) / len(training)
    balanced = shift_prior(probabilities, prior, np.full(len(classes), 1 / len(classes)))
    figures = asdict(compute_metrics(probabilities, labels, classes))
    return {**figures, "balanced_bma": compute_metrics(balanced, labels, classes).bma}


def _rows(blocks: Blocks, rows: NDArray[np.intp]) -> Blocks:
    return {name: block[rows] for name, block in blocks.items()}


def _score(
    training: Blocks,
    labels: NDArray[np.intp],
    test: Blocks,
    inner: Folds,
    n_classes: int,
    recipe: Recipe,
) -> dict[str, NDArray[np.float64]]:
    """Train every method on the training part and score the test part."""
    outputs = {}
    for name in recipe.block_weights:
        svm, held_out = fit_svm_member(training[name], labels, inner, n_classes, recipe)
        calibration = fit_calibration(held_out, labels)
        outputs[name] = calibration.probabilities(svm.scores(test[name]))
    ensemble, _ = fit_ensemble(training, labels, inner, n_classes, recipe)
    for name, probabilities in ensemble.member_probabilities(test).items():
        outputs[f"fused, {name}"] = probabilities
    outputs["fused, ensemble"] = ensemble.probabilities(test)
    return outputs
