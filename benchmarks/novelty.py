"""Novelty on what is hard: lesions of a class that training lacked, and other cameras.

Each class is left out in turn: members and novelty are fitted on four fifths of the lesions of the
other classes, and scores are to tell the images of the class that was left out from those of the
last fifth. Then a model of all classes judges images as they are, changed as other cameras would
(colour casts, gamma, blur, JPEG, hairs, a ruler), and pictures that are no lesions. Beside
trifuse's own novelty stand scores that cost less than half a millisecond an image:

- 1 - p, entropy: of the ensemble's probabilities;
- energy: minus the log of the summed exponentials of a member's calibrated scores [1]_;
- disagreement: the entropy of the ensemble less the members' mean entropy [2]_;
- neighbours: the distance to the k-th nearest of 1,000 training images [3]_;
- Mahalanobis: the distance to the nearest class mean, also less that to the mean of all [4]_;

the last two in the components of the network's embeddings (of all blocks where there is none).

    python benchmarks/novelty.py HAM10000/ --jobs 2

References
----------
.. [1] W. Liu et al., "Energy-based out-of-distribution detection", NeurIPS 2020.
.. [2] B. Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
   ensembles", NeurIPS 2017.
.. [3] Y. Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022.
.. [4] K. Lee et al., NeurIPS 2018; J. Ren et al., "A simple fix to Mahalanobis distance for
   improving near-OOD detection", 2021.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from cameras import CHANGES
from numpy.typing import NDArray
from review import non_lesions, select
from scipy.spatial.distance import cdist
from scipy.stats import entropy

from trifuse.classifiers.bootstrap import Estimate, estimate_figures
from trifuse.classifiers.components import Projected
from trifuse.classifiers.ensemble import Ensemble
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.novelty import Novelty, fit_novelty
from trifuse.classifiers.ranked_images import RankedImages
from trifuse.classifiers.text_tables import markdown_table
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import BlockEncoder, Blocks, stack_blocks
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe
from trifuse.training.encoding import build_extractor, encode_archive
from trifuse.training.parallel import map_images

Scores = dict[str, NDArray[np.float64]]
EMBEDDINGS = ("cnn", "cnn_crop")
NEIGHBOURS = (1, 5, 10)
DRAWN = 1000
"""Training images among which neighbours are sought."""
ALARMS = 0.02
"""Share of familiar images that a threshold lets be called unfamiliar."""


@dataclass(frozen=True)
class Judge:
    """A fitted ensemble and what scores of novelty need beside it.

    Attributes
    ----------
    ensemble : Ensemble
    novelty : Novelty
    features : ndarray of float64, shape (n_training, dim)
    labels : ndarray of int, shape (n_training,)
    """

    ensemble: Ensemble
    novelty: Novelty
    features: NDArray[np.float64]
    labels: NDArray[np.intp]

    @classmethod
    def fit(cls, blocks: Blocks, table: LabelledTable, recipe: Recipe) -> Judge:
        """Fit everything on an archive, thresholds and calibrations on inner folds."""
        labels = table.label_indices
        inner = grouped_stratified_folds(table.labels, table.groups, 2, 0)
        ensemble, out_of_fold = fit_ensemble(
            blocks, labels, inner, len(table.classes), recipe, with_residuals=True
        )
        novelty, _ = fit_novelty(out_of_fold.residuals, recipe)
        features = find_features(ensemble.project(blocks), recipe.review.components)
        return cls(ensemble, novelty, features, labels)

    def score(self, blocks: Blocks) -> Scores:
        """Give every score of some images, the higher the stranger."""
        images = self.ensemble.project(blocks)
        members = np.stack(list(self.ensemble.member_probabilities(images).values()))
        probabilities = self.ensemble.judge(images)
        whole = np.asarray(entropy(members.mean(axis=0), axis=1))
        scores: Scores = {
            "novelty": self.novelty.scores(images),
            "1 - p": 1 - probabilities.max(axis=1),
            "entropy": np.asarray(entropy(probabilities, axis=1)),
            "disagreement": whole - np.asarray(entropy(members, axis=2)).mean(axis=0),
        }
        for name, calibration in self.ensemble.calibrations.items():
            own = self.ensemble._scores(name, images) / calibration.temperature
            scores[f"energy of {name}"] = -np.logaddexp.reduce(own + calibration.biases, axis=1)
        return scores | self._distances(find_features(images, self.novelty.n_components))

    def _distances(self, features: NDArray[np.float64]) -> Scores:
        n_drawn = min(DRAWN, len(self.features))
        drawn = np.random.default_rng(0).choice(len(self.features), n_drawn, replace=False)
        near = np.sort(cdist(features, self.features[drawn]), axis=1)
        means = np.array([self.features[self.labels == c].mean(0) for c in np.unique(self.labels)])
        _, places = np.unique(self.labels, return_inverse=True)
        within = find_precision(self.features - means[places])
        centre = self.features.mean(axis=0)
        nearest = cdist(features, means, "mahalanobis", VI=within).min(axis=1) ** 2
        of_all = cdist(
            features, centre[None], "mahalanobis", VI=find_precision(self.features - centre)
        )
        return {
            **{f"neighbour {k}": near[:, k - 1] for k in NEIGHBOURS},
            "Mahalanobis": nearest,
            "relative Mahalanobis": nearest - of_all[:, 0] ** 2,
        }


def find_features(images: Projected, n_components: int) -> NDArray[np.float64]:
    """Give the leading components of the embeddings, or of all blocks where there are none."""
    components = images.components
    names = [name for name in EMBEDDINGS if name in components] or list(components)
    return np.hstack([components[name][:, :n_components] for name in names]).astype(np.float64)


def find_precision(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert a covariance, whose diagonal is raised a little."""
    covariance = np.cov(centred.T)
    raised = 1e-6 * np.trace(covariance) / len(covariance)
    return np.asarray(np.linalg.inv(covariance + raised * np.eye(len(covariance))))


def find_area(scores: NDArray[np.float64], strange: NDArray[np.bool_], groups: NDArray[np.intp],
              resamples: int) -> Estimate:  # fmt: skip
    """Estimate the chance that a strange image scores above a familiar one."""
    ranked = RankedImages(scores, strange, groups)

    def area(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {"roc_auc": ranked.figures(weights)["roc_auc"]}

    return estimate_figures(area, groups, resamples)["roc_auc"]


def leave_out(
    name: str, blocks: Blocks, table: LabelledTable, recipe: Recipe
) -> tuple[Scores, NDArray[np.bool_], NDArray[np.intp]]:
    """Score the images of a class that was left out, and held-out ones of the others.

    Returns
    -------
    scores : dict of str to ndarray of float64, shape (n,)
    strange : ndarray of bool, shape (n,)
        Those of the class.
    groups : ndarray of int, shape (n,)
    """
    of_class = np.array([label == name for label in table.labels])
    rest = np.flatnonzero(~of_class)
    known = replace(table.subset(rest), classes=tuple(one for one in table.classes if one != name))
    training, held_out = grouped_stratified_folds(known.labels, known.groups, 5, 0)[0]
    judge = Judge.fit(select(blocks, rest[training]), known.subset(training), recipe)
    rows = np.concatenate([rest[held_out], np.flatnonzero(of_class)])
    return judge.score(select(blocks, rows)), of_class[rows], table.group_indices[rows]


def change_and_encode(encoder: BlockEncoder, path: str) -> list[dict[str, NDArray[np.float32]]]:
    """Encode an image as it is, and changed in each way."""
    image = read_image(path)
    changed = [image, *(np.ascontiguousarray(change(image)) for change in CHANGES.values())]
    return [encoder.encode(one) for one in changed]


def print_left_out(blocks: Blocks, table: LabelledTable, recipe: Recipe, resamples: int) -> None:
    """Print for each class that is left out how well each score tells it: a row a score."""
    areas: dict[str, list[str]] = {}
    means: dict[str, list[tuple[float, float]]] = {}
    for name in table.classes:
        scores, strange, groups = leave_out(name, blocks, table, recipe)
        for kind, own in scores.items():
            area = find_area(own, strange, groups, resamples)
            found = float(np.mean(own[strange] > np.quantile(own[~strange], 1 - ALARMS)))
            areas.setdefault(kind, []).append(area.to_text())
            means.setdefault(kind, []).append((area.value, found))
    rows = [
        (kind, *cells, f"{np.mean(means[kind], axis=0)[0]:.3f}",
         f"{100 * np.mean(means[kind], axis=0)[1]:.1f} %")
        for kind, cells in areas.items()
    ]  # fmt: skip
    header = ("AUROC", *table.classes, "mean", f"found at {100 * ALARMS:.0f} % alarms")
    print(markdown_table(header, rows))


def print_cameras(
    encoder: BlockEncoder, blocks: Blocks, table: LabelledTable, recipe: Recipe,
    arguments: argparse.Namespace,
) -> None:  # fmt: skip
    """Print how well each score tells changed images, and pictures that are no lesions."""
    groups, first = np.unique(table.group_indices, return_index=True)
    drawn = np.random.default_rng(1).permutation(len(groups))[: arguments.changed]
    training = np.flatnonzero(~np.isin(table.group_indices, groups[drawn]))
    judge = Judge.fit(select(blocks, training), table.subset(training), recipe)
    rows, jobs = first[drawn], arguments.jobs
    paths = [str(table.paths[row]) for row in rows]
    encode = partial(change_and_encode, encoder)
    encoded = list(map_images(encode, paths, "encoding changed images", jobs))
    _, pictures = zip(*non_lesions(arguments.others), strict=True)
    strangers = map_images(encoder.encode, pictures, "encoding other pictures", jobs)
    sets = {
        name: stack_blocks((one[place] for one in encoded), len(rows))
        for place, name in enumerate(("none", *CHANGES))
    }
    sets["no lesions"] = stack_blocks(strangers, len(pictures))
    plain = judge.score(sets["none"])
    cells: dict[str, list[str]] = {name: [] for name in plain}
    notes = []
    for name, found in sets.items():
        scores = judge.score(found)
        first_class = judge.ensemble.probabilities(found).argmax(axis=1)
        right = "-"
        if name != "no lesions":
            right = f"{100 * np.mean(first_class == table.label_indices[rows]):.1f} %"
        flagged = np.mean(scores["novelty"] > judge.novelty.threshold)
        notes.append((name, right, f"{100 * flagged:.1f} %"))
        strange = np.repeat([False, True], [len(rows), len(scores["novelty"])])
        for kind, own in scores.items():
            both = np.concatenate([plain[kind], own])
            area = find_area(both, strange, np.arange(len(both)), 2)
            cells[kind].append(f"{area.value:.3f}")
    print("", markdown_table(("change", "accuracy", "unfamiliar"), notes), sep="\n")
    print("", markdown_table(("AUROC", *sets), [(k, *own) for k, own in cells.items()]), sep="\n")


def main() -> None:
    """Run both studies and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--changed", type=int, default=300, help="images that are changed")
    parser.add_argument("--others", type=int, default=4, help="pictures of a kind that is none")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    table, recipe = load_dataset(arguments.data), Recipe.load(arguments.recipe)
    extractor = build_extractor(recipe, table.paths)
    encoder, blocks = encode_archive(table.paths, extractor, arguments.jobs)
    print_left_out(blocks, table, recipe, arguments.resamples)
    print_cameras(encoder, blocks, table, recipe, arguments)


if __name__ == "__main__":
    main()
