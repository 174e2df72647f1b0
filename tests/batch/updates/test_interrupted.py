"""An interrupted run or update goes on, or is refused where it would go wrong."""

import os
import shutil
from pathlib import Path

import pytest

from trifuse.batch.outputs import run_file

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("output", ["o.csv", "o.parquet"])
@pytest.mark.parametrize("later", [None, "--resume"])
def test_an_interrupted_update_goes_on(predict, scored, output, later, archived, files, interrupt):
    predict(output=output)
    for alter in (archived.come, archived.go, archived.change, archived.pack_anew):
        alter()
    for number in range(4):
        shutil.copy(archived.pictures[40 + number], f"many/b/x{number}.jpg")
    old = files(output)
    interrupt(1, "--update", output=output)
    interrupt(1, "--update", output=output)
    assert files(output) == old
    scored.clear()
    shutil.copy(archived.pictures[36], "many/a/01_too.jpg")  # in the meantime
    Path("many/b/00_new.jpg").unlink()
    assert predict(later or "--update", output=output).code == 3
    assert len(scored) == 8 - 4 + 1
    fresh = f"fresh{Path(output).suffix}"
    predict(output=fresh)
    assert files(output) == files(fresh)


def test_an_interrupted_run_whose_inputs_changed(
    predict, pictures, scored, archived, files, interrupt
):
    interrupt(3)
    shutil.copy(pictures[33], "many/a/03.jpg")  # of what is done
    archived.come()
    before = Path("o.csv.partial").read_bytes()
    refused = predict("--resume")
    assert refused.code == 1
    assert refused.err.splitlines()[-1].startswith("Error: Input 1 is not what it was when")
    assert refused.err.splitlines()[-1].endswith(
        "go on by --update, which keeps the rows of what is the same, or begin anew by --overwrite."
    )
    assert Path("o.csv.partial").read_bytes() == before
    scored.clear()
    assert predict("--update").code == 3
    assert len(scored) == 26 - 5
    predict(output="fresh.csv")
    assert files() == files("fresh.csv")


@pytest.mark.parametrize("name", ["journal", "partial"])
def test_the_rest_of_a_run_that_is_not_sound(predict, name, interrupt):
    interrupt(3)
    journal, partial = Path("o.csv.journal"), Path("o.csv.partial")
    content = partial.read_bytes()
    if name == "journal":
        journal.unlink()
    else:
        partial.write_bytes(content.replace(b"ok", b"no", 1))
    for option in ("--resume", "--update"):
        result = predict(option)
        assert result.code == 1
        assert result.err.splitlines()[-1].endswith("; begin anew by --overwrite.")
    assert predict("--overwrite").code == 3


def test_finished_members_of_an_archive_are_not_unpacked_again(
    predict, scored, monkeypatch, interrupt
):
    from trifuse.batch.inputs import archives

    interrupt(2, inputs=["in.zip"])
    unpacked = []
    real = archives._MemberReader.unpack
    monkeypatch.setattr(
        archives._MemberReader,
        "unpack",
        lambda one, item: unpacked.append(item.name) or real(one, item),
    )
    scored.clear()
    assert predict("--resume", inputs=["in.zip"]).code == 0
    assert unpacked == scored
    assert len(unpacked) == 2
    assert predict("--resume", inputs=["in.zip"]).code == 0
    assert predict("--update", inputs=["in.zip"]).code == 0
    assert len(unpacked) == 2


def test_a_second_run_is_told_who_writes(predict, archived, monkeypatch):
    told = []
    real = run_file.RunFile.append

    def append(self, rows, receipts):
        if receipts and not told:
            told.append(None)
            told.append([predict(*options) for options in ((), ("--resume",), ("--overwrite",))])
        real(self, rows, receipts)

    monkeypatch.setattr(run_file.RunFile, "append", append)
    predict()
    host = os.uname().nodename
    for result in told[1]:
        assert result.code == 1
        assert result.err.splitlines()[-1] == (
            f"Error: o.csv is being written by process {os.getpid()} on {host}; wait for it, or "
            "name another output."
        )
