"""The demo does the whole job with the offline network, on fewer pictures than for people."""

import csv

import pytest

from trifuse.classifiers.model_file import load_model
from trifuse.cli import demo
from trifuse.datasets import synthetic
from trifuse.recipes.recipe import Recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def shortened(monkeypatch):
    """A third of the pictures, and small codebooks."""
    write = synthetic.write_synthetic_archive

    def write_a_third(folder, images_per_class, seed):
        return write(folder, images_per_class=images_per_class // 3, seed=seed)

    load = Recipe.load

    def load_smaller(name):
        return Recipe.from_dict({**load(name).to_dict(), "sample": {"size": 2000}})

    monkeypatch.setattr(synthetic, "write_synthetic_archive", write_a_third)
    monkeypatch.setattr(Recipe, "load", load_smaller)


def test_the_demo(shortened, tmp_path, capsys):
    """Slow: it imports TensorFlow and exports the network."""
    folder = tmp_path / "demo"
    demo.command.callback(str(folder), jobs=1)

    text = capsys.readouterr().out
    for line in (
        f"trifuse train {folder}/train -o {folder}/demo.trifuse --recipe fast",
        f"trifuse predict {folder}/test -m {folder}/demo.trifuse -o {folder}/predictions.csv "
        "--probabilities",
        "14 images scored.",
        f"trifuse evaluate {folder}/predictions.csv {folder}/test/metadata.csv",
        "14 images scored and compared with the truth.",
    ):
        assert line in text

    model = load_model(folder / "demo.trifuse")
    assert model.encoder.extractor.embedder is not None
    assert "cnn" in model.recipe.block_weights
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    right = [row["label_1"] in row["image"] for row in rows]
    assert sum(right) >= 8  # by chance two
