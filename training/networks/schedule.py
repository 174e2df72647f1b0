"""The learning rate of every step, and when training stops: functions of what has happened."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trifuse.recipes.finetuning import JudgedScheduleOptions, ScheduleOptions


def count_steps(options: ScheduleOptions, epochs: int | None = None) -> int:
    """Give the steps of all epochs, or of some.

    Examples
    --------
    >>> count_steps(ScheduleOptions(epochs=3, images_per_epoch=11, batch=4))
    9
    """
    return math.ceil(options.images_per_epoch / options.batch) * (epochs or options.epochs)


def learning_rate(
    step: int, steps_per_epoch: int, figures: Sequence[float], options: ScheduleOptions
) -> float:
    """Give the learning rate of a step.

    It rises linearly during the warm-up. Then it falls by a half cosine to nothing [1]_, or, where
    there is validation, it is multiplied by a factor for every plateau of its figure.

    Parameters
    ----------
    step : int
        From 0.
    steps_per_epoch : int
    figures : sequence of float
        The validation figure, of which more is better, after each finished epoch.
    options : ScheduleOptions

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
       ICLR 2017, equation 5.

    Examples
    --------
    >>> options = ScheduleOptions(epochs=10, learning_rate=1.0, warm_up=0.2)
    >>> [round(learning_rate(step, 10, [], options), 3) for step in (0, 9, 19, 20, 60, 99)]
    [0.05, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    total = options.epochs * steps_per_epoch
    rising = round(options.warm_up * total)
    if step < rising:
        return options.learning_rate * (step + 1) / rising
    if isinstance(options, JudgedScheduleOptions) and options.decay == "plateau":
        plateaus = count_plateaus(figures, options.plateau_patience)
        return options.learning_rate * options.plateau_factor**plateaus
    done = (step - rising) / (total - rising)
    return options.learning_rate * (1 + math.cos(math.pi * done)) / 2


def count_plateaus(figures: Sequence[float], patience: int) -> int:
    """Count how often the figure has not improved for `patience` epochs, each time anew.

    Examples
    --------
    >>> count_plateaus([0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7], 2)
    2
    """
    best, waited, plateaus = -math.inf, 0, 0
    for figure in figures:
        waited = 0 if figure > best else waited + 1
        best = max(best, figure)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus


def best_epoch(figures: Sequence[float]) -> int:
    """Give the number, from 0, of the first epoch with the best figure.

    Examples
    --------
    >>> best_epoch([0.1, 0.7, 0.7])
    1
    """
    return max(range(len(figures)), key=lambda epoch: (figures[epoch], -epoch))


def is_finished(figures: Sequence[float], options: JudgedScheduleOptions) -> bool:
    """Tell whether training is over: all epochs done, or no improvement for too long.

    Examples
    --------
    >>> is_finished([0.7, 0.6, 0.6], JudgedScheduleOptions(stop_patience=2))
    True
    """
    if not figures:
        return False
    waited = len(figures) - 1 - best_epoch(figures)
    return len(figures) >= options.epochs or waited >= options.stop_patience
