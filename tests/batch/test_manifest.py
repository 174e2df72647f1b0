"""The log of a run: lines that are added, and why a run did not end well."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from trifuse.batch.ending import StoppedError
from trifuse.batch.inputs.items import SourceError
from trifuse.batch.manifest import EventLog, check_log, utc
from trifuse.batch.outputs.ids import ClashError
from trifuse.classifiers.output import OutputError


def events(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_the_log_is_added_to(tmp_path):
    path = tmp_path / "log.jsonl"
    for rows in (1, 2):
        with EventLog(str(path)) as log:
            log.add("start", rows=rows)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["rows"]) for line in lines] == [("start", 1), ("start", 2)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", lines[0]["time"])


def test_without_a_path_there_is_no_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with EventLog(None) as log:
        log.add("start")
    assert list(tmp_path.iterdir()) == []


def test_a_log_on_a_full_disk(tmp_path):
    with EventLog(str(tmp_path / "log")) as log:
        log._file.close()
        log._file = open("/dev/full", "ab", buffering=0)  # noqa: PTH123, SIM115
        with pytest.raises(OutputError, match=r"log cannot be written: No space left on device\.$"):
            log.add("start")


def test_the_log_says_why_a_run_failed(tmp_path):
    path = tmp_path / "log"
    for error in (
        OutputError("o.csv exists already."),
        OSError(28, "No space left on device", "x"),
        KeyError(1),
    ):
        with pytest.raises(type(error)), EventLog(str(path)):
            raise error
    assert [(line["event"], line["error"], line["reason"]) for line in events(path)] == [
        ("failed", "OutputError", "o.csv exists already."),
        ("failed", "OSError", "No space left on device: x."),
        ("failed", "KeyError", ""),
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("The table wards/DOE.csv has no path.", "The table INPUT has no path."),
        ("scans/DOE JANE.jpg is gone.", "INPUT"),
        ("scans: the folder is gone.", "INPUT: the folder is gone."),
        ("It scansion.", "It scansion."),
    ],
)
def test_a_reason_names_no_input(tmp_path, message, reason):
    path = str(tmp_path / "log")
    with pytest.raises(SourceError), EventLog(path, ("scans/", "wards/DOE.csv")):
        raise SourceError(message)
    assert [line["reason"] for line in events(path)] == [reason]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("File is not a zip file.", "File is not a zip file."),
        ("There is no a; name files.", "There is no INPUT; name files."),
        ("a: holds no image.", "INPUT: holds no image."),
        ("a is named twice.", "INPUT is named twice."),
        ("The table a/DOE.csv is a table.", "The table INPUT"),
        ("There is no doe.", "There is no INPUT."),
    ],
)
def test_a_short_name_is_no_word_of_a_reason(tmp_path, message, reason):
    path = str(tmp_path / "log")
    with pytest.raises(SourceError), EventLog(path, ("a", "doe")):
        raise SourceError(message)
    assert [line["reason"] for line in events(path)] == [reason]


def test_a_reason_names_no_image_of_a_list(tmp_path):
    path = str(tmp_path / "log")
    with pytest.raises(ClashError), EventLog(path):
        raise ClashError("b/DOE.jpg would be called 'DOE'.", ("b/DOE.jpg", "DOE"))
    assert [line["reason"] for line in events(path)] == ["INPUT would be called 'INPUT'."]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (StoppedError(signal.SIGTERM, "Interrupted after 3 rows."), "SIGTERM"),
        (KeyboardInterrupt(), "SIGINT"),
    ],
)
def test_an_interrupt_is_no_failure(tmp_path, error, name):
    with pytest.raises(type(error)), EventLog(str(tmp_path / "log")):
        raise error
    (line,) = events(tmp_path / "log")
    assert (line["event"], line["signal"]) == ("interrupted", name)


def test_lines_are_added_to_a_log_alone(tmp_path):
    log, empty, other = (tmp_path / name for name in ("log", "empty", "other"))
    with EventLog(str(log)) as lines:
        lines.add("start")
    empty.touch()
    for path in (log, empty, tmp_path / "new", Path(os.devnull)):
        check_log(path, (), ())
    for content in (b"\xff\xd8\xff\xe0", b"path,age\n", b'{"path": "a"}\n'):
        other.write_bytes(content)
        message = rf"^{other} is there and is no log of trifuse; name another log\.$"
        with pytest.raises(OutputError, match=message):
            check_log(other, (), ())


def test_a_log_is_neither_read_nor_written_otherwise(tmp_path):
    log, link, output = (tmp_path / name for name in ("log", "link", "o.csv"))
    log.touch()
    link.hardlink_to(log)
    with pytest.raises(OutputError, match=rf"^{log} is itself read as {link} and must not be"):
        check_log(log, (str(link),), ())
    with pytest.raises(OutputError, match="as the run writes it otherwise; name another log"):
        check_log(tmp_path / "x" / ".." / "o.csv", (), (output,))


def test_times_are_utc():
    assert utc(0.25) == "1970-01-01T00:00:00.250+00:00"
