"""CNN embeddings and feature maps, without TensorFlow."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.grid import LocalDescriptors
from trifuse.features.litert import LitertNetwork


class CnnOutputs(NamedTuple):
    """What a backbone says of one image.

    Attributes
    ----------
    embedding : ndarray of float32, shape (d,)
        The spatial mean of `last_map`.
    feature_map : ndarray of float32, shape (h, w, c)
        The output of the backbone's ``feature_layer``; h and w, about the input size / 16.
    last_map : ndarray of float32, shape (h', w', d)
        The last feature map.
    """

    embedding: NDArray[np.float32]
    feature_map: NDArray[np.float32]
    last_map: NDArray[np.float32]


class CnnEmbedder(LitertNetwork):
    """Embeds images with a backbone of :func:`~trifuse.features.keras_backbones.build_backbone`."""

    OUTPUTS: ClassVar = dict(zip(CnnOutputs._fields, (2, 4, 4), strict=True))

    def embed(self, image: NDArray[np.uint8]) -> CnnOutputs:
        """Embed one RGB image, uint8 (rows, columns, 3); raises as :meth:`run`."""
        return CnnOutputs(**self.run(image))


class CnnClassifier(LitertNetwork):
    """Classifies images with a fine-tuned network.

    See :func:`trifuse.studies.finetuning.network.export_network`.
    """

    OUTPUTS: ClassVar = {"class_map": 4}

    @property
    def n_classes(self) -> int:
        """The number of classes.

        Raises
        ------
        trifuse.features.backbones.BackboneError
            As :meth:`run`.
        """
        return int(self._signature().get_output_details()["class_map"]["shape"][-1])

    def class_map(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the class activation map of one RGB image, uint8 (rows, columns, 3).

        Returns
        -------
        ndarray of float32, shape (h, w, n_classes)
            Its spatial mean is the logits.

        Raises
        ------
        trifuse.features.backbones.BackboneError
            As :meth:`run`.
        """
        return self.run(image)["class_map"]


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
