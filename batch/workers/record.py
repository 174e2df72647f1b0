"""What becomes of one image."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """What became of one image: its probabilities, or the reason why there are none.

    Attributes
    ----------
    probabilities : tuple of float, shape (n_classes,), optional
        Summing to one; none where the image could not be scored.
    message : str
        Why it could not be scored, one sentence without a path; else empty.
    unfamiliar : bool
        The image does not look like the training archive.
    flaws : tuple of str
        What is wrong with the picture itself, such as "too dark".
    prediction_set : tuple of int
        Classes, as indices in the model's order, that hold the right one with the promised
        coverage.
    sha256 : str
        Of the file's content; empty where it could not be read.
    uid : str
        The SOP Instance UID of a DICOM object; else empty.
    frame, frames : int
        Number of the frame, from 0, and of frames in the file.
    """

    probabilities: tuple[float, ...] | None
    message: str = ""
    unfamiliar: bool = False
    flaws: tuple[str, ...] = ()
    prediction_set: tuple[int, ...] = ()
    sha256: str = ""
    uid: str = ""
    frame: int = 0
    frames: int = 1
