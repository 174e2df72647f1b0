"""A supervisor of the test's model."""

import pytest

from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.supervisor import Supervisor
from trifuse.features.files import file_sha256


@pytest.fixture
def supervise(model_file):
    """Make a supervisor of the test's model; it is closed at the end."""
    made = []

    def make(**changes):
        settings = {"model": str(model_file), "model_sha256": file_sha256(model_file), **changes}
        made.append(Supervisor(WorkerSettings(**settings)))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.close()
