"""The cells of a CNN's feature map as local descriptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from trifuse.features.backbones import DEFAULT_BACKBONE, BackboneError
from trifuse.features.checks import Count
from trifuse.features.descriptors import NetworkView
from trifuse.features.grid import LocalDescriptors
from trifuse.features.litert import CnnEmbedder

Name: TypeAlias = Annotated[str, Meta(description="a name")]
File: TypeAlias = Annotated[str, Meta(description="a name or a file's path")]
Size: TypeAlias = Annotated[
    tuple[Count, Count] | None, Meta(description="two positive integers (rows, columns)")
]
Precision: TypeAlias = Annotated[
    Literal["float32", "int8"], Meta(description="one of float32, int8")
]

CALIBRATION = 32
"""Images on which the ranges of a network of int8 are measured."""


@dataclass(frozen=True)
class CnnCells(NetworkView):
    """The pretrained network: its embedding, and its feature map as local descriptors.

    Attributes
    ----------
    backbone : str
        A name of `trifuse.features.backbones.BACKBONES`.
    weights : str
        "default" for the backbone's own, "random", or a Keras weights file.
    input_size : tuple of int, optional
        (rows, columns) that images are resized to; the backbone's own if not given.
    precision : {"float32", "int8"}
        Of the network's weights and activations. `int8` takes about half of the time of `float32`
        and a quarter of the file.
    """

    name: ClassVar = "cnn"
    title: ClassVar = "CNN cells"
    embedding: ClassVar = "CNN embedding"
    chosen: ClassVar[Mapping[str, Any]] = {"input_size": (224, 300), "precision": "int8"}

    backbone: Name = DEFAULT_BACKBONE
    weights: File = "default"
    input_size: Size = None
    precision: Precision = "float32"

    def build(self, images: Sequence[NDArray[np.uint8]] = ()) -> CnnEmbedder:
        """Build the network and export it to LiteRT, which imports TensorFlow.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (rows, columns, 3)
            Those of `calibration_rows`, in colour.

        Raises
        ------
        trifuse.features.backbones.BackboneError
            If there is no such backbone, it cannot be built, or `int8` has no images.
        """
        from trifuse.features.keras_backbones import build_backbone, export_litert

        if self.precision == "int8" and not len(images):
            raise BackboneError(
                "a network of int8 needs images to measure its ranges on; give some"
            )
        network = build_backbone(self.backbone, self.weights, self.input_size)
        return CnnEmbedder(export_litert(network, images))

    def calibration_rows(self, n_images: int) -> list[int]:
        """Choose the images that `build` needs: for `int8` some that are spread over all."""
        return calibration_rows(n_images, self.precision)


METHOD = CnnCells


def calibration_rows(n_images: int, precision: Precision) -> list[int]:
    """Choose the images on which the ranges of a network are measured, spread over all.

    Examples
    --------
    >>> calibration_rows(5, "int8"), calibration_rows(5, "float32")
    ([0, 1, 2, 3, 4], [])
    """
    chosen = min(CALIBRATION, n_images) if precision == "int8" else 0
    rows: list[int] = np.linspace(0, n_images - 1, chosen).round().astype(int).tolist()
    return rows


def map_descriptors(feature_map: NDArray[np.float32]) -> LocalDescriptors:
    """Take each cell of a feature map, (rows, columns, d), for a local descriptor.

    Values have unit L2 norm, or are zero; positions are the cells' centres.
    """
    rows, columns, dimension = feature_map.shape
    values = feature_map.reshape(-1, dimension)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values = np.divide(values, norms, out=np.zeros_like(values), where=norms > 0)
    positions = np.empty((rows, columns, 2), dtype=np.float32)
    positions[:, :, 0] = ((np.arange(rows) + 0.5) / rows - 0.5)[:, None]
    positions[:, :, 1] = (np.arange(columns) + 0.5) / columns - 0.5
    return LocalDescriptors(values, positions.reshape(-1, 2))
