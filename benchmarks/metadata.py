"""What mixing classes in the pool is worth, and what is known beside the image: age, sex, site.

From predictions out of fold of a model that was trained without ``--metadata``, and the truth with
the columns. What the model says is pooled anew, with one weight and biases alone (the row
"biases"), with mixing, and with mixing and metadata, each by other folds of the lesions; where
there are metadata, for images of which all, one column alone, or nothing is known.

    trifuse train HAM10000/ -o ham.trifuse --out-of-fold oof.csv
    python benchmarks/metadata.py oof.csv HAM10000_metadata.csv --columns age,sex,localization
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    Figures,
    estimate_figures,
    mean_of_known,
    number_groups,
)
from trifuse.classifiers.calibration import fit_calibration
from trifuse.classifiers.metadata import encode_metadata, learn_column
from trifuse.classifiers.opinion_pool import fit_pool
from trifuse.classifiers.prior import shift_prior
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.truth import read_truth
from trifuse.studies.evaluation.groups import find_cells
from trifuse.studies.evaluation.matched import MatchedImages, match_predictions

TITLES = {
    "log_loss": "log loss", "bma": "BMA", "balanced": "BMA, balanced prior",
    "accuracy": "accuracy", "macro_auc": "macro AUC",
}  # fmt: skip
BASELINE = "biases"


def pool_out_of_fold(
    images: MatchedImages, metadata: list[NDArray[np.float64]], names: list[str], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Give the probabilities of each way to pool, (n_images, n_classes) each."""
    labels, groups = images.labels, number_groups(images.lesions)
    members = {"model": images.probabilities}
    given = {"mixing and all that is known": metadata}
    for place, name in enumerate(names):
        alone = [part * (number == place) for number, part in enumerate(metadata)]
        given[f"mixing and {name} alone"] = alone
    given["the same pool, nothing known"] = [part * 0 for part in metadata]
    found = {way: np.zeros_like(images.probabilities) for way in (BASELINE, "mixing", *given)}
    for training, test in grouped_stratified_folds(labels.astype(str), groups.astype(str), 5, seed):
        known = {name: values[training] for name, values in members.items()}
        told = {name: values[test] for name, values in members.items()}
        logs = np.log(np.maximum(images.probabilities, 1e-15))
        biased = fit_calibration(logs[training], labels[training])
        found[BASELINE][test] = biased.probabilities(logs[test])
        nothing = [np.zeros((len(training), 0))]  # one member alone would be taken as it is
        found["mixing"][test] = fit_pool(known, labels[training], nothing).combine(told)
        pool = fit_pool(known, labels[training], [part[training] for part in metadata])
        for way, parts in given.items():
            found[way][test] = pool.combine(told, np.hstack([part[test] for part in parts]))
    return found


def measure(found: dict[str, NDArray[np.float64]], images: MatchedImages) -> list[tuple[str, ...]]:
    """Give the rows of the table: the baseline's figures, and differences from them."""
    labels, classes = images.labels, images.table.classes
    prior = np.bincount(labels, minlength=len(classes)) / len(labels)
    even = np.full(len(classes), 1 / len(classes))
    scored = {way: ScoredImages(values, labels, classes) for way, values in found.items()}
    shifted = {
        way: ScoredImages(shift_prior(values, prior, even), labels, classes)
        for way, values in found.items()
    }

    def figures(weights: NDArray[np.float64]) -> Figures:
        each = {
            way: {
                "log_loss": one.log_loss(weights),
                "bma": mean_of_known(one.recall(weights)),
                "balanced": mean_of_known(shifted[way].recall(weights)),
                "accuracy": one.top_k(weights, 1),
                "macro_auc": mean_of_known(one.auc(weights)),
            }
            for way, one in scored.items()
        }
        return {
            f"{way} {name}": value if way == BASELINE else value - each[BASELINE][name]
            for way, values in each.items()
            for name, value in values.items()
        }

    estimates = estimate_figures(figures, number_groups(images.lesions))
    return [
        (way, *(estimates[f"{way} {name}"].to_text("" if way == BASELINE else "+")
                for name in TITLES))
        for way in found
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictions")
    parser.add_argument("truth")
    parser.add_argument("--columns", default="age,sex,localization")
    parser.add_argument("--seed", type=int, default=1, help="of the folds of the pools")
    options = parser.parse_args()
    images = match_predictions(options.predictions, *read_truth(options.truth))
    names, cells = options.columns.split(","), find_cells(images, Path(options.truth))
    columns = [learn_column(name, cells[name]) for name in names]
    metadata = encode_metadata(columns, cells, len(images.labels))
    found = pool_out_of_fold(images, metadata, names, options.seed)
    print(markdown_table(("pool", *TITLES.values()), measure(found, images)))


if __name__ == "__main__":
    main()
