"""Where a model found what speaks for its answer, as a small picture for the page."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model
from trifuse.features.dicom import read_frames
from trifuse.features.images import ImageError
from trifuse.features.resize import encode_thumbnail, resize, shrink
from trifuse.studies.explanation.evidence import explain_image
from trifuse.studies.explanation.explanation_figure import AGAINST, FOR, LIMIT
from trifuse.studies.report.night_page import Evidence

SIDE = 300
"""Pixels of the picture's longest side."""
OPAQUE = 0.8
"""Of the strongest evidence."""


@dataclass(frozen=True)
class EvidencePainter:
    """Paints the evidence for a class of an image; it can be sent to other processes.

    Attributes
    ----------
    model : Model
        One that can be explained, see `trifuse.studies.explanation.evidence.explained_members`.
    """

    model: Model

    def __call__(self, told: tuple[bytes, int, str]) -> Evidence | None:
        """Paint the evidence for a class in a frame of an image file's content.

        Returns
        -------
        Evidence or None
            None where the image cannot be read, or the model has no such class.
        """
        content, first_frame, class_name = told
        if class_name not in self.model.classes:
            return None
        try:
            image = next(read_frames(content, first_frame=first_frame)).image
            if image is None:
                return None
            self.model.encoder.extractor.check_size(image.shape)
        except (ImageError, StopIteration):
            return None
        explanation = explain_image(self.model, image, self.model.classes.index(class_name))
        picture = paint_evidence(image, explanation.fused)
        return Evidence(class_name, encode_thumbnail(picture, SIDE))


def paint_evidence(image: NDArray[np.uint8], evidence: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Lay a map of evidence over an image in grey: blue against a class, vermilion for it.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    evidence : ndarray of float64, shape (rows, columns)
        Its own rows and columns.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        `SIDE` pixels on the longest side, at most.
    """
    small = shrink(image, SIDE)
    rows, columns = small.shape[:2]
    values = cv2.resize(evidence, (columns, rows), interpolation=cv2.INTER_LINEAR)
    limit = float(np.percentile(np.abs(values), LIMIT)) or 1.0
    grey = cv2.cvtColor(resize(small, (rows, columns)), cv2.COLOR_RGB2GRAY)[:, :, np.newaxis]
    opacity = OPAQUE * np.clip(np.abs(values) / limit, 0, 1)[:, :, np.newaxis]
    colours = np.where(values[:, :, np.newaxis] > 0, _rgb(FOR), _rgb(AGAINST))
    blend = np.rint(grey * (1 - opacity) + colours * opacity)
    return np.asarray(blend, np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], dtype=np.float64)
