"""The first signal asks to end, the second ends."""

import os
import signal
import threading

import pytest

from trifuse.batch.stop import StoppedError, StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(number):
    before = signal.getsignal(number)
    with StopSignals() as stopping:
        assert not stopping()
        os.kill(os.getpid(), number)
        assert stopping()
        assert stopping.received == number
        with pytest.raises(StoppedError, match=r"^Interrupted twice; the chunk") as error:
            os.kill(os.getpid(), number)
        assert error.value.signum == number
    assert signal.getsignal(number) is before


def test_another_thread_leaves_signals_alone():
    found = []

    def use():
        with StopSignals() as stopping:
            found.append(stopping())

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [False]
    assert signal.getsignal(signal.SIGINT) is before
