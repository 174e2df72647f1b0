"""Insertion and deletion: the measure that a map means something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.resize import shrink

STEPS = 20
"""Steps of equal area from the whole picture to none of it."""
ORDERS = 3
"""Random orders; more would cost time and hardly move the mean."""
MARGIN = 0.01
"""Areas that differ by less count as the same."""
LONGEST_SIDE = 600
"""Larger pictures are shrunk to it, in pixels: each is scored about a hundred times."""
BLUR = 0.1
"""Standard deviation of the blur that takes a picture's content, as a share of the longer side."""
_COARSE = (8, 8)
"""Random numbers that a random order is interpolated from: its patches are as large as a map's."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Curves:
    """A class's probability while the picture vanishes, and while it appears.

    Attributes
    ----------
    deletion, insertion : ndarray of float64, shape (STEPS + 1,)
        With the most important 0, 1/20, … of the pixels blurred, and with all but them blurred.
    random : ndarray of float64, shape (ORDERS, STEPS + 1)
        Deletion in random orders. Insertion in the opposite order goes through the same pictures
        backwards, so that both have the same area.
    """

    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    random: NDArray[np.float64]

    def areas(self) -> dict[str, float]:
        """Give the area under each curve, in 0..1: the mean probability on the way.

        Of the random orders it is the mean.
        """
        return {name: float(np.mean(_area(curve))) for name, curve in vars(self).items()}

    @property
    def beat_random(self) -> bool:
        """Whether deletion is below, and insertion above, those in every random order."""
        randoms = _area(self.random)
        return bool(
            _area(self.deletion) < randoms.min() - MARGIN
            and _area(self.insertion) > randoms.max() + MARGIN
        )


def _area(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.trapezoid(curve, dx=1 / STEPS), np.float64)


def measure_curves(
    score: Callable[[Image], float],
    image: Image,
    importance: NDArray[np.float64],
    random_state: int = 0,
) -> Curves:
    """Blur a picture step by step, what matters most first, and score it at each step.

    These are the causal metrics of [1]_, with blurred pixels in both: a low area under the
    deletion curve and a high one under the insertion curve say that the map found what the model
    needs.

    Parameters
    ----------
    score : callable
        Gives the probability of the class in an RGB image, uint8 (rows, columns, 3).
    image : ndarray of uint8, shape (rows, columns, 3)
    importance : ndarray of float64, shape (map_rows, map_columns)
        Of the image's parts, in any resolution.
    random_state : int
        Seed of the random orders.

    References
    ----------
    .. [1] V. Petsiuk, A. Das, K. Saenko, "RISE: randomized input sampling for explanation of
       black-box models", BMVC 2018, section 4.2.
    """
    picture = shrink(image, LONGEST_SIDE)
    blurred = blur(picture)
    ends = score(picture), score(blurred)
    rng = np.random.default_rng(random_state)
    randoms = [random_importance(importance.shape, rng) for _ in range(ORDERS)]
    random = [follow(score, picture, blurred, order, ends) for order in randoms]
    return Curves(
        follow(score, picture, blurred, importance, ends),
        follow(score, blurred, picture, importance, ends[::-1]),
        np.array(random),
    )


def blur(image: Image) -> Image:
    """Take a picture's content, and leave its colours where they about were."""
    sigma = BLUR * max(image.shape[:2])
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def random_importance(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a smooth random map: single random pixels would make noise that no map makes."""
    coarse = rng.random(_COARSE)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float64)


def follow(
    score: Callable[[Image], float],
    start: Image,
    end: Image,
    importance: NDArray[np.float64],
    ends: tuple[float, float],
) -> NDArray[np.float64]:
    """Score a picture that becomes another step by step, its most important pixels first.

    Parameters
    ----------
    score, importance
        As in `measure_curves`.
    start, end : ndarray of uint8, shape (rows, columns, 3)
    ends : tuple of float
        Their scores.

    Returns
    -------
    ndarray of float64, shape (STEPS + 1,)
    """
    ranks = np.empty(importance.size)
    ranks[np.argsort(-importance, axis=None, kind="stable")] = np.arange(importance.size)
    places = (ranks.reshape(importance.shape) + 0.5) / importance.size
    size = start.shape[1::-1]
    places = cv2.resize(places, size, interpolation=cv2.INTER_NEAREST)[:, :, np.newaxis]
    shares = np.arange(1, STEPS) / STEPS
    between = [score(np.where(places < share, end, start)) for share in shares]
    return np.array([ends[0], *between, ends[1]])
