"""The recipe of a model: every choice of a training, read from TOML, known by its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field

from trifuse.recipes.options import (
    CnnOptions,
    ColorOptions,
    EnsembleOptions,
    FusionOptions,
    ImageOptions,
    LightgbmOptions,
    ReviewOptions,
    SampleOptions,
    Seed,
    SiftOptions,
    SoftmaxOptions,
    SvmOptions,
)
from trifuse.recipes.reading import TomlRecipe


@dataclass(frozen=True)
class Recipe(TomlRecipe):
    """Every choice of a training, one section a stage; ``Recipe()`` is the default recipe.

    Examples
    --------
    >>> Recipe.load("default") == Recipe()
    True
    >>> Recipe.from_dict({"svm": {"c": 10}})
    Traceback (most recent call last):
    ...
    trifuse.recipes.reading.RecipeError: The recipe's section [svm] has no key 'c'; it has C.
    """

    random_state: Seed = 0
    image: ImageOptions = field(default_factory=ImageOptions)
    sift: SiftOptions = field(default_factory=SiftOptions)
    color: ColorOptions = field(default_factory=ColorOptions)
    cnn: CnnOptions = field(default_factory=CnnOptions)
    sample: SampleOptions = field(default_factory=SampleOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    svm: SvmOptions = field(default_factory=SvmOptions)
    lightgbm: LightgbmOptions = field(default_factory=LightgbmOptions)
    softmax: SoftmaxOptions = field(default_factory=SoftmaxOptions)
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    review: ReviewOptions = field(default_factory=ReviewOptions)

    @property
    def block_weights(self) -> dict[str, float]:
        """The blocks and their weights in the fusion, in the recipe's order."""
        return {str(block): weight for block, weight in self.fusion.weights.items()}
