"""What a worker is told once: the model and its limits."""

from __future__ import annotations

from dataclasses import dataclass

from trifuse.features.images import MAX_PIXELS

TIMEOUT_SECONDS = 120.0
MEMORY_MB = 4096


@dataclass(frozen=True)
class WorkerSettings:
    """The model and the limits of a worker.

    Attributes
    ----------
    model : str
        Path of the model file.
    model_sha256 : str
        Of its content: a file that was replaced meanwhile is not used.
    prior : tuple of float, optional
        Class shares to assume; the training archive's where there are none.
    max_pixels : int
        Larger images are not decoded.
    timeout : float
        Seconds that an image, or a frame of one, may take.
    memory : int
        Megabytes (2**20 bytes) of data that a worker process may hold.
    """

    model: str
    model_sha256: str
    prior: tuple[float, ...] | None = None
    max_pixels: int = MAX_PIXELS
    timeout: float = TIMEOUT_SECONDS
    memory: int = MEMORY_MB
