"""An image's explanation for readers: its figure, and the numbers of its row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model, Verdict
from trifuse.classifiers.reasons import find_reasons, rank_classes
from trifuse.features.images import ImageError, read_content, read_image
from trifuse.studies.explanation.curves import measure_curves
from trifuse.studies.explanation.evidence import (
    Explanation,
    ExplanationError,
    explain_image,
    explained_share,
)
from trifuse.studies.explanation.explanation_figure import draw_explanation
from trifuse.studies.figures import figure_bytes

TOP = 3
"""Classes that are named, as many as `trifuse predict` names."""
LONGEST_NAME = 100
"""Characters of an image's name that fit the figure."""
MILLION = 13.8
"""Evidence; what is surer is told no more exactly."""
BETTER, NO_BETTER = "better than random", "no better than random"


class ExplainedImage(NamedTuple):
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
    verdict : str
        `BETTER` where the map beats every random one by both curves, else `NO_BETTER`.
    is_training_image : bool
        The model was trained on this very file.
    """

    figure: bytes
    class_name: str
    numbers: dict[str, float]
    verdict: str
    is_training_image: bool = False


@dataclass(frozen=True)
class Explainer:
    """Explains images one by one; it can be sent to other processes.

    Attributes
    ----------
    model : Model
    suffix : str
        Of the figures, one of `trifuse.studies.figures.FIGURE_FORMATS`.
    class_index : int, optional
        The class to explain; without one, each image's most probable.
    """

    model: Model
    suffix: str = ".png"
    class_index: int | None = None

    def __call__(self, named: tuple[str, bytes | None]) -> ExplainedImage | str:
        """Explain an image; one that cannot be read gives the reason.

        Parameters
        ----------
        named : (str, bytes or None)
            The image's name, which is its path where there is no content of its file.

        Returns
        -------
        ExplainedImage or str
            The reason is a clause that does not name the file.
        """
        name, content = named
        try:
            content = read_content(name) if content is None else content
            image = read_image(content)
            self.model.encoder.extractor.check_size(image.shape)
        except ImageError as error:
            return str(error)
        is_known = self.model.training_images.hold(hashlib.sha256(content).hexdigest())
        return self.report(image, name, is_known)

    def report(
        self, image: NDArray[np.uint8], name: str, is_training_image: bool = False
    ) -> ExplainedImage:
        """Explain an RGB image, uint8 (rows, columns, 3).

        The curves are those of the whole model's probability: the map must hold for more than
        the member it was made from.
        """
        model, index = self.model, self.class_index
        verdict = model.judge(image)
        ranking = rank_classes(verdict.probabilities.tolist())
        if index is None:
            index = ranking[0]
        explanation = explain_image(model, image, index)
        curves = measure_curves(
            lambda picture: float(model.predict(picture)[index]),
            image,
            explanation.fused,
            model.recipe.random_state,
        )
        numbers = {
            "probability": float(verdict.probabilities[index]),
            "explained": explained_share(model.ensemble),
            "evidence": explanation.evidence,
            "constant": explanation.constant,
            **explanation.parts,
            **curves.areas(),
        }
        judged = BETTER if curves.beat_random else NO_BETTER
        figure = draw_explanation(
            image,
            explanation,
            curves,
            title=_tell(name, model, verdict, is_training_image),
            verdict=f"the map of {model.classes[index]} is {judged}",
            note=_explain_sum(model.classes[index], explanation, numbers["explained"]),
        )
        return ExplainedImage(
            figure_bytes(figure, self.suffix),
            model.classes[index],
            numbers,
            judged,
            is_training_image,
        )


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


def _tell(name: str, model: Model, verdict: Verdict, is_training_image: bool) -> str:
    """Name an image, of a long name the end, and say in two lines what `trifuse predict` says."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)
    if len(shown) > LONGEST_NAME:
        shown = f"…{shown[-LONGEST_NAME:]}"
    named = rank_classes(verdict.probabilities.tolist())[:TOP]
    reasons = find_reasons(
        named,
        verdict.prediction_set,
        unfamiliar=verdict.unfamiliar,
        flawed=bool(verdict.flaws),
        is_training_image=is_training_image,
    )
    flaws = f" ({', '.join(verdict.flaws)})" if verdict.flaws else ""
    review = f"review: {', '.join(reasons)}{flaws}" if reasons else "no reason for review"
    classes = (f"{model.classes[index]} {verdict.probabilities[index]:.2f}" for index in named)
    return f"{shown}\n{',  '.join(classes)}\n{review}"


def _explain_sum(class_name: str, explanation: Explanation, share: float) -> str:
    """Say in three lines what the evidence is, and of what it is the sum."""
    evidence, constant = explanation.evidence, explanation.constant
    times = "over a million" if evidence > MILLION else f"{float(f'{np.exp(evidence):.2g}'):,g}"
    of = "" if share > 0.9995 else f", in the members with {share:.0%} of the ensemble's weight"
    return (
        f"Evidence for {class_name}: {evidence:+.2f} = {constant:+.2f} (the same for every image) "
        f"{evidence - constant:+.2f} (the sum of all maps; over each map is its own sum).\n"
        "It is the logarithm of the class's probability less the mean logarithm of all classes', "
        f"so that this class is\n{times} times as probable as their geometric mean{of}."
    )
