"""A working folder for the command line."""

from pathlib import Path

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch, model_file, pictures):
    """A working folder with the model m.trifuse and the pictures a.jpg, b.jpg and in/c.jpg."""
    monkeypatch.chdir(tmp_path)
    Path("m.trifuse").symlink_to(model_file)
    Path("in").mkdir()
    for name, picture in zip(("a.jpg", "b.jpg", "in/c.jpg"), pictures, strict=False):
        Path(name).symlink_to(picture)
    return tmp_path
