"""The options of each stage: frozen dataclasses whose defaults are the default recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

Count: TypeAlias = Annotated[int, Meta(ge=1, lt=2**31)]
Seed: TypeAlias = Annotated[int, Meta(ge=0, lt=2**31)]
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=1e9)]
NonNegative: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
OpenShare: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
Scales: TypeAlias = Annotated[tuple[Count, ...], Meta(min_length=1, max_length=16)]

StreamName: TypeAlias = Literal["sift", "color", "cnn"]
"""Sources of local descriptors."""
EncodingName: TypeAlias = Literal["fisher", "vlad"]
"""Ways in which many local descriptors become one vector."""
BlockName: TypeAlias = Literal[
    "cnn", "sift_fisher", "sift_vlad", "color_fisher", "color_vlad", "cnn_fisher", "cnn_vlad"
]
"""The network's embedding by itself, and each stream in each encoding."""
MemberName: TypeAlias = Literal["svm", "lightgbm", "softmax"]
"""Classifiers that an ensemble can be made of."""


@dataclass(frozen=True)
class CodebookOptions:
    """How one stream's local descriptors become one vector."""

    pca_dimension: Count = 64
    """Principal components kept of a descriptor."""
    components: Count = 64
    """Gaussians of the Fisher vector's mixture."""
    centers: Count = 64
    """Centres of the VLAD codebook."""
    position_weight: NonNegative = 1.0
    """Factor on the two positions appended after the PCA; 0 appends none."""
    pyramid: Scales = (1,)
    """Spatial pyramid: each level n encodes the n x n parts of the image by themselves."""


@dataclass(frozen=True)
class SiftOptions(CodebookOptions):
    """Dense SIFT descriptors."""

    step: Count = 4
    bin_sizes: Scales = (4, 6, 8, 12)
    contrast_threshold: NonNegative = 0.0
    root: bool = True


@dataclass(frozen=True)
class ColorOptions(CodebookOptions):
    """Local colour statistics."""

    step: Count = 4
    bin_sizes: Scales = (4, 8, 16)


@dataclass(frozen=True)
class CnnOptions(CodebookOptions):
    """The pretrained network: its embedding, and its feature map as local descriptors."""

    backbone: str = "efficientnet-lite0"
    input_size: tuple[Count, Count] = (300, 400)
    """Rows and columns that an image is resized to."""
    weights: str = "default"
    """The backbone's own weights, `random`, or a Keras weights file."""


@dataclass(frozen=True)
class ImageOptions:
    """What is done to an image before its SIFT and colour descriptors are taken."""

    longest_side: Count = 300
    """Larger images are shrunk to it, in pixels."""


@dataclass(frozen=True)
class SampleOptions:
    """The sample of local descriptors that codebooks are trained on."""

    size: Count = 120_000
    """Descriptors of a stream."""
    images: Count = 2_000
    """Images that they are drawn from, spread evenly over the training images."""


@dataclass(frozen=True)
class FusionOptions:
    """The blocks, and their weights in the fused linear kernel."""

    weights: Annotated[Mapping[BlockName, Positive], Meta(min_length=1)] = field(
        default_factory=lambda: {
            "sift_fisher": 1.0,
            "sift_vlad": 1.0,
            "color_fisher": 2.0,
            "color_vlad": 1.0,
            "cnn": 2.0,
            "cnn_fisher": 2.0,
        }
    )


@dataclass(frozen=True)
class SvmOptions:
    """The linear support vector machines on the fused blocks."""

    C: Positive = 2.0


@dataclass(frozen=True)
class LightgbmOptions:
    """The boosted trees on PCA-reduced blocks."""

    pca_dimension: Count = 64
    """Principal components kept of each block."""
    trees: Count = 300
    """Boosting rounds; each grows one tree a class."""
    learning_rate: Positive = 0.1
    leaves: Annotated[int, Meta(ge=2)] = 7
    l2: NonNegative = 5.0
    """L2 regularisation of the leaves."""
    feature_fraction: Share = 0.1
    """Share of the features that each tree may use."""


@dataclass(frozen=True)
class SoftmaxOptions:
    """The softmax layer on the fused blocks, trained by gradient descent."""

    steps: Count = 4_000
    batch: Count = 100
    """Images a step."""
    learning_rate: Positive = 0.01
    """Of Adam."""


@dataclass(frozen=True)
class EnsembleOptions:
    """The members, and the out-of-fold scores on which calibrations and weights are chosen."""

    members: Annotated[tuple[MemberName, ...], Meta(min_length=1)] = ("svm", "lightgbm")
    folds: Annotated[int, Meta(ge=2)] = 5


@dataclass(frozen=True)
class ReviewOptions:
    """The bounds beyond which an image is for people to look at."""

    false_alarm_rate: OpenShare = 0.02
    """Share of images like the training archive's own that are called unfamiliar."""
    coverage: OpenShare = 0.9
    """Share of the images, in each class, whose prediction set holds their class."""
