"""An output that is written in chunks: whole at the end, and to be gone on with before."""

import hashlib
import json
import os
from types import SimpleNamespace

import pytest

from trifuse.batch.outputs import run_file
from trifuse.batch.outputs.journal import Checkpoint
from trifuse.batch.outputs.run_file import begin_run, read_manifest, resume_run
from trifuse.classifiers.output import OutputError

OPTIONS = {"model": "abc", "top": 3, "prior": None}
HEADER = b"image\n"
PLAIN = SimpleNamespace(converts=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv"


def names(path):
    return sorted(file.name for file in path.parent.iterdir())


def describe(sha256):
    return {"output_sha256": sha256, "options": OPTIONS}


def begin(path, overwrite=False):
    return begin_run(path, HEADER, OPTIONS, overwrite)


def resume(path, options=OPTIONS):
    return resume_run(path, HEADER, options)


def test_a_run(path):
    run = begin(path)
    assert names(path) == ["out.csv.journal", "out.csv.partial"]
    run.append(b"a\n", Checkpoint(1, 1, 0, 0, "d1"))
    assert (path.parent / "out.csv.partial").read_bytes() == b"image\na\n"
    assert run.last == Checkpoint(1, 1, 0, 8, "d1")
    run.finish(PLAIN, describe)
    assert names(path) == ["out.csv", "out.csv.run.json"]
    assert path.read_bytes() == b"image\na\n"
    assert read_manifest(path) == describe(hashlib.sha256(b"image\na\n").hexdigest())


def test_an_interrupted_run_is_cut_to_what_is_safe_and_gone_on_with(path):
    run = begin(path)
    run.append(b"a\n", Checkpoint(1, 1, 0, 0, "d1"))
    run.close()
    with (path.parent / "out.csv.partial").open("ab") as file:
        file.write(b"half a r")
    run = resume(path)
    assert run.last == Checkpoint(1, 1, 0, 8, "d1")
    run.append(b"b\n", Checkpoint(2, 2, 0, 0, "d2"))
    run.finish(PLAIN, describe)
    assert path.read_bytes() == b"image\na\nb\n"
    assert names(path) == ["out.csv", "out.csv.run.json"]


def test_where_nothing_is_a_resumed_run_begins(path):
    run = resume(path)
    assert run.last == Checkpoint(size=len(HEADER))
    run.close()


def test_a_whole_output_is_left_alone(path):
    run = begin(path)
    run.finish(PLAIN, describe)
    before = path.stat()
    assert resume(path) is None
    assert path.stat() == before


@pytest.mark.parametrize("step", ["open_output", "sync_folder", "replace", "unlink", "journal"])
def test_a_kill_while_the_file_gets_its_name(path, monkeypatch, step):
    class KilledError(BaseException):
        pass

    def kill(*_, **__):
        raise KilledError

    run = begin(path)
    run.append(b"a\n", Checkpoint(1, 1, 0, 0, "d1"))
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
    again = resume(path)
    if again is not None:
        again.finish(PLAIN, describe)
    assert path.read_bytes() == b"image\na\n"
    assert names(path) == ["out.csv", "out.csv.run.json"]


def test_an_existing_output_is_not_replaced_unasked(path):
    path.write_bytes(b"precious")
    message = rf"^{path} exists already; name another output, or say --overwrite to replace it\.$"
    with pytest.raises(OutputError, match=message):
        begin(path)
    assert names(path) == ["out.csv"]
    run = begin(path, overwrite=True)
    assert path.read_bytes() == b"precious"
    run.finish(PLAIN, describe)
    assert path.read_bytes() == HEADER


def test_an_interrupted_run_is_not_replaced_unasked(path):
    begin(path).close()
    message = (
        rf"^An interrupted run left {path}\.partial; go on with it by --resume, or begin anew by "
        r"--overwrite\.$"
    )
    with pytest.raises(OutputError, match=message):
        begin(path)
    run = begin(path, overwrite=True)
    run.close()


@pytest.mark.parametrize(
    ("change", "what"), [({"model": "x"}, "model"), ({"top": 4}, "top"), ({"prior": [1]}, "prior")]
)
@pytest.mark.parametrize("whole", [False, True])
def test_another_option_is_refused(path, change, what, whole):
    run = begin(path)
    if whole:
        run.finish(PLAIN, describe)
    else:
        run.close()
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(OutputError, match=rf"was made with other {what}; resume with the same"):
        resume(path, {**OPTIONS, **change})
    assert before == {file: file.read_bytes() for file in path.parent.iterdir()}
    again = resume(path)
    assert (again is None) == whole
    if again is not None:
        again.close()


def test_an_output_of_nobody_is_not_resumed(path):
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"nothing tells how it was made; name another output\.$"):
        resume(path)
    path.with_name("out.csv.run.json").write_text("[]")
    with pytest.raises(OutputError, match=r"nothing tells how it was made; name another output\.$"):
        resume(path)
    assert path.read_bytes() == b"precious"


def test_a_partial_file_that_lost_its_end(path):
    run = begin(path)
    run.append(b"aaaa\n", Checkpoint(1, 1, 0, 0, "d1"))
    run.close()
    os.truncate(path.with_name("out.csv.partial"), 8)
    with pytest.raises(OutputError, match=r"is shorter than its journal says; begin anew by --ov"):
        resume(path)


def test_a_partial_file_without_its_journal_is_begun_anew(path):
    path.with_name("out.csv.partial").write_bytes(b"who knows")
    run = resume(path)
    run.finish(PLAIN, describe)
    assert path.read_bytes() == HEADER


def test_a_full_disk_keeps_what_is_safe(path, monkeypatch):
    run = begin(path)
    run.append(b"a\n", Checkpoint(1, 1, 0, 0, "d1"))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = rf"^{path} cannot be written: No space left on device\.$"
        with pytest.raises(OutputError, match=message):
            run.append(b"b\n", Checkpoint(2, 2, 0, 0, "d2"))
    run.close()
    run = resume(path)
    assert run.last == Checkpoint(1, 1, 0, 8, "d1")
    run.append(b"b\n", Checkpoint(2, 2, 0, 0, "d2"))
    run.finish(PLAIN, describe)
    assert path.read_bytes() == b"image\na\nb\n"


def test_a_format_that_converts(path):
    class Upper:
        converts = True

        @staticmethod
        def finish(partial, final):
            final.write_bytes(partial.read_bytes().upper())

    run = begin(path)
    run.append(b"a\n", Checkpoint(1, 1, 0, 0, "d1"))
    run.finish(Upper, describe)
    assert path.read_bytes() == b"IMAGE\nA\n"
    assert json.loads(path.with_name("out.csv.run.json").read_text())["output_sha256"] == (
        hashlib.sha256(b"IMAGE\nA\n").hexdigest()
    )
    assert names(path) == ["out.csv", "out.csv.run.json"]
