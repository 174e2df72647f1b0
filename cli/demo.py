"""``trifuse demo``: the whole job on a small generated archive."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path

import click

from trifuse.cli.shared_options import jobs_option

ROWS_SHOWN = 5
NOTE_FILE = "demo.txt"
NOTE = "This folder was made by `trifuse demo`, which replaces it when it is run again.\n"
"""By this file a demo knows its own folder again."""


@click.command("demo")
@click.option("-o", "--output", default="demo", show_default=True, metavar="FOLDER",
              help="Where the archive, the model and the predictions are written.")  # fmt: skip
@jobs_option
def command(output: str, jobs: int) -> None:
    """Do the whole job on a small synthetic archive: generate, train, score, evaluate.

    The pictures are drawn by a program; they show that trifuse works, not how well it does on
    real images.

    \b
    trifuse demo
    """
    from trifuse.batch.inputs.items import InputOptions
    from trifuse.batch.job import run_prediction
    from trifuse.batch.job_options import PredictionOptions
    from trifuse.classifiers.member import require_members
    from trifuse.datasets.synthetic import write_synthetic_archive
    from trifuse.datasets.truth import read_truth
    from trifuse.studies.evaluation.evaluate import evaluate_predictions
    from trifuse.training.train import TrainingOptions, run_training

    require_members()
    root = _claim(Path(output))
    click.echo(f"Drawing synthetic pictures of seven kinds into {root}/ …")
    write_synthetic_archive(root / "train", images_per_class=24, seed=0)
    write_synthetic_archive(root / "test", images_per_class=6, seed=1)

    model = str(root / "demo.trifuse")
    click.echo(f"\ntrifuse train {root}/train -o {model} --recipe fast")
    options = TrainingOptions(str(root / "train"), model, "fast", jobs=jobs, overwrite=True)
    click.echo(run_training(options, click.echo).metrics)

    predictions = root / "predictions.csv"
    click.echo(f"\ntrifuse predict {root}/test -m {model} -o {predictions} --probabilities")
    scoring = PredictionOptions(
        model,
        str(predictions),
        InputOptions((str(root / "test" / "images"),)),
        jobs,
        probabilities=True,
        overwrite=True,
    )
    outcome = run_prediction(scoring, io.BytesIO(), click.echo)
    click.echo(f"{outcome.images} images scored. The first rows of {predictions}:\n")
    with predictions.open(encoding="utf-8", newline="") as file:
        for cells in islice(csv.reader(file), ROWS_SHOWN + 1):
            click.echo(",".join(cells[:8]))

    truth = next((root / "test").glob("*.csv"))
    click.echo(f"\ntrifuse evaluate {predictions} {truth}")
    click.echo(evaluate_predictions(predictions, *read_truth(truth)).to_text())


def _claim(folder: Path) -> Path:
    """Make the demo's folder, or take one that is empty or its own; nothing else is replaced."""
    from trifuse.classifiers.output import OutputError, make_folder

    note = make_folder(folder) / NOTE_FILE
    entries = list(folder.iterdir())
    is_own = note in entries and note.is_file() and note.read_bytes() == NOTE.encode()
    if entries and (not is_own or any(entry.is_symlink() for entry in entries)):
        msg = f"{folder} is neither empty nor the folder of a demo; name another by -o."
        raise OutputError(msg)
    note.write_text(NOTE, encoding="utf-8")
    return folder
