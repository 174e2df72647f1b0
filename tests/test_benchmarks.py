"""The benchmarks run; their figures are for docs/results.md, on real images."""

import csv
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_benchmark_is_run_here():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in BENCHMARKS.glob("*.py") if f'"{path.name}"' not in source] == []


def test_scoring(archive, model_file):
    options = ["--model", model_file, "--images", archive / "images", "--limit", "9"]
    printed = run("bench_scoring.py", *options, "--repeats", "1")
    for line in ("one image, cold", "import tensorflow", "--jobs 1", "--jobs 2", "dense SIFT"):
        assert line in printed


def test_cross_validation(archive, pictures, recipe_file, tmp_path):
    table = tmp_path / "table.csv"
    rows = [(path, Path(path).stem.rsplit("_", 1)[0]) for path in pictures]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    options = ["--recipe", recipe_file, "--folds", "2", "--jobs", "1"]
    printed = run("cross_validate.py", table, *options, "--output", tmp_path / "result")
    assert (tmp_path / "result.md").read_text(encoding="utf-8") in printed
    assert "fused, ensemble" in (tmp_path / "result.csv").read_text(encoding="utf-8")
