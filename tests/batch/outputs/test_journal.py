"""The journal: its last whole line counts, whatever comes after it."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.batch.outputs import journal
from trifuse.batch.outputs.journal import Journal, check_unlocked
from trifuse.batch.outputs.receipts import Checkpoint, Receipt
from trifuse.classifiers.output import OutputError

OPTIONS = {"model": "abc", "top": 3}
CHECKPOINTS = [Checkpoint(n, 2 * n, n // 2, 100 * n, f"{n:064x}") for n in range(1, 5)]
RECEIPTS = [Receipt(bytes([n]) * 16, bytes(8), b"content8", n, 2, 1, 0, 100) for n in range(1, 5)]


def write(path):
    journal = Journal.begin(path, OPTIONS)
    journal.add_attempt({"started": "now"})
    for checkpoint, receipt in zip(CHECKPOINTS, RECEIPTS, strict=True):
        journal.add(checkpoint, [receipt])
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
    assert list(journal.receipts()) == RECEIPTS
    assert [checkpoint for checkpoint, _ in journal.checkpoints()] == CHECKPOINTS
    assert (journal.base, journal.whole) == (None, "")


def test_what_is_brought_up_to_date_and_what_is_whole(tmp_path):
    journal = Journal.begin(tmp_path / "j", OPTIONS, "ab" * 32)
    journal.add_whole("o.csv.assembled")
    journal.close()
    again = reopen(tmp_path / "j")
    assert (again.base, again.whole) == ("ab" * 32, "o.csv.assembled")


def test_it_is_gone_on_with(tmp_path):
    path = write(tmp_path / "j")
    journal = Journal.reopen(path)
    journal.add_attempt({"started": "later"})
    journal.add(Checkpoint(9, 9, 9, 999, "f"), [RECEIPTS[0]] * 5)
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


@pytest.mark.parametrize("content", [b"", b"x\n", b'{"format": 2, "opt'])
def test_a_journal_that_was_hardly_begun(tmp_path, content):
    path = tmp_path / "j"
    path.write_bytes(content)
    assert Journal.reopen(path) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format": 2', b'"format": 1'),  # of trifuse 0.1.0
        (b'{"format": 2', b'{"no": 2'),
        (b'"rows": 4', b'"unknown": 4'),
        (b'"rows": 4', b'"rows": "4"'),
        (b'"rows": 4', b'"rows": 4,'),
        (b'"receipts": "', b'"receipts": "A'),
        (b'"receipts"', b'"receipt"'),
        (b'"started"', b'"started'),
    ],
)
def test_a_journal_that_is_not_sound(tmp_path, old, new):
    path = write(tmp_path / "j")
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    before = path.read_bytes()
    message = rf"^{path} is of another version of trifuse, or damaged, so that .*--overwrite\.$"
    with pytest.raises(OutputError, match=message):
        Journal.reopen(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "open_again", [Journal.reopen, check_unlocked, lambda path: Journal.begin(path, {})]
)
def test_a_second_run_is_kept_out(tmp_path, open_again):
    path = tmp_path / "out.csv.journal"
    first = Journal.begin(path, OPTIONS)
    told = rf"^{tmp_path}/out\.csv is being written by %s; wait for it, or name another output\.$"
    with pytest.raises(OutputError, match=told % "another run"):
        open_again(path)
    first.add_attempt({"process": 4711, "host": "night"})
    with pytest.raises(OutputError, match=told % "process 4711 on night"):
        open_again(path)
    assert json.loads(path.read_text().splitlines()[0])["options"] == OPTIONS  # nothing was lost
    first.close()
    if (second := open_again(path)) is not None:
        second.close()


def test_the_lock_is_on_the_file_that_has_the_name(tmp_path, monkeypatch):
    path = tmp_path / "out.csv.journal"
    first = Journal.begin(path, OPTIONS)
    real = journal._lock

    def lock_late(file, path):
        if not first.file.closed:  # the first run ends between the opening and the locking
            first.close(remove=True)
        real(file, path)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_lock", lock_late)
        second = Journal.begin(path, OPTIONS)
    with pytest.raises(OutputError, match="is being written by another run"):
        Journal.begin(path, OPTIONS)
    second.close()


def test_it_is_removed(tmp_path):
    path = tmp_path / "j"
    Journal.begin(path, OPTIONS).close(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"j cannot be written: No such file or directory\.$"):
        Journal.begin(tmp_path / "no" / "j", OPTIONS)


def test_each_line_is_forced_to_the_disk(tmp_path, monkeypatch):
    forced = {}

    def note(descriptor):
        state = os.fstat(descriptor)
        forced[state.st_ino] = state.st_size

    monkeypatch.setattr(os, "fsync", note)
    path = tmp_path / "j"

    def is_forced():
        return forced.get(path.stat().st_ino) == path.stat().st_size

    journal = Journal.begin(path, OPTIONS)
    assert is_forced()
    assert tmp_path.stat().st_ino in forced  # and so is the file's name
    journal.add_attempt({"started": "now"})
    assert is_forced()
    for checkpoint in CHECKPOINTS:
        journal.add(checkpoint, RECEIPTS[:1])
        assert is_forced()
    journal.close()
