"""What made an output: all that its bytes depend on, and when and where it was made.

Nothing in it names an image or a folder of images: inputs and their selection are digests.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from datetime import datetime
from importlib import metadata
from typing import Any

from trifuse.batch.exit_codes import EXIT_OK, EXIT_SOME_UNREAD
from trifuse.batch.options import PredictionOptions
from trifuse.batch.outputs.journal import Journal
from trifuse.batch.plan import Plan
from trifuse.batch.progress import utc

LIBRARIES = ("trifuse", "numpy", "opencv-contrib-python", "ai-edge-litert", "pillow")
"""Those that scoring uses: other versions may give other last digits."""
EXTRAS = ("pydicom", "pyjpegls", "pylibjpeg-openjpeg", "pyarrow")
"""Those of the extras that read or write, where they are installed."""


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Give all that the bytes of an output depend on, by names that a sentence can use."""
    options, settings, form = plan.options, plan.settings, plan.form
    return {
        "model": settings.model_sha256,
        "recipe": plan.recipe_fingerprint,
        "inputs": hashlib.sha256(ascii(options.inputs).encode()).hexdigest(),
        "format": options.chosen_format,
        "top": form.layout.top,
        "probabilities": form.layout.probabilities,
        "columns": list(form.layout.extra),
        "id": form.id_kind,
        "id_key": form.key_digest,
        "prior": settings.prior and list(settings.prior),
        "max_pixels": settings.max_pixels,
        "timeout": settings.timeout,
        "memory": settings.memory,
        "versions": {
            **{name: metadata.version(name) for name in LIBRARIES},
            **{name: _version_of_extra(name) for name in EXTRAS},
        },
    }


def _version_of_extra(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def describe_attempt(options: PredictionOptions) -> dict[str, Any]:
    """Say when and where a run is begun, or gone on with."""
    return {
        "started": utc(time.time()),
        "host": platform.node(),
        "process": os.getpid(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "backend": options.backend,
        "jobs": options.jobs,
    }


def describe_run(journal: Journal, output_sha256: str) -> dict[str, Any]:
    """Give the manifest of a whole output."""
    last = journal.last
    begun = datetime.fromisoformat(journal.attempts[-1]["started"]).timestamp()
    return {
        "output": journal.path.stem,
        "output_sha256": output_sha256,
        "exit_status": EXIT_SOME_UNREAD if last.errors else EXIT_OK,
        "images": last.rows,
        "errors": last.errors,
        "inputs": last.inputs,
        "inputs_sha256": last.digest,
        "options": journal.options,
        "attempts": journal.attempts,
        "finished": utc(time.time()),
        "seconds": round(time.time() - begun, 1),
    }
