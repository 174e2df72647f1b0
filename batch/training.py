"""The training job: a labelled archive becomes a model file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from trifuse.batch.workers.process_mapper import ProcessMapper
from trifuse.classifiers.card import render_metrics
from trifuse.classifiers.metrics import compute_metrics
from trifuse.classifiers.model_file import Training, save_model
from trifuse.classifiers.output import check_output
from trifuse.classifiers.training import train_model
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.recipes.recipe import load_recipe


def run_training(
    data: str,
    output: str,
    recipe_name: str,
    jobs: int,
    overwrite: bool,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Train on an archive and write the model file.

    Parameters
    ----------
    data : str
        What `trifuse.datasets.load.load_dataset` reads.
    output : str
        Path of the model file.
    recipe_name : str
        A preset or a TOML file.
    jobs : int
        Processes that take features from images.
    overwrite : bool
        Replace an existing model.
    say : callable
        Told what happens, line by line.

    Returns
    -------
    str
        The out-of-fold metrics as a table.

    Raises
    ------
    OutputError, DatasetError, RecipeError, BackboneError, ImageError, ClassNamesError,
    CodebookError, WorkerError
        Each with the sentence that says what to do.
    """
    path = Path(output)
    check_output(path, overwrite)
    recipe = load_recipe(recipe_name)
    table = load_dataset(data)
    labels, groups = table.label_indices, table.groups
    folds = grouped_stratified_folds(
        table.labels, groups, recipe.ensemble.folds, recipe.random_state
    )
    model, out_of_fold = train_model(
        table.paths, labels, table.classes, folds, recipe, ProcessMapper(jobs), say
    )
    metrics = {
        name: compute_metrics(probabilities, labels, table.classes).to_dict()
        for name, probabilities in out_of_fold.probabilities.items()
    }
    training = Training(
        images=len(table),
        groups=len(set(groups)),
        fingerprint=fingerprint(table),
        class_counts={name: table.labels.count(name) for name in table.classes},
        metrics=metrics,
    )
    save_model(path, model, training)
    return render_metrics(metrics)


def fingerprint(table: LabelledTable) -> str:
    """SHA-256 over each image's content, label and group, whatever the order of the rows.

    Names and folders of the files do not count: they may hold a patient's data.
    """
    rows = []
    for path, label, group in zip(table.paths, table.labels, table.groups, strict=True):
        content = hashlib.sha256(path.read_bytes()).digest()
        rows.append(content + repr((label, group)).encode())
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()
