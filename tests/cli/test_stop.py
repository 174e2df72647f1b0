"""The first signal asks to end, the second ends."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from trifuse.batch.ending import SIGNALS, StoppedError, StopSignals, goes_on

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize(
    ("number", "verb"), [(signal.SIGINT, "Interrupted"), (signal.SIGTERM, "Terminated")]
)
def test_what_goes_on(number, verb):
    before = [signal.getsignal(one) for one in SIGNALS]
    with (
        pytest.raises(StoppedError) as error,
        goes_on("the same command goes on"),
        suppress(Exception),  # as libraries do
    ):
        os.kill(os.getpid(), number)
    assert (str(error.value), error.value.signum) == (f"{verb}; the same command goes on.", number)
    assert [signal.getsignal(one) for one in SIGNALS] == before


def test_an_error_is_no_stop():
    with pytest.raises(OSError, match="disk"), goes_on("the same command goes on"):
        raise OSError("disk")


@pytest.mark.parametrize(("command", "sign"), [("compare", "fold 1"), ("tune", "trial 0")])
def test_a_study_that_is_terminated_goes_on(archive, recipe_file, tmp_path, command, sign):
    table = tmp_path / "table.csv"  # in which each picture is a lesion
    pictures = sorted((archive / "images").glob("*.jpg"))
    rows = (f"{picture},{picture.stem.rsplit('_', 1)[0]}\n" for picture in pictures)
    table.write_text("path,label\n" + "".join(rows))
    trifuse = f"{Path(sys.executable).parent}/trifuse"
    options = {"compare": ["--folds", "2", "--repeats", "3"], "tune": ["--trials", "500"]}
    line = [trifuse, command, table, "-o", tmp_path / "out", "--recipe", recipe_file, "-j", "1"]
    with subprocess.Popen([*line, *options[command]], stderr=subprocess.PIPE, text=True) as running:
        try:
            assert any(sign in said for said in running.stderr)
            running.terminate()
            rest = running.communicate(timeout=300)[1]
        finally:
            running.kill()
    assert running.returncode == 143
    assert rest.splitlines()[-1].startswith("Terminated; the same command goes on ")

    few = {"compare": ["--folds", "2"], "tune": ["--trials", "1"]}
    again = subprocess.run(
        [*line, *few[command]], capture_output=True, text=True, timeout=300, check=True
    )
    assert "trial 0" not in again.stderr
