"""Vectors in clusters, as if they were an archive's, and their places in a plane."""

from pathlib import Path

import numpy as np
import pytest

from trifuse.datasets.table import LabelledTable
from trifuse.studies.page import thumbnail_uri
from trifuse.studies.projection.plane import place_images
from trifuse.studies.projection.vectors import ImageVectors


@pytest.fixture(scope="session")
def blobs():
    """Build images of well separated classes, two a group; each tenth is taken for class 0."""

    def build(classes=("a", "b", "c"), images_per_class=30):
        rng = np.random.default_rng(0)
        places = np.repeat(np.arange(len(classes)), images_per_class)
        centers = rng.normal(size=(len(classes), 60)) * 4
        labels = tuple(classes[place] for place in places)
        n = len(places)
        table = LabelledTable(
            tuple(Path(f"folder/{row:03d}.jpg") for row in range(n)),
            labels,
            tuple(f"g{row // 2}" for row in range(n)),
            tuple(classes),
        )
        image = np.full((8, 12, 3), (200, 30, 90), dtype=np.uint8)
        return ImageVectors(
            table,
            "cnn",
            (centers[places] + rng.normal(size=(n, 60))).astype(np.float32),
            tuple(classes[0] if row % 10 == 9 else label for row, label in enumerate(labels)),
            (thumbnail_uri(image, 64),) * n,
            np.zeros(n, bool),
        )

    return build


@pytest.fixture(scope="session")
def image_map(blobs):
    """90 images of three classes in a plane."""
    return place_images(blobs(), perplexity=10)
