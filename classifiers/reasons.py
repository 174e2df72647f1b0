"""Why a person should look at an image, told from what a model says of it.

It imports nothing: what writes rows starts without the libraries that score.
"""

from __future__ import annotations

from collections.abc import Sequence

UNFAMILIAR = "unfamiliar"
UNCERTAIN = "uncertain"
PRIOR_CONFLICT = "prior-conflict"
LOW_QUALITY = "low-quality"
TRAINING_IMAGE = "training-image"
REASONS = (UNFAMILIAR, UNCERTAIN, PRIOR_CONFLICT, LOW_QUALITY, TRAINING_IMAGE)
"""Why a person should look at an image, in the order in which they are told."""


def rank_classes(probabilities: Sequence[float]) -> list[int]:
    """Order the classes by decreasing probability, equal ones as they stand.

    >>> rank_classes((0.25, 0.5, 0.25))
    [1, 0, 2]
    """
    return sorted(range(len(probabilities)), key=lambda index: -probabilities[index])


def find_reasons(
    named: Sequence[int],
    prediction_set: Sequence[int],
    *,
    unfamiliar: bool,
    flawed: bool,
    is_training_image: bool,
) -> tuple[str, ...]:
    """Give those of `REASONS` that hold of an image.

    Parameters
    ----------
    named : sequence of int
        The classes that are named of it, the most probable first.
    prediction_set : sequence of int
    unfamiliar, flawed, is_training_image : bool

    Examples
    --------
    >>> find_reasons([2], [0, 1], unfamiliar=True, flawed=False, is_training_image=False)
    ('unfamiliar', 'uncertain', 'prior-conflict')
    """
    holds = {
        UNFAMILIAR: unfamiliar,
        UNCERTAIN: len(prediction_set) > len(named),
        PRIOR_CONFLICT: bool(prediction_set) and named[0] not in prediction_set,
        LOW_QUALITY: flawed,
        TRAINING_IMAGE: is_training_image,
    }
    return tuple(reason for reason in REASONS if holds[reason])
