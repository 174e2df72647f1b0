"""The options of each stage: frozen dataclasses whose defaults are the default recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from trifuse.features.checks import Count, Scales

Seed: TypeAlias = Annotated[int, Meta(ge=0, lt=2**31)]
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=1e9)]
Amount: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
OpenShare: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]


@dataclass(frozen=True)
class StreamOptions:
    """How the local descriptors of one kind become vectors; in a file, one section of a recipe.

    Attributes
    ----------
    descriptor : object
        What describes an image: a `trifuse.features.descriptors.Descriptor`. In a file its options
        are keys of the stream's section.
    encodings : dict of str to object
        The options of each encoding, by name; in a file each is a section within the stream's.
    pca_dimension : int, optional
        Principal components kept of a descriptor; None keeps descriptors as they are.
    position_weight : float
        Factor on the two positions appended after the PCA; 0 appends none.
    pyramid : tuple of int
        Spatial pyramid: each level n encodes the n x n parts of the image by themselves.
    """

    descriptor: Any
    encodings: Mapping[str, Any]
    pca_dimension: int | None = 64
    position_weight: Amount = 1.0
    pyramid: Scales = (1,)

    def to_dict(self) -> dict[str, Any]:
        """Give the stream's section of a recipe as plain data."""
        plain = asdict(self)
        descriptor, encodings = plain.pop("descriptor"), plain.pop("encodings")
        return {**descriptor, **plain, **encodings}


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

    weights: Annotated[Mapping[str, Positive], Meta(min_length=1)] = field(
        default_factory=lambda: {
            "sift_fisher": 1.0,
            "sift_vlad": 1.0,
            "color_fisher": 2.0,
            "color_vlad": 1.0,
            "cnn": 2.0,
            "cnn_fisher": 2.0,
            "cnn_crop": 2.0,
            "cnn_crop_fisher": 2.0,
        }
    )


@dataclass(frozen=True)
class EnsembleOptions:
    """The members, and the out-of-fold scores on which calibrations and weights are chosen."""

    members: Annotated[tuple[str, ...], Meta(min_length=1)] = ("svm", "lightgbm")
    folds: Annotated[int, Meta(ge=2)] = 5


@dataclass(frozen=True)
class ReviewOptions:
    """The bounds beyond which an image is for people to look at."""

    components: Count = 64
    """Principal components of each block that explain an image, or leave it unfamiliar."""
    false_alarm_rate: OpenShare = 0.02
    """Share of images like the training archive's own that are called unfamiliar."""
    coverage: OpenShare = 0.9
    """Share of the images, in each class, whose prediction set holds their class."""
    groups: tuple[str, ...] = ()
    """Columns of what is known of the images, such as age: the coverage is to hold in each class of
    each of their groups that has enough lesions."""
    bands: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Where the groups of a column of numbers begin, in increasing order."""

    def __post_init__(self) -> None:
        for column, starts in self.bands.items():
            if column not in self.groups:
                msg = f"bands names {column!r}, which groups does not"
                raise ValueError(msg)
            if not starts or list(starts) != sorted(set(starts)) or not all(map(isfinite, starts)):
                msg = f"bands of {column!r} are not numbers in increasing order"
                raise ValueError(msg)


@dataclass(frozen=True)
class DecisionOptions:
    """The points from which on an image is an alert."""

    positive: tuple[str, ...] = ()
    """Classes that are to be found; without any, no image is an alert."""
    sensitivity: Annotated[tuple[OpenShare, ...], Meta(min_length=1, max_length=20)] = (0.9, 0.95)
    """Shares of their images that are to be found, by a point each."""
