"""``trifuse evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trifuse.cli.say import say, show
from trifuse.cli.shared_options import columns_options, json_option

if TYPE_CHECKING:
    from trifuse.datasets.csv_table import Columns
    from trifuse.studies.decided import DecidedEvaluation
    from trifuse.studies.evaluation import Evaluation


@click.command("evaluate")
@click.argument("predictions", type=click.Path())
@click.argument("truth", type=click.Path())
@columns_options
@json_option
def command(predictions: str, truth: str, columns: Columns, as_json: bool) -> None:
    """Measure predictions against the truth.

    PREDICTIONS is what `trifuse predict` wrote, in any of its formats. TRUTH is HAM10000's
    metadata, the ISIC challenge's one-hot CSV (image,MEL,NV,BCC,AKIEC,BKL,DF,VASC), a CSV with the
    columns path and label, or what a reader decided: the corrections.csv of `trifuse report`. All
    metrics need the probabilities of all classes: run `trifuse predict --probabilities`. Every
    metric has its 95 % interval, by bootstrap over lesions. Images that the model was trained on
    are measured apart.

    \b
    trifuse evaluate predictions.csv HAM10000_metadata.csv
    trifuse evaluate predictions.csv corrections.csv
    """
    from trifuse.batch.outputs.reopen import read_manifest

    evaluation = _evaluate(predictions, truth, columns)
    warning, manifest = evaluation.warning, read_manifest(Path(predictions))
    if not evaluation.marks_training and (known := manifest.get("training_images")):
        warning = (
            f"the model was trained on {known} of the images in {predictions}, whose format does "
            "not say on which: the figures are too good; predict with another --format"
        )
    found = {**evaluation.to_dict(), "warning": warning}
    show(json.dumps(found, allow_nan=False) if as_json else evaluation.to_text())
    if warning:
        say(f"warning: {warning}.")


def _evaluate(predictions: str, truth: str, columns: Columns) -> Evaluation | DecidedEvaluation:
    from trifuse.datasets.corrections import has_corrections, read_corrections
    from trifuse.datasets.csv_table import NO_COLUMNS
    from trifuse.datasets.truth import read_truth
    from trifuse.studies.decided import evaluate_decided
    from trifuse.studies.evaluation import evaluate_predictions

    if columns == NO_COLUMNS and has_corrections(Path(truth)):
        return evaluate_decided(predictions, read_corrections([Path(truth)]))
    return evaluate_predictions(predictions, *read_truth(truth, columns))
