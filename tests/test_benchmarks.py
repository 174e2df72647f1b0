"""The benchmarks run; their figures are for docs/results.md, on real images."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.methods import choose_methods, default_methods

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


HELPERS = {"small_job.py", "fuzz_material.py"}
"""What benchmarks import, and nobody runs by itself."""


def test_every_benchmark_is_run():
    tests = Path(__file__).parent.glob("test_*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in tests)
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - HELPERS
    assert [name for name in scripts if f'"{name}"' not in source] == []


def test_the_comparison_in_the_results_has_the_default_methods_and_more():
    recipe = Recipe()
    methods = choose_methods(BENCHMARKS / "fusions.toml", recipe)
    defaults = default_methods(recipe)
    assert {name: methods[name] for name in defaults} == defaults
    assert len(set(map(repr, methods.values()))) == len(methods) > len(defaults)


def test_scoring(archive, model_file):
    options = ["--model", model_file, "--images", archive / "images", "--limit", "9"]
    printed = run("bench_scoring.py", *options, "--repeats", "1")
    for line in ("one image, cold", "import tensorflow", "--jobs 1", "--jobs 2", "dense SIFT"):
        assert line in printed


@pytest.fixture
def table(pictures, tmp_path):
    """A table of the archive's pictures in which every picture is its own group."""
    table = tmp_path / "table.csv"
    rows = [(path, Path(path).stem.rsplit("_", 1)[0]) for path in pictures]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    return table


def test_review(table, recipe_file):
    options = ("--recipe", recipe_file, "--others", "2", "--folds", "2", "--jobs", "1")
    printed = run("review.py", table, *options)
    for line in ("coverage", "no lesion", "as they are: any"):
        assert line in printed


def test_descriptors():
    printed = run("bench_descriptors.py", "--repeats", "1", "--curve", "1")
    for line in ("gauss window", "cv2.SIFT", "skimage", "VLAD, 11,000 x 80", "sum of its parts"):
        assert line in printed
    assert "| 1 | 240,110 |" in printed


def test_ablation(table, tmp_path):
    output = tmp_path / "ablation"
    options = ["--output", output, "--folds", "2", "--jobs", "1", "--sample", "2000"]
    run("ablation.py", table, *options, "--only", "RootSIFT")
    printed = run("ablation.py", table, *options, "--only", "RootSIFT", "window")
    assert printed.count("sift_fisher") == 1  # what is there is not run again
    with Path(f"{output}.csv").open(encoding="utf-8", newline="") as file:
        found = {(row["block"], row["choice"]): float(row["bma"]) for row in csv.DictReader(file)}
    assert len(found) == 6
    assert max(found.values()) > 2 / 7  # of seven classes
    assert Path(f"{output}.png").stat().st_size > 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_kills():
    printed = run("kill_runs.py", "--kills", "5", "--images", "200", "--seed", "3")
    found = re.search(r"(\d+) outputs, (\d+) of them the same bytes", printed)
    assert found[1] == found[2] != "0"
    assert sum(int(number) for number in re.findall(r"(\d+) kills of", printed)) >= 5


@pytest.mark.skipif(sys.platform != "linux", reason="it reads memory from /proc")
def test_many_inputs():
    printed = run("many_inputs.py", "--few", "60", "--many", "240", "--repeats", "1")
    assert re.search(r"^ +240 inputs: +[\d.]+ a second .*, command +\d+ MB", printed, re.MULTILINE)
    ratio = re.search(r"many beside few: [\d.]+ of the rate, ([\d.]+) of the memory", printed)
    assert 0.5 < float(ratio[1]) < 1.5


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk"
)
def test_a_full_disk():
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount")
    printed = run("full_disk.py", "--images", "400", "--kilobytes", "48")
    assert "exit code 1. Error: disk/o.csv cannot be written: No space left on device." in printed
    assert printed.endswith("the bytes are the same\n")


def test_explanations(table, recipe_file, tmp_path):
    options = ("--recipe", recipe_file, "--planted", "6", "--pictures", "9", "--jobs", "1")
    archive = ("--archive", table, "--parts", "2", "--images", "3", "--figures", tmp_path)
    printed = run("explanation.py", *options, *archive)
    hits = dict(re.findall(r"^\| (\w+) +\| +(\d+)% \|$", printed, re.MULTILINE))
    assert int(hits["all"]) > 50
    assert "| insertion, centre first |" in printed
    assert (tmp_path / "explain-lesion.png").stat().st_size > 10_000


def test_bottlenecks(table, tmp_path):
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        "[cnn]\ninput_size = [32, 32]\n[fusion.weights]\ncnn = 1\n"
        '[softmax]\nsteps = 40\nbatch = 20\n[ensemble]\nmembers = ["softmax"]\nfolds = 2\n'
    )
    printed = run("bottleneck.py", table, "--recipe", recipe, "--folds", "2", "--jobs", "1")
    for line in ("56 images, 56 lesions, 2 folds", "| softmax, raw ", "| svm, normalised "):
        assert line in printed
    held_out = re.findall(r"^\| (raw|normalised) +\|.*\| +([\d.]+) \|$", printed, re.MULTILINE)
    assert len(held_out) == 10
    assert max(float(accuracy) for _, accuracy in held_out) > 2 / 7  # of seven classes


def test_backbones():
    printed = run("bench_backbones.py", "mobilenet-0.75", "--repeats", "1")
    assert re.search(
        r"^\| mobilenet-0\.75 +\| 224 x 224 \| 0\.32 G \| +\d+ \| +\d+ G \|$", printed, re.MULTILINE
    )


FINETUNING = """
network = { weights = "random", side = 32, frozen = 0.9 }
schedule = { epochs = 1, images_per_epoch = 16, batch = 8 }
split = { folds = 4, calibration = 2 }
export = { rows = 32, columns = 32, views = 1 }
"""


def test_fine_tuning(table, recipe_file, tmp_path):
    recipe, work = tmp_path / "finetuning.toml", tmp_path / "work"
    recipe.write_text(FINETUNING, encoding="utf-8")
    options = ("--recipe", recipe_file, "--finetuning", recipe, "--folds", "2", "--jobs", "1")
    printed = run("fine_tuned.py", table, "--work", work, *options, "--networks", "2")
    for method in ("frozen, ensemble", "tuned, network", "tuned, ensemble"):
        assert f"| {method} " in printed
    assert (work / "report.html").exists()
    networks = [work / f"tuned-{number}" / "network.trifuse-cnn" for number in range(2)]
    assert networks[0].read_bytes() != networks[1].read_bytes()
