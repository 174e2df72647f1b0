"""Class priors: probabilities for an archive whose class shares differ from the training's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRAINING = "training"
BALANCED = "balanced"


class PriorError(ValueError):
    """A prior that does not fit the model's classes."""


def shift_prior(
    probabilities: NDArray[np.float64],
    old: NDArray[np.float64],
    new: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Shift probabilities from one prior to another by Bayes' rule.

    ``p_new(c | x)`` is proportional to ``p_old(c | x) * new[c] / old[c]``.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (..., n_classes)
    old, new : ndarray of float64, shape (n_classes,)
        `old` must be positive.

    References
    ----------
    M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new a
    priori probabilities", Neural Computation 14, 2002, equation 2.4.

    Examples
    --------
    >>> shift_prior(np.array([0.5, 0.5]), np.array([0.5, 0.5]), np.array([0.2, 0.8]))
    array([0.2, 0.8])
    """
    shifted = probabilities * (new / old)
    total: NDArray[np.float64] = shifted.sum(axis=-1, keepdims=True)
    return shifted / total


def balance(probabilities: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift probabilities to a prior in which all classes are equally frequent.

    Examples
    --------
    >>> balance(np.array([0.8, 0.2]), np.array([0.8, 0.2]))
    array([0.5, 0.5])
    """
    return shift_prior(probabilities, prior, np.full(len(prior), 1 / len(prior)))


def read_prior(name_or_path: str, classes: Sequence[str]) -> NDArray[np.float64] | None:
    """Give the class shares that a prior stands for.

    Parameters
    ----------
    name_or_path : str
        `training`, `balanced`, or a TOML file with a number from 1e-9 to 1e9 for each class,
        such as ``nv = 67``; the numbers are divided by their sum.
    classes : sequence of str

    Returns
    -------
    ndarray of float64, shape (n_classes,), optional
        Positive, summing to one; None for the training archive's own shares.

    Raises
    ------
    PriorError
        If the file cannot be read, or does not fit the classes.
    """
    if name_or_path == TRAINING:
        return None
    if name_or_path == BALANCED:
        return np.full(len(classes), 1 / len(classes))
    if Path(name_or_path).suffix != ".toml":
        msg = f"There is no prior {name_or_path!r}; name training, balanced, or a .toml file."
        raise PriorError(msg)
    try:
        shares = tomllib.loads(Path(name_or_path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"The prior {name_or_path} cannot be read: {error}."
        raise PriorError(msg) from error
    return _check(shares, classes, name_or_path)


def _check(shares: Mapping[str, Any], classes: Sequence[str], path: str) -> NDArray[np.float64]:
    """Turn a table of shares into an array in the order of the classes."""
    if set(shares) != set(classes):
        msg = f"The prior {path} must name exactly the model's classes: {', '.join(classes)}."
        raise PriorError(msg)
    numbers = []
    for name in classes:
        share = shares[name]
        if type(share) not in {int, float} or not 1e-9 <= share <= 1e9:
            msg = f"The prior {path} must give {name} a number from 1e-9 to 1e9."
            raise PriorError(msg)
        numbers.append(float(share))
    return np.array(numbers) / sum(numbers)
