"""An image's explanation for readers: its figure, and the numbers of its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model
from trifuse.features.images import ImageError, read_content, read_image
from trifuse.studies.explanation.curves import measure
from trifuse.studies.explanation.explain import ExplanationError, explain_image, explained_members
from trifuse.studies.explanation.overlay import draw_explanation
from trifuse.studies.figures import figure_bytes


class Report(NamedTuple):
    """What is told of one image.

    Attributes
    ----------
    figure : bytes
        The content of its file.
    class_name : str
        The class that is explained.
    numbers : dict of str to float
        `probability`; `explained`, the explained members' weight in the ensemble; `evidence` and
        its `constant`; the evidence in each map; and the areas under the curves: `deletion`,
        `insertion` and `random`.
    """

    figure: bytes
    class_name: str
    numbers: dict[str, float]


@dataclass(frozen=True)
class Reporter:
    """Explains images one by one; it can be sent to other processes.

    Attributes
    ----------
    model : Model
    suffix : str
        Of the figures, one of `trifuse.studies.figures.FORMATS`.
    class_index : int, optional
        The class to explain; without one, each image's most probable.
    """

    model: Model
    suffix: str = ".png"
    class_index: int | None = None

    def __call__(self, source: str | bytes) -> Report | str:
        """Explain an image, a path or a file's content; one that cannot be read gives the reason.

        The reason is a clause that does not name the file.
        """
        try:
            image = read_image(source if isinstance(source, bytes) else read_content(source))
        except ImageError as error:
            return str(error)
        return self.report(image)

    def report(self, image: NDArray[np.uint8]) -> Report:
        """Explain an RGB image, uint8 (rows, columns, 3).

        The curves are those of the whole model's probability: the map must hold for more than
        the member it was made from.
        """
        model, index = self.model, self.class_index
        probabilities = model.predict(image)
        if index is None:
            index = int(probabilities.argmax())
        explanation = explain_image(model, image, index)
        curves = measure(
            lambda picture: float(model.predict(picture)[index]),
            image,
            explanation.fused,
            model.recipe.random_state,
        )
        numbers = {
            "probability": float(probabilities[index]),
            "explained": sum(explained_members(model.ensemble).values()),
            "evidence": explanation.evidence,
            "constant": explanation.constant,
            **explanation.parts,
            **curves.areas(),
        }
        title = (
            "{}: probability {probability:.2f}, evidence {evidence:+.2f} (constant {constant:+.2f})"
        )
        title = title.format(model.classes[index], **numbers)
        figure = draw_explanation(image, explanation, curves, title)
        return Report(figure_bytes(figure, self.suffix), model.classes[index], numbers)


def find_class(model: Model, name: str) -> int:
    """Give a class's place among the model's.

    Raises
    ------
    ExplanationError
        If there is no such class.
    """
    if name not in model.classes:
        msg = f"The model has no class {name!r}; it has {', '.join(model.classes)}."
        raise ExplanationError(msg)
    return model.classes.index(name)
