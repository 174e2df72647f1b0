"""What is told while a run is going on."""

import json
import re
import sys
import threading

import pytest

from trifuse.batch import progress
from trifuse.batch.progress import EventLog, Progress, utc
from trifuse.classifiers.output import OutputError


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


def counted(shown):
    """Wait until the inputs are counted."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "_count" in thread.name:
            thread.join(5)
    return shown


def test_a_log_gets_a_line_a_minute(clock, capsys):
    shown = counted(Progress(100, lambda: 1100, quiet=False))
    for seconds in (30, 59, 61, 90, 121):
        clock.now = 1000.0 + seconds
        shown.advance(100, 1)
    shown.close()
    assert capsys.readouterr().err.splitlines() == [
        "400 of 1,100 images, 3 errors, 4.9 images/s, 2 min 22 s left",
        "600 of 1,100 images, 5 errors, 4.1 images/s, 2 min 1 s left",
    ]


def test_without_a_total_no_time_is_promised(clock, capsys):
    shown = Progress(0, None, quiet=False)
    clock.now += 60
    shown.advance(30, 0)
    assert capsys.readouterr().err == "30 images, 0 errors, 0.5 images/s\n"


def test_inputs_that_cannot_be_counted_are_scored_all_the_same(clock, capsys):
    def fail():
        raise OSError("the folder is gone")

    shown = counted(Progress(0, fail, quiet=False))
    clock.now += 60
    shown.advance(30, 0)
    assert shown.total is None
    assert capsys.readouterr().err == "30 images, 0 errors, 0.5 images/s\n"


def test_quiet_is_quiet(clock, capsys, monkeypatch):
    for terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        shown = Progress(0, lambda: pytest.fail("counted for nothing"), quiet=True)
        clock.now += 600
        shown.advance(30, 0)
        shown.close()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = counted(Progress(10, lambda: 40, quiet=False))
    shown.advance(10, 2)
    shown.advance(20, 0)
    shown.close()
    out, err = capsys.readouterr()
    assert out == ""
    last = err.split("\r")[-1]
    assert re.search(r"scoring: 100%.*40/40 \[.*images/s.*errors=2\]", last)


def test_the_log_is_added_to(tmp_path):
    path = tmp_path / "log.jsonl"
    for rows in (1, 2):
        log = EventLog(str(path))
        log.add("start", rows=rows)
        log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["rows"]) for line in lines] == [("start", 1), ("start", 2)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", lines[0]["time"])


def test_without_a_path_there_is_no_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = EventLog(None)
    log.add("start")
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_log_on_a_full_disk(tmp_path):
    log = EventLog(str(tmp_path / "log"))
    log._file.close()
    log._file = open("/dev/full", "ab", buffering=0)  # noqa: PTH123, SIM115
    with pytest.raises(OutputError, match=r"log cannot be written: No space left on device\.$"):
        log.add("start")
    log.close()


def test_times_are_utc():
    assert utc(0.25) == "1970-01-01T00:00:00.250+00:00"
