"""An output that is there: gone on with, left alone, or refused."""

import os

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
    damage,
    describe,
    names,
    receipt,
    resume,
)

from trifuse.batch.outputs.reopen import read_whole, reopen_run
from trifuse.batch.outputs.run_file import Names
from trifuse.classifiers.output import OutputError


def test_an_interrupted_run_is_cut_to_what_is_safe_and_gone_on_with(path):
    run = begin(path)
    run.append(b"a\n", [ONE])
    run.close()
    with (path.parent / "out.csv.partial").open("ab") as file:
        file.write(b"half a r")
    run = resume(path)
    assert counts(run) == (1, 1, 1, 8)
    run.append(b"b\n", [TWO])
    run.finish(PLAIN, describe)
    assert path.read_bytes() == b"image\na\nb\n"
    assert names(path) == ALL


def test_where_nothing_is_there_is_nothing_to_go_on_with(path):
    assert resume(path) is None
    assert names(path) == []


def test_a_whole_output_is_left_alone(path):
    run = begin(path)
    run.finish(PLAIN, describe)
    before = path.stat()
    assert resume(path) is None
    assert path.stat() == before


def test_what_is_damaged_is_not_taken_for_whole(path):
    run = begin(path)
    run.append(b"a\n", [ONE])
    run.finish(PLAIN, describe)
    files = Names(path)
    told = {
        path: rf"^{path} is damaged, or was edited, since its run ended; begin anew by --overwrite",
        files.receipts: rf"^{files.receipts} is missing or is not as its run left it",
        files.manifest: r"nothing tells how it was made; name another output, or replace it by --",
    }
    for file, message in told.items():
        content = file.read_bytes()
        damage(file, 0 if file == files.manifest else -1)
        with pytest.raises(OutputError, match=message):
            read_whole(path, OPTIONS)
        file.write_bytes(content[:-1])
        if file != files.manifest:  # whose last newline says nothing
            with pytest.raises(OutputError, match=message):
                read_whole(path, OPTIONS)
        file.write_bytes(content)
        assert read_whole(path, OPTIONS).manifest["options"] == OPTIONS


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
        (read_whole if whole else resume)(path, {**OPTIONS, **change})
    assert before == {file: file.read_bytes() for file in path.parent.iterdir()}
    if whole:
        assert read_whole(path, OPTIONS)
    else:
        resume(path).close()


def test_an_option_may_grow_where_that_is_said(path):
    run = begin(path)
    run.append(b"a\n", [ONE])
    run.close()
    for top, message in ((2, "other top"), ("4", "other top")):
        with pytest.raises(OutputError, match=message):
            reopen_run(path, HEADER, {**OPTIONS, "top": top}, ("top",))
    larger = {**OPTIONS, "top": 4}
    reopen_run(path, HEADER, larger, ("top",)).close()
    reopen_run(path, HEADER, larger).close()  # from now on it is so
    with pytest.raises(OutputError, match="other top"):
        resume(path)


def test_an_output_of_nobody_is_not_resumed(path):
    path.write_bytes(b"precious")
    message = r"nothing tells how it was made; name another output, or replace it by --overwrite\.$"
    for content in (None, "[]"):
        if content:
            path.with_name("out.csv.run.json").write_text(content)
        with pytest.raises(OutputError, match=message):
            read_whole(path, OPTIONS)
    assert path.read_bytes() == b"precious"


def test_a_partial_file_that_lost_its_end(path):
    run = begin(path)
    run.append(b"aaaa\n", [ONE])
    run.close()
    os.truncate(path.with_name("out.csv.partial"), 8)
    with pytest.raises(OutputError, match=r"is not what its journal says; begin anew by --overwr"):
        resume(path)


def test_a_partial_file_that_was_edited(path):
    run = begin(path)
    run.append(b"aaaa\n", [receipt(1, 5)])
    run.append(b"b\n", [TWO])
    run.close()
    for place in (0, 7, -1):
        damage(Names(path).partial, place)
        with pytest.raises(OutputError, match=r"is not what its journal says; begin anew by --ov"):
            resume(path)
        damage(Names(path).partial, place)
    resume(path).close()


def test_a_journal_whose_rows_are_gone(path):
    run = begin(path)
    run.append(b"a\n", [ONE])
    run.close()
    partial = Names(path).partial
    partial.unlink()
    for _ in range(2):
        with pytest.raises(OutputError) as caught:
            resume(path)
        assert str(caught.value) == (
            f"{partial} is gone, though its journal tells of rows in it (1); put it back, or begin "
            "anew by --overwrite."
        )
    begin(path, overwrite=True).close()
    partial.unlink()
    assert resume(path) is None  # it had none
    assert names(path) == []


def test_a_partial_file_without_its_journal(path):
    path.with_name("out.csv.partial").write_bytes(b"who knows")
    with pytest.raises(OutputError, match=r"is there without its journal; begin anew by --overwr"):
        resume(path)
    begin(path, overwrite=True).finish(PLAIN, describe)
    assert path.read_bytes() == HEADER
