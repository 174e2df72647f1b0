"""One image's explanation: where each block found what speaks for a class, and against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble import NETWORK, Ensemble
from trifuse.classifiers.member import LinearMachine
from trifuse.classifiers.model import Model
from trifuse.classifiers.opinion_pool import OpinionPool
from trifuse.features.resize import shrink
from trifuse.recipes.registry import encodings_by_stream, members
from trifuse.studies.explanation.contributions import GAMMA, BlockSum, cell_sum, stream_sums
from trifuse.studies.explanation.maps import Lattice, cell_lattice, patch_lattices, spread


class ExplanationError(ValueError):
    """What cannot be explained; the message is a sentence that says why."""


@dataclass(frozen=True)
class Explanation:
    """A class's evidence in one image, told apart into places.

    The evidence is the logarithm of the class's probability less the mean of the logarithms of
    all classes' probabilities: 0 where it is as probable as the (geometric) mean of the classes.
    Of several members it is the sum of what the ensemble's pool makes of each. Of an ensemble whose
    members can all be told apart, and of whose images nothing else is known, it is the evidence of
    its own probabilities.

    Attributes
    ----------
    constant : float
        The part of the evidence that is the same for every image.
    maps : dict of str to ndarray of float64, shape (rows, columns)
        For each block, in the recipe's order, and for fine-tuned networks together, what each
        pixel contributes to the evidence; of the image shrunk to the recipe's longest side.
    """

    constant: float
    maps: dict[str, NDArray[np.float64]]

    @property
    def fused(self) -> NDArray[np.float64]:
        """The sum of the maps, (rows, columns)."""
        fused: NDArray[np.float64] = np.sum(list(self.maps.values()), axis=0)
        return fused

    @property
    def parts(self) -> dict[str, float]:
        """The evidence in each map."""
        return {name: float(values.sum()) for name, values in self.maps.items()}

    @property
    def evidence(self) -> float:
        """The constant and all maps."""
        return self.constant + sum(self.parts.values())


def explained_members(ensemble: Ensemble) -> dict[str, float]:
    """Give the members that can be told apart into places, and their weights in the ensemble.

    Linear machines can, and fine-tuned networks; others cannot.

    Raises
    ------
    ExplanationError
        If the ensemble has no such member, or gives it no weight.
    """
    weights = {
        name: weight
        for name, weight in ensemble.pool.weights.items()
        if weight > 0 and (name == NETWORK or isinstance(ensemble.machines[name], LinearMachine))
    }
    if not weights:
        deciding = [name for name, weight in ensemble.pool.weights.items() if weight > 0]
        linear = [name for name, kind in members().items() if kind.machine is LinearMachine]
        raise ExplanationError(
            f"The model decides by {' and '.join(deciding)} alone, which cannot be told "
            f"apart into places of an image; train one with the member {' or '.join(linear)}."
        )
    return weights


def explained_share(ensemble: Ensemble) -> float:
    """Give the share of the members that `explained_members` gives in the weights of all."""
    return sum(explained_members(ensemble).values()) / sum(ensemble.pool.weights.values())


def explain_image(
    model: Model, image: NDArray[np.uint8], class_index: int, gamma: float = GAMMA
) -> Explanation:
    """Tell apart the evidence for one class, of the members that can be.

    Parameters
    ----------
    model : Model
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    class_index : int
        In the order of the model's classes.
    gamma : float
        See `trifuse.studies.explanation.contributions.BlockSum`.

    Returns
    -------
    Explanation
        Its evidence is that of the members' probabilities, pooled, but for rounding to float32.

    Raises
    ------
    ExplanationError
        As `explained_members`.
    """
    ensemble = model.ensemble
    members, direction = explained_members(ensemble), find_direction(ensemble.pool, class_index)
    constant = float(ensemble.pool.biases[class_index] - ensemble.pool.biases.mean())
    weights, maps = [], {}
    for member, weight in members.items():
        machine, calibration = ensemble.machines.get(member), ensemble.calibrations[member]
        scale = weight / calibration.temperature
        constant += weight * float(direction @ calibration.biases)
        if isinstance(machine, LinearMachine):
            constant += scale * float(direction @ machine.intercepts)
            weights.append(scale * (direction @ machine.weights.astype(np.float64)))
        else:
            maps[NETWORK] = scale * network_map(model, image, direction)
    if weights:
        maps = block_maps(model, image, np.sum(weights, axis=0), gamma) | maps
    return Explanation(constant, maps)


def find_direction(pool: OpinionPool, class_index: int) -> NDArray[np.float64]:
    """Give what the logarithm of each class's probability adds to the evidence for one.

    Returns
    -------
    ndarray of float64, shape (n_classes,)
        Where nothing is mixed, 1 - 1 / n_classes for the class itself, -1 / n_classes for others.
    """
    direction: NDArray[np.float64] = pool.mixing[:, class_index] - pool.mixing.mean(axis=1)
    direction -= direction.mean()
    return direction


def block_maps(
    model: Model, image: NDArray[np.uint8], weights: NDArray[np.float64], gamma: float = GAMMA
) -> dict[str, NDArray[np.float64]]:
    """Map what an image's blocks contribute to a linear score.

    Parameters
    ----------
    model : Model
    image : ndarray of uint8, shape (rows, columns, 3)
    weights : ndarray of float64, shape (dim,)
        Of the fused vector.
    gamma : float

    Returns
    -------
    dict of str to ndarray of float64, shape (rows, columns)
        In the recipe's order; together they sum to ``weights @ fused``.
    """
    shape, shares = _described_shape(model, image), model.ensemble.block_weights
    blocks = take_apart(model, image)
    ends = np.cumsum([blocks[name][0].dimension for name in shares])
    maps = {}
    for (name, share), own in zip(shares.items(), np.split(weights, ends[:-1]), strict=True):
        scale = (share / sum(shares.values())) ** 0.5  # that of `trifuse.encoders.fusion.fuse`
        total, lattices = blocks[name]
        maps[name] = spread(total.contributions(own * scale, gamma), lattices, shape)
    return maps


def network_map(
    model: Model, image: NDArray[np.uint8], direction: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Map what fine-tuned networks' cells contribute to the logits' product with a direction.

    A network's logits are the mean of its class activation map (Zhou et al., CVPR 2016), so that
    nothing needs to be propagated.
    """
    shape = _described_shape(model, image)
    total = np.zeros(shape)
    for network in model.networks:
        cells = network.class_map(image).astype(np.float64)
        contributions = cells @ direction / cells[:, :, 0].size
        total += spread(contributions.ravel(), [cell_lattice(*contributions.shape)], shape)
    return total / len(model.networks)


def take_apart(model: Model, image: NDArray[np.uint8]) -> dict[str, tuple[BlockSum, list[Lattice]]]:
    """Give every block of an image as a sum over descriptors, and where these lie, in order."""
    extractor, shape = model.encoder.extractor, _described_shape(model, image)
    streams, outputs = extractor.extract(image)
    blocks, lattices = {}, {}
    for stream, patches in extractor.patches.items():
        lattices[stream] = patch_lattices(patches.grids(shape))
    for stream, (feature_map, last_map) in outputs.items():
        seen = extractor.views[stream].seen
        lattices[stream] = [cell_lattice(*feature_map.shape[:2], seen=seen)]
        blocks[stream] = cell_sum(last_map), [cell_lattice(*last_map.shape[:2], seen=seen)]
    for stream, wanted in encodings_by_stream(model.recipe.block_weights).items():
        sums = stream_sums(streams[stream], model.encoder.streams[stream])
        for encoding, block in wanted.items():
            blocks[block] = sums[encoding], lattices[stream]
    return blocks


def _described_shape(model: Model, image: NDArray[np.uint8]) -> tuple[int, int]:
    """Give (rows, columns) of the image as SIFT and colour see it."""
    rows, columns = shrink(image, model.recipe.image.longest_side).shape[:2]
    return rows, columns
