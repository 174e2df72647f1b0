"""A training image, changed at random each time that it is drawn."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.resize import resize
from trifuse.recipes.finetuning import AugmentationOptions

NORM = 6
"""Of Minkowski, with which the colour of the light is estimated."""
BLUR = (0.3, 1.2)
"""Deviations of the Gaussian, in pixels of the square."""
QUALITY = (35, 90)
"""Of JPEG, from the least to before the highest."""
NOISE = (1.0, 6.0)
"""Deviations, in levels of 0 to 255."""


def augment(
    image: NDArray[np.uint8],
    side: int,
    options: AugmentationOptions,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Cut a square from an image, turned, moved and mirrored, and change colours and quality.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    side : int
        Rows and columns of the result.
    options : AugmentationOptions
    random : Generator
        All that is random is drawn from it.

    Returns
    -------
    ndarray of float32, shape (side, side, 3)
        RGB in 0 to 255.
    """
    square = cut_square(image, side, draw_transform(image.shape[:2], side, options, random))
    if random.random() < options.color_constancy:
        square = neutralise_light(square)
    square = degrade(square, options, random)
    changed = jitter_colors(square.astype(np.float32), options, random)
    if options.noise and random.random() < options.noise:
        noise = random.normal(0, random.uniform(*NOISE), changed.shape)
        changed = np.clip(changed + noise, 0, 255).astype(np.float32)
    return changed


def draw_transform(
    size: tuple[int, int], side: int, options: AugmentationOptions, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the affine map from the image's (x, y) to the square's, in pixels; shape (2, 3).

    Parameters
    ----------
    size : tuple of int
        Rows and columns of the image.
    side, options, random
        As in `augment`.
    """
    rows, columns = size
    scale = side / (min(rows, columns) * random.uniform(options.crop, 1.0))
    angle = np.deg2rad(random.uniform(-options.rotation, options.rotation))
    mirror = -1.0 if options.flip and random.random() < 0.5 else 1.0
    shift = random.uniform(-options.shift, options.shift, size=2) * (columns, rows)
    linear = scale * np.array(
        [[mirror * np.cos(angle), -mirror * np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    centre = np.array([(columns - 1) / 2, (rows - 1) / 2]) + shift
    return np.column_stack([linear, np.full(2, (side - 1) / 2) - linear @ centre])


def cut_square(
    image: NDArray[np.uint8], side: int, transform: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Apply an affine map; what lies outside of the image is its mirror image.

    Where the image is shrunk by more than two, it is first halved, lest details alias.
    """
    while np.sqrt(abs(np.linalg.det(transform[:, :2]))) < 0.5:
        rows, columns = image.shape[:2]
        image = resize(image, ((rows + 1) // 2, (columns + 1) // 2))
        # Of a pixel's place p, from 0, the centre is at p + 0.5 of a side's length.
        ratios = np.array([columns / image.shape[1], rows / image.shape[0]])
        linear, shift = transform[:, :2], transform[:, 2]
        transform = np.column_stack([linear * ratios, shift + linear @ ((ratios - 1) / 2)])
    border = cv2.BORDER_REFLECT_101
    square = cv2.warpAffine(
        image, transform, (side, side), flags=cv2.INTER_LINEAR, borderMode=border
    )
    return np.asarray(square, np.uint8)


def neutralise_light(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale the channels so that the light is grey: the shades-of-grey method.

    The light's colour is the Minkowski mean of each channel, ``(mean(c ** p)) ** (1 / p)`` with
    p = 6 [1]_, which serves dermatoscopic images well [2]_. Their mean brightness is kept.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)

    References
    ----------
    .. [1] G. D. Finlayson, E. Trezzi, "Shades of gray and colour constancy", Color Imaging
       Conference 2004, equation 5.
    .. [2] C. Barata, M. E. Celebi, J. S. Marques, "Improving dermoscopy image classification using
       color constancy", IEEE Journal of Biomedical and Health Informatics 19, 2015.

    Examples
    --------
    >>> neutralise_light(np.full((1, 1, 3), (40, 80, 120), dtype=np.uint8)).tolist()
    [[[80, 80, 80]]]
    """
    pixels = image.astype(np.float64) / 255
    light = np.power(np.power(pixels, NORM).mean(axis=(0, 1)), 1 / NORM)
    gains = light.mean() / np.maximum(light, 1e-6)
    neutral: NDArray[np.uint8] = np.rint(np.clip(pixels * gains, 0, 1) * 255).astype(np.uint8)
    return neutral


def degrade(
    image: NDArray[np.uint8], options: AugmentationOptions, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Blur an image, or compress it anew, at random, as poor cameras and archives do.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    options, random
        As in `augment`; nothing is drawn for what has a share of 0.
    """
    if options.blur and random.random() < options.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(*BLUR)), np.uint8)
    if options.jpeg and random.random() < options.jpeg:
        quality = int(random.integers(*QUALITY))
        _, content = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
        image = np.ascontiguousarray(np.asarray(decoded, np.uint8)[:, :, ::-1])
    return image


def jitter_colors(
    image: NDArray[np.float32], options: AugmentationOptions, random: np.random.Generator
) -> NDArray[np.float32]:
    """Change hue, saturation, contrast and brightness at random.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns, 3)
        RGB in 0 to 255.
    options, random
        As in `augment`.
    """
    hue = random.uniform(-options.hue, options.hue)
    saturation, contrast, brightness = (
        1 + random.uniform(-amount, amount)
        for amount in (options.saturation, options.contrast, options.brightness)
    )
    if options.hue or options.saturation:
        hsv = cv2.cvtColor(image / np.float32(255), cv2.COLOR_RGB2HSV)  # degrees, and 0 to 1
        hsv[:, :, 0] = np.mod(hsv[:, :, 0] + hue, 360)
        hsv[:, :, 1] = np.minimum(hsv[:, :, 1] * saturation, 1)
        image = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32) * np.float32(255)
    mean = np.float32(image.mean(dtype=np.float64))
    changed = ((image - mean) * np.float32(contrast) + mean) * np.float32(brightness)
    result: NDArray[np.float32] = np.clip(changed, 0, 255)
    return result
