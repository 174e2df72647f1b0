"""What a terminal is shown: no bytes of a file's name or a class command it; pipes get them all."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EVIL = "e\x1b]0;owned\x07\x9b2J\x1b[31m.jpg"


@pytest.fixture
def run_on_terminal():
    """Run the command line with a terminal as its stdout; gives its exit code and what it shows."""

    def run(*arguments):
        ours, theirs = pty.openpty()
        command = [str(Path(sys.executable).parent / "trifuse"), *map(os.fspath, arguments)]
        process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        shown = b""
        while True:
            try:
                block = os.read(ours, 65_536)
            except OSError:  # the last one has closed it
                break
            if not block:
                break
            shown += block
        os.close(ours)
        return process.wait(), shown

    return run


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_name_cannot_command_the_terminal(trifuse, run_on_terminal, here, form):
    for name in (os.fsencode(EVIL), b"raw\x9b2J.jpg"):  # U+009B, and its byte alone
        shutil.copy("a.jpg", name)
    Path("a.jpg").unlink()
    options = ("predict", ".", "-m", "m.trifuse", "--format", form, "-o", "-")
    code, shown = run_on_terminal(*options)
    assert code == 0
    assert not any(control in shown for control in (b"\x1b", b"\x07", b"\xc2\x9b", b"\x9b"))
    assert b"owned" in shown
    assert b"./b.jpg" in shown
    piped = trifuse(*options).out
    assert trifuse(*options[:-1], "o.file").code == 0
    assert piped == Path("o.file").read_bytes()
    if form == "csv":
        assert os.fsencode(EVIL) in piped


def test_a_class_cannot_command_the_terminal(run_on_terminal, here):
    Path("truth.csv").write_text("path,label\na.jpg,\x1b[31mred\nb.jpg,blue\n")
    Path("pred.csv").write_text(
        "image,status,label_1,probability_1,review,prediction_set,message\n"
        "a.jpg,ok,\x1b[31mred,0.9,,,\nb.jpg,ok,blue,0.8,,,\n"
    )
    code, shown = run_on_terminal("evaluate", "pred.csv", "truth.csv")
    assert b"\x1b" not in shown
    assert (code, b"red" in shown) == (0, True)
