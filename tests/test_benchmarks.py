"""The benchmarks run; their figures are for docs/results.md, on real images."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from trifuse.recipes.recipe import Recipe
from trifuse.studies.comparison.methods import default_methods, read_methods

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


HELPERS = {
    "small_job.py",
    "cameras.py",
    "foreign_readers.py",
    "fuzz_material.py",
    "fuzz_pictures.py",
}
"""What benchmarks import, and nobody runs by itself."""


def test_every_benchmark_is_run():
    tests = Path(__file__).parent.glob("test_*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in tests)
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - HELPERS
    assert [name for name in scripts if f'"{name}"' not in source] == []


def test_the_comparison_in_the_results_has_the_default_methods_and_more():
    recipe = Recipe()
    methods = read_methods(BENCHMARKS / "fusions.toml", recipe)
    defaults = default_methods(recipe)
    assert {name: methods[name] for name in defaults} == defaults
    assert len(set(map(repr, methods.values()))) == len(methods) > len(defaults)


def test_scoring(archive, model_file, tmp_path):
    options = ["--model", model_file, "--images", archive / "images", "--limit", "9"]
    before, figure = tmp_path / "before.json", tmp_path / "stages.png"
    before.write_text('{"decode": 1.0, "everything": 2.0}')
    options += ["--against", sys.executable, "--against-model", model_file, "--repeats", "1"]
    options += ["--stages", tmp_path / "now.json", "--before", before, "--figure", figure]
    printed = run("bench_scoring.py", *options)
    for line in ("one image, cold", "--jobs 2, other", "ratio", "describe sift", "everything"):
        assert line in printed
    assert figure.stat().st_size > 1000


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


def test_novelty(table, recipe_file):
    options = ("--recipe", recipe_file, "--others", "1", "--changed", "4", "--resamples", "10")
    printed = run("novelty.py", table, *options, "--jobs", "1")
    for line in ("| novelty ", "| energy of svm ", "| ruler ", "no lesions"):
        assert line in printed


def test_pooling(tmp_path):
    rng, classes = np.random.default_rng(0), ("a", "b", "c")
    predictions, truth = tmp_path / "oof.csv", tmp_path / "truth.csv"
    with predictions.open("w") as file, truth.open("w") as labels:
        names = ",".join(f"probability_of_{name}" for name in classes)
        file.write(f"image,status,label_1,probability_1,{names},message\n")
        labels.write("path,label,group\n")
        for row in range(180):
            values = rng.dirichlet(1 + 2 * np.eye(3)[row // 2 % 3])
            best = int(values.argmax())
            numbers = ",".join(map(str, values))
            file.write(f"{row}.jpg,ok,{classes[best]},{values[best]},{numbers},\n")
            labels.write(f"{row}.jpg,{classes[row // 2 % 3]},{row // 2}\n")
    printed = run("pooling.py", predictions, truth)
    assert printed.startswith("90 lesions of 180 images; powers ")
    for line in ("| one image ", "| pooled ", "| all "):
        assert line in printed


def test_metadata(tmp_path):
    rng, classes = np.random.default_rng(0), ("a", "b", "c")
    predictions, truth = tmp_path / "oof.csv", tmp_path / "truth.csv"
    with predictions.open("w") as file, truth.open("w") as labels:
        names = ",".join(f"probability_of_{name}" for name in classes)
        file.write(f"image,status,label_1,probability_1,{names},message\n")
        labels.write("path,label,group,age,sex\n")
        for row in range(180):
            label = row // 2 % 3
            values = rng.dirichlet(1 + np.eye(3)[label])
            best = int(values.argmax())
            numbers = ",".join(map(str, values))
            file.write(f"{row}.jpg,ok,{classes[best]},{values[best]},{numbers},\n")
            known = f"{30 + 15 * label + rng.integers(20)},{'fm'[rng.integers(2)]}"
            labels.write(f"{row}.jpg,{classes[label]},{row // 2},{known}\n")
    printed = run("metadata.py", predictions, truth, "--columns", "age,sex")
    rows = {row[1]: row[2:-1] for row in map(cells, printed.splitlines()) if len(row) == 8}
    assert list(rows)[-6:] == [
        "biases", "mixing", "mixing and all that is known", "mixing and age alone",
        "mixing and sex alone", "the same pool, nothing known",
    ]  # fmt: skip
    assert float(rows["mixing and age alone"][0].split()[0]) < -0.05


def test_corrections(table, recipe_file, tmp_path):
    options = ("--cache", tmp_path / "blocks", "--lesions", "30", "--corrections", "6")
    recipe = ("--recipe", recipe_file, "--draws", "2", "--jobs", "1")
    printed = run("corrections.py", table, *options, *recipe)
    chosen = {row[1]: row[2:-1] for row in map(cells, printed.splitlines()) if len(row) == 12}
    assert [chosen[name][1] for name in ("by doubt", "at random")] == ["6", "6"]  # lesions
    # Classes are means of two draws, so rounded to even.
    assert abs(sum(map(int, chosen["by doubt"][2:])) - 6) <= 3
    assert re.search(r"^Figures, held out: 2\d images of 2 draws$", printed, re.MULTILINE)
    assert re.search(r"^Figures, out of fold: 60 images of 2 draws$", printed, re.MULTILINE)
    assert re.search(r"^\| by doubt - at random \| +[-+]0\.\d{3} \[", printed, re.MULTILINE)


def test_descriptors():
    printed = run("bench_descriptors.py", "--repeats", "1", "--curve", "1")
    for line in (
        "gauss window",
        "cv2.SIFT",
        "products",
        "skimage",
        "VLAD, 11,000 x 80",
        "sum of its parts",
    ):
        assert line in printed
    assert "| 1 | 240,110 |" in printed


def test_codebooks():
    printed = run("bench_codebooks.py", "--size", "2000", "--components", "4", "--seeds", "1")
    assert printed.startswith("2,000 x 66, 4 centres\nmixture, seed 0: ")
    assert "squared distances 1.0" in printed


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


def test_a_large_fit():
    printed = run("large_fit.py", "--images", "400", "--share", "0.01", "--recipe", "fast")
    assert re.search(r"^fitted in \d+ s of processor time, peak [\d.]+ GB$", printed, re.MULTILINE)


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
    printed = run("full_disk.py", "--images", "200", "--kilobytes", "24")
    assert "exit code 1. Error: disk/o.csv cannot be written: No space left on device." in printed
    assert printed.endswith("the bytes are the same\n")


def test_explanations(table, recipe_file, tmp_path):
    options = ("--recipe", recipe_file, "--planted", "6", "--pictures", "9", "--jobs", "1")
    archive = ("--archive", table, "--parts", "2", "--images", "3", "--figures", tmp_path)
    printed = run("explanation.py", *options, *archive)
    hits = dict(re.findall(r"^\| (\w+) +\| +(\d+)% \|$", printed, re.MULTILINE))
    assert int(hits["all"]) > 50
    assert "| insertion, centre first  " in printed
    assert "| better than random, the map  " in printed
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


def test_foreign_files(model_file, tmp_path):
    noise = np.random.default_rng(0).integers(0, 65536, (3, 40, 50), dtype=np.uint16)
    folder = tmp_path / "foreign" / "below"
    folder.mkdir(parents=True)
    Image.fromarray((noise[0] >> 8).astype(np.uint8)).save(folder / "grey.png")
    tifffile.imwrite(folder / "planes.tif", noise, photometric="rgb", planarconfig="separate")
    tifffile.imwrite(folder / "floats.tif", noise[0].astype(np.float32))
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "text.txt").write_text("no image")
    shutil.copy(pydicom.data.get_testdata_file("CT_small.dcm", download=False), folder / "CT")
    printed = run("foreign.py", tmp_path / "foreign", "--model", model_file)
    rows = {row[1]: row[2:-1] for row in map(cells, printed.splitlines()) if len(row) == 10}
    assert rows["PNG"] == rows["DICOM"] == ["1", "1", "1", "0", "0", "0", "0"]
    assert rows["TIFF"] == ["2", "1", "1", "0", "0", "1", "0"]
    assert rows["JPEG"] == rows["other"] == ["1", "0", "0", "0", "0", "1", "0"]
    assert re.search(r"^\| TIFF \| its samples are floating-point numbers of N bits,.* \| 1 \|$",
                     printed, re.MULTILINE)  # fmt: skip
    # Pillow reads planes of 16 bits as noise.
    assert re.search(r"^agreed: below/planes\.tif; ok; pillow differs: .*; tifffile agrees$",
                     printed, re.MULTILINE)  # fmt: skip
    assert "trifuse predict: 6 files, 6 rows of 6, 3 of errors, exit code 3" in printed


FOREIGN_PLANT = """
import os, sys
from trifuse.features import images

def plant(content, **_):
    if content[:2] == b"BM":
        os.abort()
    raise KeyError("planted")

images.read_image = plant
"""


def test_foreign_files_that_end_the_process_or_raise_are_told(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(FOREIGN_PLANT)
    folder = tmp_path / "foreign"
    folder.mkdir()
    Image.new("L", (9, 9)).save(folder / "a.bmp")
    Image.new("L", (9, 9)).save(folder / "b.png")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, BENCHMARKS / "foreign.py", folder]
    environment = {**os.environ, "PYTHONPATH": path}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "| BMP | ended its process with code -N | 1 |" in ran.stdout
    assert re.search(r"b\.png: FINDING .*KeyError: 'planted'$", ran.stdout, re.MULTILINE)


def cells(line):
    return [cell.strip() for cell in line.split("|")]
