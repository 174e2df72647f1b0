"""Small trained models for all tests, a network for each, and the command line as people run it."""

import hashlib
import inspect
import io
import os
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

# Products this small only wait for threads, most of all beside other tests. Libraries read this
# when they are loaded, here and in the commands that tests start.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(variable, "1")
# Else each of the commands, which are many, compiles all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

import hypothesis
import numpy as np

from trifuse.classifiers.network_file import FineTuned, Network, save_network
from trifuse.cli import main as cli
from trifuse.datasets.load import load_dataset
from trifuse.datasets.synthetic import SYNTHETIC_CLASSES, write_synthetic_archive
from trifuse.features import stages
from trifuse.features.files import file_sha256
from trifuse.features.keras_backbones import export_litert
from trifuse.features.litert import CnnClassifier
from trifuse.features.quiet import import_tensorflow
from trifuse.recipes.finetuning import FinetuningRecipe
from trifuse.training.networks import network as finetuning_network
from trifuse.training.train import TrainingOptions, run_training

pytest_plugins = ["drawn", "finetunings", "jobs", "side_by_side"]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("trifuse", deadline=None)
hypothesis.settings.load_profile("trifuse")

REFERENCE = Path(__file__).parent / "reference"
"""What VLFeat gave for a few inputs; `make.py` there took it from the whole."""
VLFEAT = Path(__file__).resolve().parents[1].parent / "shared" / "reference" / "vlfeat"
RECIPE = """
[image]
longest_side = 96
[sift]
step = 8
bin_sizes = [4]
pca_dimension = 8
fisher.components = 4
[color]
step = 8
bin_sizes = [4]
pca_dimension = 6
fisher.components = 4
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

FINETUNING = """
[network]
side = 32
frozen = "conv_1"
[balance]
exponent = 1.0
[schedule]
epochs = 3
images_per_epoch = 11
batch = 4
learning_rate = 0.01
[split]
folds = 3
calibration = 1
[export]
rows = 32
columns = 40
views = 2
"""


FEW_LAYERS = "from trifuse.features.quiet import import_tensorflow"
SAVE_OFTEN = """
from trifuse.training.networks import network, trainer

network.build_backbone = build_small_backbone
trainer.SAVE_SECONDS = -1
"""


@pytest.fixture(scope="session")
def archive(made_once):
    """A folder with 7 classes of 8 pictures, and its table metadata.csv."""

    def make(folder):
        write_synthetic_archive(folder, images_per_class=8, size=(72, 96))

    return made_once("archive", make)


@pytest.fixture(scope="session")
def recipe_file(made_once):
    """A recipe that trains in seconds: it uses no CNN, hence no TensorFlow."""
    return made_once("tiny.toml", lambda path: path.write_text(RECIPE))


@pytest.fixture(scope="session")
def model_file(archive, recipe_file, made_once):
    """The model that one job makes of the archive; nobody may change it."""

    def train(path):
        run_training(TrainingOptions(str(archive), str(path), str(recipe_file)))

    return made_once("tiny.trifuse", train)


@pytest.fixture(scope="session")
def pictures(archive):
    """The paths of the archive's pictures, sorted."""
    return sorted(map(str, (archive / "images").glob("*.jpg")))


@pytest.fixture(scope="session")
def write_network(tmp_path_factory):
    """Write the file of a network of one layer that says what it has seen; gives its path."""

    def write(seen=(), seed=0, classes=tuple(SYNTHETIC_CLASSES), outputs=None):
        keras = import_tensorflow().keras
        keras.utils.clear_session()  # the bytes hold the layers' names, which it numbers
        keras.utils.set_random_seed(seed)
        image = keras.Input((8, 10, 3), name="image")
        pixels = keras.layers.Rescaling(1 / 255)(image)
        class_map = keras.layers.Conv2D(outputs or len(classes), 3)(pixels)
        tflite = export_litert(keras.Model(image, {"class_map": class_map}))
        about = FineTuned(
            classes=classes, backbone="mobilenet-0.75", fingerprint="f" * 64, seen=tuple(seen),
            validation={"bma": 0.5}, recipe={}, sha256=hashlib.sha256(tflite).hexdigest(),
        )  # fmt: skip
        path = tmp_path_factory.mktemp("network") / "network.trifuse-cnn"
        save_network(path, Network(about, CnnClassifier(tflite)))
        return path

    return write


@pytest.fixture(scope="session")
def halves(archive):
    """SHA-256 of the images of one half of the archive's lesions, and of the other's."""
    table = load_dataset(str(archive))
    images = [file_sha256(path) for path in table.paths]
    return [
        [image for image, group in zip(images, table.group_indices, strict=True) if group % 2 == n]
        for n in (0, 1)
    ]


@pytest.fixture(scope="session")
def networked_file(archive, recipe_file, write_network, halves, made_once):
    """The same model with a network that has seen half of the lesions; nobody may change it."""

    def train(path):
        backbones = (str(write_network(halves[0])),)
        run_training(TrainingOptions(str(archive), str(path), str(recipe_file), backbones))

    return made_once("networked.trifuse", train)


def build_small_backbone(name, weights, input_size):
    """Build a network of few layers."""
    keras = import_tensorflow().keras
    image = keras.Input((*input_size, 3), name="image")
    pixels = keras.layers.Rescaling(1 / 255)(image)
    first = keras.layers.Conv2D(8, 3, 4, padding="same", activation="relu", name="conv_1")(pixels)
    normal = keras.layers.BatchNormalization(name="norm_1")(first)
    last = keras.layers.Conv2D(12, 3, 2, padding="same", activation="relu", name="conv_2")(normal)
    return keras.Model(image, {"feature_map": first, "last_map": last})


@pytest.fixture(scope="session")
def few_layers():
    """Let fine-tuning build a network of few layers in this context: the table's take long."""

    @contextmanager
    def build_others():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finetuning_network, "build_backbone", build_small_backbone)
            yield

    return build_others


@pytest.fixture(scope="session")
def few_layers_folder(tmp_path_factory):
    """A folder for PYTHONPATH that makes commands, and their children, build it too."""
    folder = tmp_path_factory.mktemp("few-layers")
    build = inspect.getsource(build_small_backbone)
    (folder / "sitecustomize.py").write_text(f"{FEW_LAYERS}\n{build}\n{SAVE_OFTEN}")
    return folder


@pytest.fixture
def small_backbone(few_layers):
    """Let fine-tuning build a network of few layers, whatever the recipe's backbone."""
    with few_layers():
        yield


@pytest.fixture(scope="session")
def finetuning():
    """Make a recipe of fine-tuning that takes seconds; sections as keywords."""

    def make(**sections):
        recipe = tomllib.loads(FINETUNING)
        return FinetuningRecipe.from_dict(
            {name: recipe.get(name, {}) | sections.get(name, {}) for name in recipe | sections}
        )

    return make


@pytest.fixture(autouse=True)
def no_last_words(monkeypatch):
    """Whether a stage takes long enough for a last line says how busy the machine is."""
    monkeypatch.setattr(stages, "LONG_SECONDS", 1e9)
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # which commands set: it is given back


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
    """Read VLFeat's outputs: those kept here or, for `whole`, all where they are (else skip)."""

    def read(name, *, whole=False):
        path = (VLFEAT if whole else REFERENCE) / name
        if not path.exists():
            pytest.skip(f"VLFeat's whole output is not here: {path}")
        with np.load(path) as arrays:
            return dict(arrays)

    return read
