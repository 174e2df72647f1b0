"""The recipe of fine-tuning: every choice of how a network is trained on an archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from trifuse.recipes.options import Count, OpenShare, Positive, Seed, Share
from trifuse.recipes.reading import TomlRecipe

Rate: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
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
    color_constancy: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """Share of the images whose light is made neutral by the shades-of-grey method."""


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
    """How long, and how fast, the network learns."""

    epochs: Count = 10
    images_per_epoch: Count = 10_000
    """Drawn anew in each."""
    batch: Count = 32
    learning_rate: Positive = 6e-4
    """Of Adam, at its highest."""
    warm_up: Rate = 0.05
    """Share of the steps in which the rate rises from nothing."""
    decay: Literal["cosine", "plateau"] = "cosine"
    """Falling to nothing by a half cosine, or divided where validation no longer improves."""
    plateau_factor: OpenShare = 0.5
    plateau_patience: Count = 2
    """Epochs without improvement after which the rate is multiplied by the factor."""
    stop_patience: Count = 10
    """Epochs without improvement after which training stops."""
    label_smoothing: Rate = 0.05
    monitor: Monitor = "bma"
    """The validation figure by which epochs are judged."""
    keep: Literal["best", "last"] = "best"
    """The epoch whose network is kept: the one with the best validation figure, or the last."""


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
class FinetuningRecipe(TomlRecipe):
    """Every choice of a fine-tuning, one section a subject.

    Examples
    --------
    >>> FinetuningRecipe.load("default") == FinetuningRecipe()
    True
    >>> FinetuningRecipe.load("original").network.backbone
    'mobilenet-1.0'
    """

    PRESETS: ClassVar[str] = "finetune"

    random_state: Seed = 0
    network: NetworkOptions = field(default_factory=NetworkOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    balance: BalanceOptions = field(default_factory=BalanceOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
