"""Every choice of how networks are trained on an archive, by `finetune` or within `train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from trifuse.features.checks import Count
from trifuse.features.descriptors.cnn import Precision
from trifuse.recipes.options import Amount, OpenShare, Positive, Seed, Share
from trifuse.recipes.reading import TomlRecipe

Rate: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
Portion: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Layer: TypeAlias = Annotated[int, Meta(gt=-(2**31), lt=2**31)] | Rate | str
Monitor: TypeAlias = Literal["bma", "accuracy", "top_3_accuracy", "loss"]


@dataclass(frozen=True)
class NetworkOptions:
    """The network that is trained, and how much of it."""

    backbone: str = "efficientnet-lite0"
    weights: str = "default"
    """The backbone's own weights, `random`, or a Keras weights file."""
    side: Count = 224
    """Rows and columns of the square crops that it is trained on, in pixels."""
    frozen: Layer = 0.5
    """The layers that keep their weights: a share of all layers, a count of the first ones, all but
    the last ones where negative, or the name of the last one frozen."""
    dropout: Rate = 0.2
    """Share of the embedding dropped before the classifier."""
    frozen_normalization: bool = False
    """Normalisations that are not frozen keep their means and variances, too: faster, but each step
    teaches less."""


@dataclass(frozen=True)
class AugmentationOptions:
    """How a training image is changed each time that it is drawn."""

    rotation: Annotated[float, Meta(ge=0, le=180)] = 180.0
    """Turned by at most this, in degrees."""
    crop: Share = 0.7
    """The least side of the square crop, as a share of the image's shorter side."""
    shift: Rate = 0.1
    """Moved by at most this share of the image's sides."""
    flip: bool = True
    """Mirrored at random."""
    brightness: Rate = 0.15
    contrast: Rate = 0.15
    saturation: Rate = 0.15
    """Each scaled by 1 plus or minus this."""
    hue: Annotated[float, Meta(ge=0, le=180)] = 5.0
    """Turned by at most this, in degrees of the colour circle."""
    color_constancy: Portion = 0.2
    """Share of the images whose light is made neutral by the shades-of-grey method."""
    blur: Portion = 0.0
    """Share of the images that are blurred."""
    jpeg: Portion = 0.0
    """Share of the images that are compressed anew, at a low quality."""
    noise: Portion = 0.0
    """Share of the images that get noise."""
    mixup: Amount = 0.0
    """Of two images, or of their features, one is made, and of their labels: shares are drawn from
    Beta(mixup, mixup); 0 mixes none."""


@dataclass(frozen=True)
class BalanceOptions:
    """What is done about classes of different sizes."""

    exponent: Annotated[float, Meta(ge=0, le=1)] = 0.75
    """An image is drawn in proportion to its class's size to the power of minus this: 0 draws
    every image alike, 1 draws every class alike."""
    class_weights: Mapping[str, Positive] = field(default_factory=dict)
    """Factors on the loss of a class's images; 1 for a class that is not named."""


@dataclass(frozen=True)
class ScheduleOptions:
    """How long, and how fast, a network learns."""

    epochs: Count = 10
    images_per_epoch: Count = 10_000
    """Drawn anew in each."""
    batch: Count = 32
    learning_rate: Positive = 6e-4
    """Of Adam, at its highest."""
    warm_up: Rate = 0.05
    """Share of the steps in which the rate rises from nothing, to fall by a half cosine."""
    label_smoothing: Rate = 0.05
    ema: Rate = 0.0
    """What is left, after a step, of the exponential mean of the weights, which is what is kept: of
    several times 1 / (1 - ema) steps. 0 keeps the weights themselves."""


@dataclass(frozen=True)
class JudgedScheduleOptions(ScheduleOptions):
    """A schedule with validation images, by which epochs are judged."""

    decay: Literal["cosine", "plateau"] = "cosine"
    """Falling to nothing by a half cosine, or divided where validation no longer improves."""
    plateau_factor: OpenShare = 0.5
    plateau_patience: Count = 2
    """Epochs without improvement after which the rate is multiplied by the factor."""
    stop_patience: Count = 10
    """Epochs without improvement after which training stops."""
    monitor: Monitor = "bma"
    """The validation figure by which epochs are judged."""
    keep: Literal["best", "last"] = "best"
    """The epoch whose network is kept: the one with the best validation figure, or the last."""


@dataclass(frozen=True)
class CrossFittingSchedule(ScheduleOptions):
    """A schedule to whose end every network is trained: there is nothing that judges epochs."""

    stored: bool = False
    """The frozen layers' features are computed once and kept on the disk, for the trained layers of
    all networks to learn from: of as many changes of each image as a network will draw of it. If
    false, images are changed anew at every step."""


@dataclass(frozen=True)
class SplitOptions:
    """How the lesions are dealt into stratified folds of the same size."""

    folds: Annotated[int, Meta(ge=3, le=100)] = 10
    validation: Count = 1
    """Folds on which epochs are judged."""
    calibration: Annotated[int, Meta(ge=0)] = 2
    """Folds that the network never sees: classifiers calibrate it on them."""


@dataclass(frozen=True)
class ExportOptions:
    """The network that is kept for scoring."""

    rows: Count = 256
    columns: Count = 341
    """That a whole image is resized to, in pixels."""
    views: Literal[1, 2, 4] = 4
    """Averaged: as it is; mirrored as well; and both upside down."""


@dataclass(frozen=True)
class CrossFittingExport(ExportOptions):
    """The networks that score, and what they compute with."""

    precision: Precision = "int8"
    """Of weights and activations, `float32` or `int8`, which takes half of the time and a quarter
    of the file."""


@dataclass(frozen=True)
class NetworkRecipe(TomlRecipe):
    """What decides how one network is trained, whoever judges it."""

    random_state: Seed = 0
    network: NetworkOptions = field(default_factory=NetworkOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    balance: BalanceOptions = field(default_factory=BalanceOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    export: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True)
class FinetuningRecipe(NetworkRecipe):
    """Every choice of a fine-tuning, one section a subject.

    Examples
    --------
    >>> FinetuningRecipe.load("default") == FinetuningRecipe()
    True
    >>> FinetuningRecipe.load("original").network.backbone
    'mobilenet-1.0'
    """

    PRESETS: ClassVar[str] = "finetune"

    schedule: JudgedScheduleOptions = field(default_factory=JudgedScheduleOptions)
    split: SplitOptions = field(default_factory=SplitOptions)


@dataclass(frozen=True)
class NetworksOptions:
    """The networks that `train` cross-fits, on the folds of the out-of-fold scores."""

    per_fold: Annotated[int, Meta(ge=0, le=10)] = 0
    """Networks that learn from all folds but one, for each fold; 0 trains none."""
    network: NetworkOptions = field(default_factory=NetworkOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    balance: BalanceOptions = field(default_factory=BalanceOptions)
    schedule: CrossFittingSchedule = field(default_factory=CrossFittingSchedule)
    export: CrossFittingExport = field(default_factory=CrossFittingExport)

    def seeded(self, random_state: int) -> NetworkRecipe:
        """Give the recipe of one of the networks."""
        return NetworkRecipe(
            random_state,
            self.network,
            self.augmentation,
            self.balance,
            self.schedule,
            self.export,
        )
