"""The journal: its last whole line counts, whatever comes after it."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.batch.outputs.journal import Checkpoint, Journal
from trifuse.classifiers.output import OutputError

OPTIONS = {"model": "abc", "top": 3}
CHECKPOINTS = [Checkpoint(n, 2 * n, n // 2, 100 * n, f"{n:064x}") for n in range(1, 5)]


def write(path):
    journal = Journal.begin(path, OPTIONS)
    journal.add_attempt({"started": "now"})
    for checkpoint in CHECKPOINTS:
        journal.add(checkpoint)
    journal.close()
    return path


def reopen(path):
    journal = Journal.reopen(path)
    if journal is not None:
        journal.close()
    return journal


def test_what_was_written_is_read(tmp_path):
    journal = reopen(write(tmp_path / "j"))
    assert journal.options == OPTIONS
    assert journal.attempts == [{"started": "now"}]
    assert journal.last == CHECKPOINTS[-1]


def test_it_is_gone_on_with(tmp_path):
    path = write(tmp_path / "j")
    journal = Journal.reopen(path)
    journal.add_attempt({"started": "later"})
    journal.add(Checkpoint(9, 9, 9, 999, "f"))
    journal.close()
    again = reopen(path)
    assert again.attempts == [{"started": "now"}, {"started": "later"}]
    assert again.last == Checkpoint(9, 9, 9, 999, "f")


def test_without_a_journal_there_is_nothing(tmp_path):
    assert Journal.reopen(tmp_path / "j") is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_anywhere_the_last_whole_line_counts(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("cut") / "j")
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    length = data.draw(st.integers(0, len(content)))
    os.truncate(path, length)
    journal = reopen(path)
    whole = sum(end <= length for end in ends)
    if whole == 0:
        assert journal is None
    else:
        expected = CHECKPOINTS[whole - 3] if whole > 2 else Checkpoint()
        assert journal.last == expected
        assert path.read_bytes() == content[: ends[whole - 1]]


@pytest.mark.parametrize("rest", [b"{", b"\0\0\0\0", b"[]\n", b"\xff\n", b"17\n"])
def test_what_a_power_failure_left_behind_the_last_line_is_cut_off(tmp_path, rest):
    path = write(tmp_path / "j")
    content = path.read_bytes()
    path.write_bytes(content + rest)
    assert reopen(path).last == CHECKPOINTS[-1]
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"x\n", b'{"format": 2, "options": {}}\n', b"{}\n"])
def test_a_file_that_is_no_journal(tmp_path, content):
    path = tmp_path / "j"
    path.write_bytes(content)
    assert Journal.reopen(path) is None


@pytest.mark.parametrize("open_again", [Journal.reopen, lambda path: Journal.begin(path, {})])
def test_a_second_run_is_kept_out(tmp_path, open_again):
    path = tmp_path / "out.csv.journal"
    first = Journal.begin(path, OPTIONS)
    message = rf"^{tmp_path}/out\.csv is being written by another run; name another output\.$"
    with pytest.raises(OutputError, match=message):
        open_again(path)
    assert json.loads(path.read_text())["options"] == OPTIONS  # nothing was lost
    first.close()
    open_again(path).close()


def test_it_is_removed(tmp_path):
    path = tmp_path / "j"
    Journal.begin(path, OPTIONS).close(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"j cannot be written: No such file or directory\.$"):
        Journal.begin(tmp_path / "no" / "j", OPTIONS)
