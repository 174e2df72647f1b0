"""Computed pictures, and archives of them."""

import cv2
import numpy as np
import pytest

from trifuse.datasets.table import LabelledTable


@pytest.fixture(scope="session")
def draw():
    """Draw a dark, mottled spot on pale skin; the seed decides the mottles and not the spot."""

    def picture(seed, size=(225, 300)):
        rng = np.random.default_rng(seed)
        rows, columns = size
        y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
        image = 210 - 110 / (1 + np.exp(12 * (np.hypot(x, y) - 0.6)))
        for sigma, strength in ((2, 9), (5, 12), (12, 15)):
            noise = cv2.GaussianBlur(rng.normal(size=size), (0, 0), sigma)
            image += strength * noise / noise.std()
        rgb = image[:, :, np.newaxis] * (1, 0.8, 0.7) + 20
        return rgb.clip(0, 255).astype(np.uint8)

    return picture


@pytest.fixture
def make_archive(tmp_path):
    """Write pictures, or bytes of files, as an archive: name -> picture; label; group."""

    def make(pictures, labels=None, groups=None):
        folder = tmp_path / "archive"
        folder.mkdir(exist_ok=True)
        for name, picture in pictures.items():
            if isinstance(picture, bytes):
                (folder / name).write_bytes(picture)
            else:
                cv2.imwrite(str(folder / name), picture[:, :, ::-1])
        paths = [folder / name for name in pictures]
        labels = labels or ["ab"[row % 2] for row in range(len(paths))]
        return LabelledTable(tuple(paths), tuple(labels), tuple(groups or map(str, paths)))

    return make
