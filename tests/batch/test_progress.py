"""What is told while a run is going on."""

import re
import sys

import pytest

from trifuse.batch import progress
from trifuse.batch.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands at `clock.now`."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        @staticmethod
        def time():
            return 0.0

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_log_gets_a_line_a_minute(clock, capsys):
    shown = Progress(100, quiet=False)
    for seconds in (30, 59, 61, 90, 121):
        clock.now = 1000.0 + seconds
        shown.advance(100, 1, total=1100)
    shown.close()
    assert capsys.readouterr().err.splitlines() == [
        "400 of 1,100 images, 3 errors, 4.9 images/s, 2 min 22 s left",
        "600 of 1,100 images, 5 errors, 4.1 images/s, 2 min 1 s left",
    ]


def test_without_a_total_no_time_is_promised(clock, capsys):
    shown = Progress(0, quiet=False)
    clock.now += 60
    shown.advance(30, 0)
    assert capsys.readouterr().err == "30 images, 0 errors, 0.5 images/s\n"


def test_what_is_kept_is_told_and_does_not_count_for_the_rate(clock, capsys):
    shown = Progress(0, quiet=False)
    clock.now += 60
    shown.advance(30, 2, total=100, kept=40)
    assert capsys.readouterr().err == (
        "70 of 100 images, 40 of them kept, 2 errors, 0.5 images/s, 1 min 0 s left\n"
    )


def test_quiet_is_quiet(clock, capsys, monkeypatch):
    for terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        shown = Progress(0, quiet=True)
        clock.now += 600
        shown.advance(30, 0)
        shown.close()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = Progress(10, quiet=False)
    shown.advance(10, 2)
    shown.advance(18, 0, total=40, kept=2)
    shown.close()
    out, err = capsys.readouterr()
    assert out == ""
    last = err.split("\r")[-1]
    assert re.search(r"scoring: 100%.*40/40 \[.*images/s.*errors=2\]", last)
