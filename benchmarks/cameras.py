"""Images changed as if another camera had taken them, or something lay on the skin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from review import blur

Image = NDArray[np.uint8]


def cast(red: float, blue: float) -> Callable[[Image], Image]:
    """Multiply two channels, as another white balance does."""
    gains = np.array([red, 1, blue])
    return lambda image: np.clip(image * gains, 0, 255).astype(np.uint8)


def bend(image: Image) -> Image:
    """Give an image another gamma: darker, with more contrast."""
    return np.asarray(255 * (image / 255) ** 1.5, np.uint8)


def compress(image: Image) -> Image:
    """Save an image as a JPEG of quality 15, and read it again."""
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def draw_hairs(image: Image) -> Image:
    """Draw 15 dark hairs over an image, the same over every one."""
    image, rng = image.copy(), np.random.default_rng(0)
    sides = image.shape[1::-1]
    for _ in range(15):
        steps = rng.normal(0, 25, (12, 2)) + rng.normal(0, 30, 2)
        points = np.cumsum(steps, axis=0) + rng.uniform(0, 1, 2) * sides
        ink = tuple(rng.integers(15, 60, 3).tolist())
        cv2.polylines(image, [points.astype(np.int32)], False, ink, 2, cv2.LINE_AA)
    return image


def draw_ruler(image: Image) -> Image:
    """Draw a ruler along the lower border of an image."""
    image, (rows, columns) = image.copy(), image.shape[:2]
    top = rows - rows // 8
    cv2.rectangle(image, (0, top), (columns, rows), (235, 235, 235), -1)
    for number, x in enumerate(range(0, columns, 12)):
        length = rows // (30 if number % 5 else 15)
        cv2.line(image, (x, top), (x, top + length), (20, 20, 20), 1)
    return image


CHANGES: dict[str, Callable[[Image], Image]] = {
    "red 15 % up, blue 15 % down": cast(1.15, 0.85),
    "red 15 % down, blue 15 % up": cast(0.85, 1.15),
    "gamma 1.5": bend,
    "blurred, sigma 2": partial(blur, sigma=2.0),
    "blurred, sigma 4": partial(blur, sigma=4.0),
    "JPEG of quality 15": compress,
    "hairs": draw_hairs,
    "ruler": draw_ruler,
}
