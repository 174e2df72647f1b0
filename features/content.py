"""The content of files: what tells them apart, whatever their names."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
