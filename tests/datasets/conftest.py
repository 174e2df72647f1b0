"""Small archives of every kind, made in a temporary folder."""

import pytest

from trifuse.datasets.predictions import read_predictions


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def write(tmp_path):
    """Write a text file below the temporary folder and return its path."""

    def write_text(name, text, encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path

    return write_text


@pytest.fixture
def touch(tmp_path):
    """Make empty files below the temporary folder: the readers of archives open no image."""

    def touch_all(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return touch_all


@pytest.fixture
def read(tmp_path):
    """Write lines to predictions.csv and read it back."""

    def write_and_read(*lines, encoding="utf-8"):
        path = tmp_path / "predictions.csv"
        path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
        return read_predictions(path)

    return write_and_read
