"""An output that is written in chunks, and is whole at the end."""

import hashlib
import io
import json
import os

import pytest
from output_runs import (
    ALL,
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

from trifuse.batch.outputs.receipts import unpack_receipts
from trifuse.batch.outputs.reopen import read_manifest, read_whole
from trifuse.classifiers.output import OutputError


def test_a_run(path):
    run = begin(path)
    assert names(path) == ["out.csv.journal", "out.csv.partial"]
    run.append(b"a\n", [ONE])
    assert (path.parent / "out.csv.partial").read_bytes() == b"image\na\n"
    assert counts(run) == (1, 1, 1, 8)
    run.finish(PLAIN, describe)
    assert names(path) == ALL
    assert path.read_bytes() == b"image\na\n"
    whole = read_whole(path, OPTIONS)
    receipts = path.with_name("out.csv.run.inputs").read_bytes()
    digests = (hashlib.sha256(content).hexdigest() for content in (b"image\na\n", receipts))
    assert whole.manifest == read_manifest(path) == describe(*digests)
    assert list(unpack_receipts(whole.receipts)) == [ONE]


def test_rows_that_stand_elsewhere_in_another_order(path):
    places = [(io.BytesIO(b"x\nb\n"), 2, TWO), (io.BytesIO(b"a\n"), 0, ONE)]
    run = begin(path)
    run.append(b"a\nb\n", [ONE, TWO])
    run.finish(PLAIN, describe, lambda: places)
    assert path.read_bytes() == b"image\nb\na\n"
    assert read_whole(path, OPTIONS).receipts == TWO.pack() + ONE.pack()
    assert names(path) == ALL


def test_rows_that_are_cut_off(path):
    run = begin(path)
    message = rf"^{path} cannot be written: the rows that are to be kept have been cut off\.$"
    with pytest.raises(OutputError, match=message):
        run.finish(PLAIN, describe, lambda: [(io.BytesIO(b"a"), 0, ONE)])
    run.close()


def test_a_full_disk_keeps_what_is_safe(path, monkeypatch):
    run = begin(path)
    run.append(b"a\n", [ONE])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = rf"^{path} cannot be written: No space left on device\.$"
        with pytest.raises(OutputError, match=message):
            run.append(b"b\n", [TWO])
    run.close()
    run = resume(path)
    assert counts(run) == (1, 1, 1, 8)
    run.append(b"b\n", [TWO])
    run.finish(PLAIN, describe)
    assert path.read_bytes() == b"image\na\nb\n"


def test_a_format_that_converts(path):
    class Upper:
        converts = True

        @staticmethod
        def check_rows(partial):
            assert partial.read_bytes() == b"image\na\n"

        @staticmethod
        def finish(partial, final):
            final.write_bytes(partial.read_bytes().upper())

    run = begin(path)
    run.append(b"a\n", [ONE])
    run.finish(Upper, describe)
    assert path.read_bytes() == b"IMAGE\nA\n"
    assert json.loads(path.with_name("out.csv.run.json").read_text())["output_sha256"] == (
        hashlib.sha256(b"IMAGE\nA\n").hexdigest()
    )
    assert names(path) == ALL


def test_rows_are_on_the_disk_before_the_journal_says_so(path, monkeypatch):
    forced = {}

    def note(descriptor):
        state = os.fstat(descriptor)
        forced[state.st_ino] = state.st_size
        partial, journal = (path.with_name(f"out.csv.{kind}") for kind in ("partial", "journal"))
        if journal.exists() and state.st_ino == journal.stat().st_ino and partial.exists():
            last = json.loads(journal.read_bytes().splitlines()[-1])
            on_disk.append(forced.get(partial.stat().st_ino, 0) >= last.get("size", 0))

    on_disk = []
    monkeypatch.setattr(os, "fsync", note)
    run = begin(path)
    for number in range(1, 4):
        run.append(b"row\n", [receipt(number, 4)])
    run.finish(PLAIN, describe)
    assert len(on_disk) >= 3
    assert all(on_disk)
    # What has the output's name is wholly on the disk, and so is the name.
    assert forced[path.stat().st_ino] == path.stat().st_size
    assert path.parent.stat().st_ino in forced
