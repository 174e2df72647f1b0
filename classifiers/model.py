"""The model: from one RGB image to calibrated class probabilities."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble import Ensemble
from trifuse.encoders.blocks import BlockEncoder
from trifuse.recipes.recipe import Recipe

_NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, surrogates (bytes that are no text), line breaks."""


class ClassNamesError(ValueError):
    """Class names that a model cannot have."""


@dataclass(frozen=True)
class Model:
    """Everything that scoring needs.

    Attributes
    ----------
    classes : tuple of str
        In the order of the probabilities.
    encoder : BlockEncoder
    ensemble : Ensemble
    """

    classes: tuple[str, ...]
    encoder: BlockEncoder
    ensemble: Ensemble

    @property
    def recipe(self) -> Recipe:
        """The recipe that the model was trained by."""
        return self.encoder.extractor.recipe

    def predict(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score one RGB image, uint8 of shape (rows, columns, 3).

        Images are scored one by one: the last bits of a matrix product depend on the shapes of
        its operands, and the same image must get the same bytes in every batch.

        Returns
        -------
        ndarray of float64, shape (n_classes,)
            Probabilities under the training archive's class shares; they sum to one.
        """
        blocks = {name: block[None] for name, block in self.encoder.encode(image).items()}
        probabilities: NDArray[np.float64] = self.ensemble.probabilities(blocks)[0]
        return probabilities


def check_class_names(names: Sequence[str]) -> None:
    """Check that classes can stand in a table and on a terminal.

    Raises
    ------
    ClassNamesError
        If there are fewer than two, if two are the same, or if a name is empty or has control
        characters, line breaks, or bytes that are no text.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        msg = "a model has two classes at least, each with a name of its own"
        raise ClassNamesError(msg)
    for name in names:
        if not name or any(unicodedata.category(char) in _NOT_IN_NAMES for char in name):
            msg = f"the name of the class {name!a} is not one line of text; rename it"
            raise ClassNamesError(msg)
