"""A job that is quick to do: a small model, and small pictures to score by it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.training.train import TrainingOptions, run_training

TRIFUSE = str(Path(sys.executable).with_name("trifuse"))
RECIPE = """
image.longest_side = 96
sift = { step = 8, bin_sizes = [4], pca_dimension = 8, fisher.components = 4 }
color = { step = 8, bin_sizes = [4], pca_dimension = 6, fisher.components = 4 }
sample.size = 4000
fusion.weights = { sift_fisher = 1, color_fisher = 1 }
lightgbm = { pca_dimension = 8, trees = 5, leaves = 4 }
ensemble.folds = 2
"""


def make_model(folder: Path) -> Path:
    """Train a model without a CNN on pictures drawn for it."""
    recipe, model = folder / "small.toml", folder / "small.trifuse"
    recipe.write_text(RECIPE, encoding="utf-8")
    write_synthetic_archive(folder / "training", images_per_class=8, size=(72, 96))
    run_training(TrainingOptions(str(folder / "training"), str(model), str(recipe), overwrite=True))
    return model


def make_pictures(folder: Path, n_images: int, size: int = 48) -> list[str]:
    """Draw noise with a gradient, each picture another one; some files are no pictures."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = []
    for number in range(n_images):
        path = folder / f"{number:06d}.png"
        if number % 50 == 49:
            path.write_bytes(b"no picture")
        else:
            noise = rng.integers(0, 64, (size, size, 3))
            ramp = np.linspace(0, 191, size)[:, None, None]
            Image.fromarray((noise + ramp).astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths
