"""The network once more, nearer: its cells on the middle of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta

from trifuse.features.descriptors import NetworkView

Middle: TypeAlias = Annotated[
    float, Meta(gt=0, le=1, description="a number above 0 and of at most 1")
]


@dataclass(frozen=True)
class CnnCropCells(NetworkView):
    """A second view of the network of `trifuse.features.descriptors.cnn.CnnCells`.

    What the middle of an image shows, where a lesion mostly is, fills the network's input.

    Attributes
    ----------
    share : float
        Of the image's rows and of its columns, what the view holds.
    """

    name: ClassVar = "cnn_crop"
    title: ClassVar = "CNN cells of the middle"
    embedding: ClassVar = "CNN embedding of the middle"

    share: Middle = 0.6

    @property
    def seen(self) -> float:
        """The share."""
        return self.share


METHOD = CnnCropCells
