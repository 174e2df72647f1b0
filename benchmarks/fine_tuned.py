"""What fine-tuned networks add to the frozen fusion, on lesions that nothing has seen.

python benchmarks/fine_tuned.py HAM10000/ --work FOLDER

A fifth of the lesions is held out. On the others networks are fine-tuned (some lesions are set
aside from each), and the blocks of the recipe are fused; then the same fusion is fitted once more
with the networks as one more member. Whatever is finished stays in the folder, so that a run that
was killed goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.batch.workers.process_mapper import ProcessMapper
from trifuse.classifiers.ensemble import NETWORK, Ensemble, fit_ensemble
from trifuse.classifiers.prior import balance
from trifuse.classifiers.training import score_by_networks
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.blocks import Blocks
from trifuse.features.content import file_sha256
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import digest
from trifuse.studies.comparison.report import write_report
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.finetuning.finetune import fine_tune, open_folder

BASELINE = "frozen, ensemble"


def main() -> None:
    """Write the comparison of both fusions, on the held-out lesions, into the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--work", required=True, type=Path, help="folder of all that is made")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--finetuning", default="default", help="the recipe of fine-tuning")
    parser.add_argument("--networks", type=int, default=1, help="fine-tuned, a seed each")
    parser.add_argument("--folds", type=int, default=5, help="of which one is held out")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    table, recipe = load_dataset(arguments.data), Recipe.load(arguments.recipe)
    folds = grouped_stratified_folds(
        table.labels, table.groups, arguments.folds, recipe.random_state
    )
    training, test = folds[0]
    part = table.subset(training)
    arguments.work.mkdir(exist_ok=True)

    finetuning = FinetuningRecipe.load(arguments.finetuning)
    networks = [
        fine_tune(
            part,
            replace(finetuning, random_state=finetuning.random_state + number),
            open_folder(arguments.work / f"tuned-{number}", overwrite=False),
            partial(print, flush=True),
        )
        for number in range(arguments.networks)
    ]
    mapper = ProcessMapper(arguments.jobs)
    images = [file_sha256(path) for path in table.paths]
    groups = np.array(table.groups)
    seen = np.stack([network.has_seen(images, table.groups) for network in networks])
    assert not np.isin(groups[test], groups[seen.any(axis=0)]).any()
    classifiers = [network.classifier for network in networks]
    logits = score_by_networks(table.paths, classifiers, seen, mapper)
    (frozen,) = BlockCache(arguments.work / "cache", table, mapper).encode(recipe, [training])

    inner = grouped_stratified_folds(
        part.labels, part.groups, recipe.ensemble.folds, recipe.random_state
    )
    methods = {}
    for name, blocks in (("frozen", {**frozen}), ("tuned", {**frozen, NETWORK: logits})):
        ensemble, out_of_fold = fit_ensemble(
            rows(blocks, training), part.label_indices, inner, len(table.classes), recipe
        )
        weights = ", ".join(f"{key} {w:.2f}" for key, w in ensemble.member_weights.items())
        print(f"{name}: {len(out_of_fold.rows)} images weight the members: {weights}")
        found = score(name, ensemble, rows(blocks, test))
        methods |= {
            method: scores
            for method, scores in found.items()
            if name == "frozen" or method in {f"tuned, {NETWORK}", "tuned, ensemble"}
        }
    scores = ComparisonScores(
        table.classes,
        table.label_indices[test],
        table.group_indices[test],
        methods,
        arguments.folds,
        digest([network.about.fingerprint for network in networks]),
    )
    write_report(arguments.work, scores, {}, {}, BASELINE)
    print((arguments.work / "comparison.md").read_text("utf-8"))


def score(name: str, ensemble: Ensemble, blocks: Blocks) -> dict[str, MethodScores]:
    """Score the held-out images by each member and by their average."""
    members = ensemble.member_probabilities(blocks)
    outputs = {f"{name}, {member}": members[member] for member in members}
    outputs[f"{name}, ensemble"] = ensemble.probabilities(blocks)
    dimensions = sum(block.shape[1] for block in blocks.values())
    return {
        method: MethodScores(
            probabilities[None],
            balance(probabilities, ensemble.prior)[None],
            dimensions,
            np.nan,
        )
        for method, probabilities in outputs.items()
    }


def rows(blocks: Blocks, chosen: NDArray[Any]) -> Blocks:
    """Take the rows of some images."""
    return {name: block[chosen] for name, block in blocks.items()}


if __name__ == "__main__":
    main()
