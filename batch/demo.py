"""The demo: the whole job on a small generated archive."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.options import PredictionOptions
from trifuse.batch.prediction import run_prediction
from trifuse.batch.training import TrainingOptions, run_training
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.datasets.truth import read_truth, read_truth_groups
from trifuse.studies.evaluation import evaluate_predictions

ROWS_SHOWN = 5


def run_demo(folder: str, jobs: int, say: Callable[[str], None]) -> None:
    """Generate two archives, train on one, score the other, and show and evaluate the CSV.

    Parameters
    ----------
    folder : str
        Gets the archives, `demo.trifuse` and `predictions.csv`; a demo already there is replaced.
    jobs : int
    say : callable
        Told what happens, line by line.
    """
    root = Path(folder)
    say(f"Drawing synthetic pictures of seven kinds into {root}/ …")
    write_synthetic_archive(root / "train", images_per_class=24, seed=0)
    write_synthetic_archive(root / "test", images_per_class=6, seed=1)

    model = str(root / "demo.trifuse")
    say(f"\ntrifuse train {root}/train -o {model} --recipe fast")
    options = TrainingOptions(str(root / "train"), model, "fast", jobs=jobs, overwrite=True)
    say(run_training(options, say))

    output = root / "predictions.csv"
    say(f"\ntrifuse predict {root}/test -m {model} -o {output} --probabilities")
    scoring = PredictionOptions(
        model,
        str(output),
        InputOptions((str(root / "test" / "images"),)),
        jobs,
        probabilities=True,
        overwrite=True,
    )
    outcome = run_prediction(scoring, io.BytesIO(), say)
    say(f"{outcome.images} images scored. The first rows of {output}:\n")
    with output.open(encoding="utf-8", newline="") as file:
        for cells in islice(csv.reader(file), ROWS_SHOWN + 1):
            say(",".join(cells[:8]))

    truth = next((root / "test").glob("*.csv"))
    say(f"\ntrifuse evaluate {output} {truth}")
    say(evaluate_predictions(output, read_truth(truth), read_truth_groups(truth)).to_text())
