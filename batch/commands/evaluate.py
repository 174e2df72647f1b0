"""``trifuse evaluate``."""

from __future__ import annotations

import json

import click

from trifuse.batch.commands.options import json_option


@click.command("evaluate")
@click.argument("predictions", type=click.Path())
@click.argument("truth", type=click.Path())
@json_option()
def command(predictions: str, truth: str, as_json: bool) -> None:
    """Measure predictions against the truth.

    PREDICTIONS is what `trifuse predict` wrote, in any of its formats. TRUTH is HAM10000's
    metadata, the ISIC challenge's one-hot CSV (image,MEL,NV,BCC,AKIEC,BKL,DF,VASC), or a CSV with
    the columns path and label. All metrics need the probabilities of all classes: run
    `trifuse predict --probabilities`.

    \b
    trifuse evaluate predictions.csv HAM10000_metadata.csv
    """
    from trifuse.datasets.truth import read_truth, read_truth_groups
    from trifuse.studies.evaluation import evaluate_predictions

    evaluation = evaluate_predictions(predictions, read_truth(truth), read_truth_groups(truth))
    text = json.dumps(evaluation.to_dict(), allow_nan=False) if as_json else evaluation.to_text()
    click.echo(text)
