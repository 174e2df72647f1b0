"""A run that is killed, or meets another, at the worst moments."""

import pytest
from output_runs import (
    ALL,
    HEADER,
    ONE,
    OPTIONS,
    PLAIN,
    TWO,
    begin,
    counts,
    describe,
    names,
    receipt,
    resume,
)

from trifuse.batch.outputs import reopen, run_file
from trifuse.batch.outputs.reopen import read_whole
from trifuse.classifiers.output import OutputError


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    "step", ["write_receipts", "sync_folder", "rename_whole", "replace", "unlink", "journal"]
)
def test_a_kill_while_the_file_gets_its_name(path, monkeypatch, step, before):
    class KilledError(BaseException):
        pass

    def kill(*_, **__):
        raise KilledError

    if before:
        run = begin(path)
        run.append(b"old\n", [receipt(7, 4)])
        run.finish(PLAIN, describe)
    run = begin(path, overwrite=before)
    run.append(b"a\n", [ONE])
    with monkeypatch.context() as patch:
        if step in {"replace", "unlink"}:
            patch.setattr(type(path), step, kill)
        elif step == "journal":
            patch.setattr(run.journal, "close", kill)
        else:
            patch.setattr(run_file, step, kill)
        with pytest.raises(KilledError):
            run.finish(PLAIN, describe)
    run.journal.file.close()  # what the end of a process does
    if before and step in {"write_receipts", "sync_folder", "rename_whole"}:
        assert read_whole(path, OPTIONS).receipts == receipt(7, 4).pack()  # it is whole until then
    again = resume(path)
    if again is not None:
        again.finish(PLAIN, describe)
    assert read_whole(path, OPTIONS).receipts == ONE.pack()
    assert path.read_bytes() == b"image\na\n"
    assert names(path) == ALL


def test_a_kill_before_the_old_partial_is_gone(path, monkeypatch):
    run = begin(path)
    run.append(b"a\n", [ONE])
    run.close()

    def kill(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "unlink", kill)
        with pytest.raises(KeyboardInterrupt):
            begin(path, overwrite=True)
    run = resume(path)
    assert counts(run)[:2] == (0, 0)
    run.append(b"b\n", [TWO])
    run.finish(PLAIN, describe)
    assert path.read_bytes() == HEADER + b"b\n"


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_two_runs_that_begin_at_once_one_wins(path, monkeypatch, overwrite):
    runs = []

    def begin_too(*_):  # after the loser has looked, and before it begins
        if not runs:
            runs.append(None)
            runs[0] = begin(path, overwrite)
            runs[0].append(b"a\n", [ONE])

    monkeypatch.setattr(reopen, "check_output", begin_too)
    message = "is being written by another run" if overwrite else "An interrupted run left"
    with pytest.raises(OutputError, match=message):
        begin(path, overwrite)
    runs[0].append(b"b\n", [TWO])
    runs[0].finish(PLAIN, describe)
    assert path.read_bytes() == HEADER + b"a\nb\n"
    assert names(path) == ALL
