"""The model: from one RGB image to calibrated class probabilities."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bands import name_stratum
from trifuse.classifiers.decision import Decision
from trifuse.classifiers.ensemble import NETWORK, Ensemble
from trifuse.classifiers.metadata import MetadataColumn
from trifuse.classifiers.review import Review
from trifuse.encoders.blocks import BlockEncoder, Blocks
from trifuse.features.litert import CnnClassifier
from trifuse.features.quality import find_flaws
from trifuse.recipes.recipe import Recipe

_NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, surrogates (bytes that are no text), line breaks."""
DIGEST_BYTES = 32
"""Of a SHA-256."""


class ClassNamesError(ValueError):
    """Class names that a model cannot have."""


class Verdict(NamedTuple):
    """What a model says of one image, and of its own doubt.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_classes,)
        Under the training archive's class shares; they sum to one.
    prediction_set : tuple of int
        Classes, the most probable first, that hold the right one with the coverage that the
        recipe promises; one class at least.
    unfamiliar : bool
        The image does not look like the training archive.
    flaws : tuple of str
        See `trifuse.features.quality.find_flaws`.
    alert : float, optional
        The sensitivity of the strictest operating point that the image reaches; see
        `trifuse.classifiers.decision`.
    """

    probabilities: NDArray[np.float64]
    prediction_set: tuple[int, ...]
    unfamiliar: bool
    flaws: tuple[str, ...]
    alert: float | None = None


@dataclass(frozen=True)
class TrainingImages:
    """The SHA-256 of every image file that a model has seen in training, in order of their bytes.

    The order tells nothing of the archive's: neither which image is which, nor of which class.

    Attributes
    ----------
    digests : ndarray of uint8, shape (n_images, 32)
        Each once, in increasing order.

    Examples
    --------
    >>> images = TrainingImages.of(["ff" * 32, "00" * 32, "ff" * 32])
    >>> images.digests.shape, images.hold("ff" * 32), images.hold("01" * 32), images.hold("")
    ((2, 32), True, False, False)
    """

    digests: NDArray[np.uint8]

    @classmethod
    def of(cls, images: Iterable[str]) -> TrainingImages:
        """Take the SHA-256 of files, in hexadecimal."""
        joined = b"".join(sorted(map(bytes.fromhex, set(images))))
        return cls(np.frombuffer(joined, np.uint8).reshape(-1, DIGEST_BYTES))

    def __len__(self) -> int:
        return len(self.digests)

    def hold(self, image: str) -> bool:
        """Tell whether a file is one of them by its SHA-256 in hexadecimal; an empty one is not."""
        if not image:
            return False
        keys, digest = _as_keys(self.digests), bytes.fromhex(image)
        place = int(np.searchsorted(keys, np.array(digest, keys.dtype)))
        return place < len(self) and self.digests[place].tobytes() == digest

    def are_in_order(self) -> bool:
        """Tell whether each is there once, in increasing order, as `hold` needs them."""
        keys = _as_keys(self.digests)
        return bool(np.all(keys[:-1] < keys[1:]))


def _as_keys(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    # NumPy orders byte strings of one length as Python does: zeros at their end, which it does
    # not tell from nothing, come first anyway.
    keys: NDArray[np.bytes_] = digests.view(f"S{DIGEST_BYTES}").reshape(-1)
    return keys


@dataclass(frozen=True)
class Model:
    """Everything that scoring needs.

    Attributes
    ----------
    classes : tuple of str
        In the order of the probabilities.
    encoder : BlockEncoder
    ensemble : Ensemble
    review : Review
    training_images : TrainingImages
        What it says of these is too good.
    networks : tuple of CnnClassifier
        Fine-tuned; none in most models.
    decision : Decision, optional
        Its operating points, where its recipe asks for some.
    """

    classes: tuple[str, ...]
    encoder: BlockEncoder
    ensemble: Ensemble
    review: Review
    training_images: TrainingImages
    networks: tuple[CnnClassifier, ...] = ()
    decision: Decision | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe that the model was trained by."""
        return self.encoder.extractor.recipe

    @property
    def columns(self) -> tuple[str, ...]:
        """What the model makes use of, where it is known of an image: the cells of `judge`."""
        return name_columns(self.recipe.review.groups, self.ensemble.metadata)

    def describe(self, image: NDArray[np.uint8]) -> Blocks:
        """Give all that the ensemble asks of one RGB image, uint8 (rows, columns, 3).

        Returns
        -------
        dict of str to ndarray of float32, shape (1, dim)
            The blocks, and `NETWORK`, the mean logits of the networks, where there are some.
        """
        blocks = {name: block[None] for name, block in self.encoder.encode(image).items()}
        if self.networks:
            blocks[NETWORK] = mean_logits(self.networks, image)[None]
        return blocks

    def judge(self, image: NDArray[np.uint8], cells: Sequence[str] = ()) -> Verdict:
        """Score one RGB image, uint8 of shape (rows, columns, 3), and tell the doubt.

        `cells` has what is known of it under each of `columns`; empty ones, or none, where nothing
        is.

        Images are scored one by one: the last bits of a matrix product depend on the shapes of
        its operands, and the same image must get the same bytes in every batch.
        """
        images = self.ensemble.project(self.describe(image))
        known = dict(zip(self.columns, cells or [""] * len(self.columns), strict=True))
        listed = {name: [cell] for name, cell in known.items()}
        probabilities: NDArray[np.float64] = self.ensemble.judge(images, listed)[0]
        options = self.recipe.review
        stratum = name_stratum(
            options.groups, options.bands, [known[name] for name in options.groups]
        )
        return Verdict(
            probabilities,
            self.review.sets.members(probabilities, stratum),
            bool(self.review.novelty.are_unfamiliar(images)[0]),
            find_flaws(image),
            None if self.decision is None else self.decision.alert(probabilities),
        )

    def predict(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Give the probabilities of `judge` alone; float64 (n_classes,)."""
        return self.judge(image).probabilities


def name_columns(groups: Sequence[str], metadata: Sequence[MetadataColumn]) -> tuple[str, ...]:
    """Name what a model makes use of: by what its sets are, and what its ensemble takes."""
    return tuple(dict.fromkeys((*groups, *(column.name for column in metadata))))


def mean_logits(networks: Sequence[CnnClassifier], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average the logits of networks for one RGB image; float32 (n_classes,)."""
    logits = [network.class_map(image).mean(axis=(0, 1), dtype=np.float64) for network in networks]
    mean: NDArray[np.float32] = np.mean(logits, axis=0).astype(np.float32)
    return mean


def check_class_names(names: Sequence[str]) -> None:
    """Check that classes can stand in a table and on a terminal.

    Raises
    ------
    ClassNamesError
        If there are fewer than two, if two are the same, or if a name is empty or has control
        characters, line breaks, or bytes that are no text.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        msg = "a model has two classes at least, each with a name of its own"
        raise ClassNamesError(msg)
    for name in names:
        if not name or any(unicodedata.category(char) in _NOT_IN_NAMES for char in name):
            msg = f"the name of the class {name!a} is not one line of text; rename it"
            raise ClassNamesError(msg)
