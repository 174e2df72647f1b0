"""One small trained model for all tests, and the command line as people run it."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from trifuse.batch import cli
from trifuse.batch.training import TrainingOptions, run_training
from trifuse.datasets.synthetic import write_synthetic_archive

VLFEAT = Path(__file__).resolve().parents[1].parent / "shared" / "reference" / "vlfeat"
RECIPE = """
[image]
longest_side = 96
[sift]
step = 8
bin_sizes = [4]
pca_dimension = 8
components = 4
[color]
step = 8
bin_sizes = [4]
pca_dimension = 6
components = 4
[sample]
size = 4000
[fusion.weights]
sift_fisher = 1
color_fisher = 1
[lightgbm]
pca_dimension = 8
trees = 5
leaves = 4
[ensemble]
folds = 2
"""


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """A folder with 7 classes of 8 pictures, and its table metadata.csv."""
    folder = tmp_path_factory.mktemp("archive")
    write_synthetic_archive(folder, images_per_class=8, size=(72, 96))
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory):
    """A recipe that trains in seconds: it uses no CNN, hence no TensorFlow."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def model_file(archive, recipe_file, tmp_path_factory):
    """The model that one job makes of the archive; nobody may change it."""
    path = tmp_path_factory.mktemp("model") / "tiny.trifuse"
    run_training(TrainingOptions(str(archive), str(path), str(recipe_file)))
    return path


@pytest.fixture(scope="session")
def pictures(archive):
    """The paths of the archive's pictures, sorted."""
    return sorted(map(str, (archive / "images").glob("*.jpg")))


@pytest.fixture
def trifuse(monkeypatch, capfdbinary):
    """Run the command line in this process; gives its exit code, output and errors."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["trifuse", *map(os.fspath, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capfdbinary.readouterr()
        return SimpleNamespace(code=exit_.value.code, out=out, err=err.decode())

    return run


@pytest.fixture(scope="session")
def shell():
    """Run a line of shell, where `trifuse` is the installed command."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(line, cwd, **environment):
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=cwd, env={**os.environ, "PATH": path, **environment},
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def vlfeat():
    """Read one of the files of VLFeat's outputs, or skip the test where they are not."""

    def read(name):
        if not (path := VLFEAT / name).exists():
            pytest.skip(f"VLFeat's output is not here: {path}")
        with np.load(path) as arrays:
            return dict(arrays)

    return read
