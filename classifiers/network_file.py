"""The file of a fine-tuned network: one zip of plain data, safe to open from a stranger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from trifuse.classifiers.archive import ModelFileError, pack, unpack
from trifuse.classifiers.output import open_output
from trifuse.features.litert import CnnClassifier

FORMAT = 1
MAX_NETWORKS = 16
"""In one model."""


class NetworkError(ValueError):
    """A fine-tuned network that does not fit what it is to be used with."""


@dataclass(frozen=True)
class FineTuned:
    """What a file says of its network.

    Attributes
    ----------
    classes : tuple of str
        In the order of the network's outputs.
    backbone : str
        That it was made of.
    fingerprint : str
        Of the images and the recipe that it was trained with.
    seen : tuple of str
        SHA-256, in hexadecimal, of the file of every image that it was trained on or chosen by:
        of new images it knows less than of these.
    validation : dict of str to float
        Its figures on the images that it was chosen by, which are optimistic.
    recipe : dict
        A `trifuse.recipes.finetuning.FinetuningRecipe` as plain data.
    sha256 : str
        Of the network, in hexadecimal.
    format : int
    """

    classes: tuple[str, ...]
    backbone: str
    fingerprint: str
    seen: tuple[Annotated[str, Meta(pattern="^[0-9a-f]{64}$")], ...]
    validation: dict[str, float]
    recipe: dict[str, Any]
    sha256: str
    format: int = FORMAT

    def to_summary(self) -> dict[str, Any]:
        """Give what a model file tells of the network: not the images, but how many it has seen."""
        return {
            "backbone": self.backbone,
            "fingerprint": self.fingerprint,
            "images_seen": len(self.seen),
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Network:
    """A fine-tuned network.

    Attributes
    ----------
    about : FineTuned
    classifier : CnnClassifier
    """

    about: FineTuned
    classifier: CnnClassifier

    def has_seen(self, images: Sequence[str], groups: Sequence[str]) -> NDArray[np.bool_]:
        """Tell which images it knows, or knows others of the same group of.

        Parameters
        ----------
        images : sequence of str, length n_images
            SHA-256 of their files, in hexadecimal.
        groups : sequence of str, length n_images

        Returns
        -------
        ndarray of bool, shape (n_images,)
        """
        seen = set(self.about.seen)
        known = {group for image, group in zip(images, groups, strict=True) if image in seen}
        return np.array([group in known for group in groups], dtype=bool)


def check_networks(networks: Sequence[Network], classes: Sequence[str]) -> None:
    """Check that a model can have these networks, and that they are of its classes, in order.

    Raises
    ------
    NetworkError
    """
    if len(networks) > MAX_NETWORKS:
        msg = f"{len(networks)} fine-tuned networks are more than the {MAX_NETWORKS} of a model"
        raise NetworkError(msg)
    for network in networks:
        if network.about.classes != tuple(classes):
            msg = (
                f"the fine-tuned network is of the classes {', '.join(network.about.classes)}, but "
                f"the archive has {', '.join(classes)}; fine-tune one on this archive"
            )
            raise NetworkError(msg)


def check_outputs(classifier: CnnClassifier, n_classes: int) -> None:
    """Score a blank image, so that a network that does not fit is found before an archive is.

    Raises
    ------
    NetworkError
        If it does not give a finite score for each class.
    trifuse.features.backbones.BackboneError
        If it is no network of its kind.
    """
    class_map = classifier.class_map(np.zeros((64, 64, 3), dtype=np.uint8))
    if class_map.shape[-1] != n_classes or not np.all(np.isfinite(class_map)):
        msg = f"a fine-tuned network does not give a score for each of {n_classes} classes"
        raise NetworkError(msg)


def save_network(path: Path, network: Network) -> None:
    """Write a network's file; it appears under its name only when whole.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    about = json.dumps(asdict(network.about), indent=1, allow_nan=False)
    content = pack({"network.json": about.encode(), "network.tflite": network.classifier.tflite})
    with open_output(path) as file:
        file.write(content)


def load_network(path: Path) -> Network:
    """Read a network's file. Whatever it holds, no code of its maker's runs.

    Raises
    ------
    trifuse.classifiers.archive.ModelFileError
        If it is no such file, is damaged, or its network does not fit its classes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"The network {path} cannot be read: {error.strerror or error}."
        raise ModelFileError(msg) from error
    files = unpack(content, str(path))
    if set(files) != {"network.json", "network.tflite"}:
        msg = f"{path} is no fine-tuned network: it does not hold the right parts."
        raise ModelFileError(msg)
    try:
        about = msgspec.json.decode(files["network.json"], type=FineTuned)
    except (msgspec.DecodeError, RecursionError) as error:
        msg = f"{path} is damaged: network.json cannot be read: {error}."
        raise ModelFileError(msg) from error
    if about.format != FORMAT:
        msg = f"{path} is not of format {FORMAT}; fine-tune anew, or use its own trifuse."
        raise ModelFileError(msg)
    if about.sha256 != hashlib.sha256(files["network.tflite"]).hexdigest():
        msg = f"{path} is damaged: the checksum of network.tflite differs."
        raise ModelFileError(msg)
    network = Network(about, CnnClassifier(files["network.tflite"]))
    try:
        check_outputs(network.classifier, len(about.classes))
    except Exception as error:  # LiteRT promises no closed list for a forged network
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        msg = f"{path} is no sound network: {reason}."
        raise ModelFileError(msg) from error
    return network
