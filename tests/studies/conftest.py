"""Files of predictions, written line by line."""

import pytest

from trifuse.studies.predictions import read_predictions


@pytest.fixture
def read(tmp_path):
    """Write lines to predictions.csv and read it back."""

    def write_and_read(*lines, encoding="utf-8"):
        path = tmp_path / "predictions.csv"
        path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
        return read_predictions(path)

    return write_and_read
