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
from trifuse.recipes.reading import RecipeError, TomlRecipe

__all__ = ["Recipe", "RecipeError", "load_recipe", "preset_names"]


@dataclass(frozen=True)
class Recipe(TomlRecipe):
    """Every choice of a training, one section a stage; ``Recipe()`` is the default recipe.

    Examples
    --------
    >>> load_recipe("default") == Recipe()
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


def preset_names() -> list[str]:
    """Give the names of the recipes that come with trifuse."""
    return Recipe.presets()


def load_recipe(name_or_path: str) -> Recipe:
    """Read a preset by its name, or a TOML file by its path; see `TomlRecipe.load`."""
    return Recipe.load(name_or_path)
