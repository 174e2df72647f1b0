"""One thread for all tests of encoders."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products as small as theirs only wait for threads where the machine is busy."""
    with threadpool_limits(1):
        yield
