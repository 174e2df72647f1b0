"""The ensemble: calibrated members, and the pool of what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import Calibration
from trifuse.classifiers.components import Projected
from trifuse.classifiers.member import Machine
from trifuse.classifiers.metadata import MetadataColumn, encode_metadata
from trifuse.classifiers.opinion_pool import OpinionPool
from trifuse.encoders.fusion import fuse
from trifuse.encoders.projection import Projection

NETWORK = "network"
"""The member that is no machine on the blocks: the mean logits of fine-tuned networks, which come
beside the blocks under this name."""
ENSEMBLE = "ensemble"
"""What the members say together, among what each says."""
IMAGES_ALONE = "ensemble, images alone"
"""The same, were nothing known of the images beside their pixels."""


@dataclass(frozen=True)
class Ensemble:
    """Fitted members, their calibrations, and the pool of what they say.

    Attributes
    ----------
    block_weights : dict of str to float
        The fusion.
    machines : dict of str to Machine
        The recipe's members by name.
    projections : dict of str to Projection
        The PCA of each block: its leading components are those of the reduced members, and of
        novelty.
    n_components : dict of str to int
        How many of each block the reduced members look at, by member.
    calibrations : dict of str to Calibration
        Of each member: the machines, and `NETWORK` where there are fine-tuned networks.
    pool : OpinionPool
        Of the same members.
    metadata : tuple of MetadataColumn
        What the pool takes beside the members' probabilities, where it is known of an image.
    prior : ndarray of float64, shape (n_classes,)
        Shares of the classes in training.
    """

    block_weights: Mapping[str, float]
    machines: dict[str, Machine]
    projections: dict[str, Projection]
    n_components: Mapping[str, int]
    calibrations: dict[str, Calibration]
    pool: OpinionPool
    prior: NDArray[np.float64]
    metadata: tuple[MetadataColumn, ...] = ()

    def project(self, blocks: Mapping[str, NDArray[np.float32]]) -> Projected:
        """Put blocks, of (n, dim) each, beside their principal components."""
        return Projected(blocks, self.projections)

    def member_probabilities(self, images: Projected) -> dict[str, NDArray[np.float64]]:
        """Give each member's calibrated probabilities; (n, n_classes) by name."""
        return {
            name: calibration.probabilities(self._scores(name, images))
            for name, calibration in self.calibrations.items()
        }

    def judge(
        self, images: Projected, cells: Mapping[str, Sequence[str]] | None = None
    ) -> NDArray[np.float64]:
        """Give calibrated probabilities; float64 (n, n_classes).

        `cells` has what is known of the images, a cell an image, by column.
        """
        probabilities = self.member_probabilities(images)
        if not self.metadata or not cells:
            return self.pool.combine(probabilities)
        n = len(next(iter(probabilities.values())))
        known = encode_metadata(self.metadata, cells, n)
        return self.pool.combine(probabilities, np.hstack(known))

    def probabilities(self, blocks: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Give calibrated probabilities; blocks of (n, dim) each to (n, n_classes)."""
        return self.judge(self.project(blocks))

    def alone(self, member: str) -> Ensemble:
        """Give the ensemble that has this member and no other."""
        calibrations = {member: self.calibrations[member]}
        return replace(self, calibrations=calibrations, pool=self.pool.alone(member), metadata=())

    def _scores(self, member: str, images: Projected) -> NDArray[np.float64]:
        if member == NETWORK:
            return images.blocks[NETWORK].astype(np.float64)
        if member in self.n_components:
            return self.machines[member].scores(images.joined(self.n_components[member]))
        return self.machines[member].scores(fuse(images.blocks, self.block_weights))


@dataclass(frozen=True)
class OutOfFold:
    """What members that never saw an image's group say of it.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        The images: all, but for those that fine-tuned networks have seen.
    probabilities : dict of str to ndarray of float64, shape (n_rows, n_classes)
        By member, and `ENSEMBLE`, under pools that were fitted on the other folds, or on all where
        the others lack a class; with metadata `IMAGES_ALONE` too.
    uncalibrated : ndarray of float64, shape (n_rows, n_classes)
        Of the ensemble, with the softmax of each member's scores as they are in the place of its
        calibrated probabilities, and with the pool's weights alone.
    residuals : ndarray of float64, shape (n_images, n_blocks)
        Of all images, see `trifuse.classifiers.components.Analysis`; none unless asked for.
    """

    rows: NDArray[np.intp]
    probabilities: dict[str, NDArray[np.float64]]
    uncalibrated: NDArray[np.float64]
    residuals: NDArray[np.float64]
