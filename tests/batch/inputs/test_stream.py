"""Inputs of all kinds become one stream, in the order in which they are named."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import VANISHED, Item, SourceError
from trifuse.batch.inputs.stream import (
    InputOptions,
    can_list_ahead,
    extra_columns,
    iterate_items,
    list_items,
)


@pytest.fixture
def tree(tmp_path, monkeypatch, make_zip, make_tar):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "in/b.jpg", "in/sub/c.png", "folder.zip/d.jpg", "folder.csv/e.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("x.zip").write_bytes(make_zip(("m.jpg", b"zip"), ("n.png", b"png")))
    Path("x.tgz").write_bytes(make_tar(("m.jpg", b"tar"), mode="w:gz"))
    Path("t.csv").write_text("path,id,site\nin/b.jpg,1,arm\nbad\n")
    Path("u.csv").write_text("age,path\n7,gone.jpg\n")
    return tmp_path


@pytest.fixture
def give(warnings, strip):
    def give(*inputs, stdin=b"", **options):
        options = InputOptions(inputs, **options)
        items = iterate_items(options, io.BytesIO(stdin), warnings.append)
        return [strip(item) for item in items if item is not None]

    return give


BAD = "line 3 of the table has 1 cell under 3 columns"


def test_inputs_keep_their_order(tree, give, warnings):
    inputs = ["a.jpg", "in", "-", "gone.jpg", "t.csv", "x.zip", "notes.txt", "x.tgz", "a.jpg"]
    assert give(*inputs, stdin=b"p\nx.zip\nq") == [
        Item("a.jpg", columns=("",)),
        Item("in/b.jpg", columns=("",)),
        Item("in/sub/c.png", columns=("",)),
        Item("p", columns=("",)),
        Item("x.zip", columns=("",)),
        Item("q", columns=("",)),
        Item("gone.jpg", columns=("",)),
        Item("in/b.jpg", id="1", columns=("arm",)),
        Item("t.csv:3", fault=BAD, columns=("",)),
        Item("x.zip/m.jpg", b"zip", columns=("",)),
        Item("x.zip/n.png", b"png", columns=("",)),
        Item("notes.txt", columns=("",)),
        Item("x.tgz/m.jpg", b"tar", columns=("",)),
        Item("a.jpg", columns=("",)),
    ]
    assert warnings == []


def test_without_tables_there_are_no_columns(tree, give):
    assert give("a.jpg", "x.tgz") == [Item("a.jpg"), Item("x.tgz/m.jpg", b"tar")]
    assert extra_columns(InputOptions(("a.jpg", "-", "x.zip", "in"))) == ()


def test_the_columns_of_all_tables(tree, give):
    options = InputOptions(("u.csv", "in", "t.csv", "folder.csv"))
    assert extra_columns(options) == ("age", "site")
    assert [item.columns for item in give("t.csv", "u.csv", "a.jpg")] == [
        ("arm", ""), ("", ""), ("", "7"), ("", ""),
    ]  # fmt: skip


def test_the_name_of_a_folder_may_end_as_it_likes(tree, give):
    assert give("folder.zip", "folder.csv") == [Item("folder.zip/d.jpg"), Item("folder.csv/e.jpg")]


def test_a_list_separated_by_nul(tree, give):
    assert give("-", stdin=b"a\nb\0c", null=True) == [Item("a\nb"), Item("c")]


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b.jpg", "\udcff", "", "a\nb"])
def test_any_other_name_is_a_file(name, give):
    assert give(name) == [Item(name)]
    assert give(name, part=(1, 1)) == [Item(name)]


def test_half_a_pair_of_surrogates_is_a_name_too(give):
    assert give("\ud800", part=(1, 1)) == [Item("\ud800")]


def test_patterns_hold_for_all_kinds_and_never_for_faults(tree, give, warnings):
    Path("broken.zip").touch()
    inputs = ["a.jpg", "in", "-", "t.csv", "u.csv", "x.zip", "x.tgz", "broken.zip"]
    names = [item.name for item in give(*inputs, stdin=b"p.png\nq.gif", include=("*.png",))]
    assert names == ["in/sub/c.png", "p.png", "t.csv:3", "x.zip/n.png", "broken.zip"]
    names = [item.name for item in give(*inputs, stdin=b"p.jpg", exclude=("in/*", "*.jpg"))]
    assert names == ["t.csv:3", "x.zip/n.png", "broken.zip"]
    assert warnings == []


def test_parts_share_all_kinds_out(tree, give):
    Path("broken.tar").touch()
    inputs = ["a.jpg", "in", "-", "t.csv", "u.csv", "x.zip", "x.tgz", "broken.tar"]
    stdin = b"\n".join(b"%d.jpg" % number for number in range(30))
    whole = give(*inputs, stdin=stdin)
    parts = [give(*inputs, stdin=stdin, part=(i, 3)) for i in (1, 2, 3)]
    assert all(parts)
    assert sorted(parts[0] + parts[1] + parts[2]) == sorted(whole)
    for part in parts:  # each keeps the order
        assert part == [item for item in whole if item in part]


@pytest.mark.parametrize("part", [None, (1, 3), (2, 3)])
def test_places_count_the_inputs_of_all_parts(tree, part):
    inputs = ("a.jpg", "in", "-", "t.csv", "x.zip", "x.tgz")
    noted = []
    options = InputOptions(inputs, part=part, exclude=("n.png",))
    items = list(list_items(options, io.BytesIO(b"p\nq\nr"), print, noted.append))
    names = ["a.jpg", "in/b.jpg", "in/sub/c.png", "p", "q", "r", "in/b.jpg", "t.csv:3",
             "x.zip/m.jpg", "x.tgz/m.jpg"]  # fmt: skip
    assert [item.name for item in noted] == names
    assert [item.ordinal for item in noted] == list(range(1, 11))
    assert 0 < len(items) < 10 or part is None
    for item in items:
        assert item.name == names[item.ordinal - 1]


def test_stamps_tell_of_change(tree):
    def stamps():
        options = InputOptions(("a.jpg", "in", "gone.jpg", "x.zip", "x.tgz"))
        return [item.stamp for item in list_items(options, io.BytesIO(), print)]

    before = stamps()
    assert before == stamps()
    assert [bool(stamp) for stamp in before] == [True, True, True, False, True, True, True]
    os.utime("a.jpg", ns=(1, 1))
    Path("in/b.jpg").write_bytes(b"more")
    Path("gone.jpg").touch()
    after = stamps()
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        False, False, True, False, True, True, True,
    ]  # fmt: skip


def test_a_file_that_a_folder_had_when_it_was_listed(tree, monkeypatch):
    real = os.stat

    def stat(path, *arguments, **options):
        if path == "in/b.jpg":
            raise FileNotFoundError(2, "No such file or directory")
        return real(path, *arguments, **options)

    items = list_items(InputOptions(("in", "in/b.jpg")), io.BytesIO(), print)
    monkeypatch.setattr(os, "stat", stat)
    assert [item.stamp for item in items][::2] == [VANISHED, ()]


def test_what_cannot_be_used_is_told_at_once(tree, warnings):
    for options in (InputOptions(("a.jpg", "gone.csv")), InputOptions(("a.jpg",), part=(3, 2))):
        with pytest.raises(SourceError):
            iterate_items(options, io.BytesIO(), warnings.append)


def test_names_that_the_output_needs_are_refused_by_the_columns_alone(tree, give):
    Path("v.csv").write_text("path,status\na.jpg,x\n")
    with pytest.raises(SourceError, match="named status"):
        extra_columns(InputOptions(("v.csv",)))
    assert extra_columns(InputOptions(("v.csv",)), lambda name: name == "x") == ("status",)
    assert give("v.csv") == [Item("a.jpg", columns=("x",))]


def test_a_list_that_never_ends_gives_its_items_at_once(tree, warnings, strip):
    source, sink = os.pipe()
    writer = threading.Timer(0.1, os.write, (sink, b"one.jpg\n"))
    with os.fdopen(source, "rb") as stdin, os.fdopen(sink, "wb"):
        items = iterate_items(InputOptions(("t.csv", "-")), stdin, warnings.append)
        next(items)
        next(items)
        writer.start()
        found = [next(items)]
        while found[-1] is None:
            found.append(next(items))
        expected = [*[None] * (len(found) - 1), Item("one.jpg", columns=("",))]
        assert list(map(strip, found)) == expected
        assert next(items) is None
        writer.join()


def test_nothing_is_opened_before_it_is_asked_for(tree, warnings):
    items = iterate_items(InputOptions(("a.jpg", "x.zip", "in")), io.BytesIO(), warnings.append)
    Path("x.zip").unlink()
    Path("in/b.jpg").rename("in/z.jpg")
    assert [item.name for item in items] == ["a.jpg", "x.zip", "in/z.jpg", "in/sub/c.png"]


def test_one_member_is_in_memory_at_a_time(tree, make_zip, warnings, traced):
    size = 1 << 20
    Path("x.zip").write_bytes(make_zip(*((f"{n}.jpg", bytes(size)) for n in range(6))))
    Path("t.csv").write_text("path,site\n")
    items = iterate_items(InputOptions(("x.zip", "t.csv")), io.BytesIO(), warnings.append)
    next(items)
    with traced() as memory:
        for item in items:
            assert len(item.content) == size
            del item
    assert memory.peak < 1.8 * size


def test_what_can_be_listed_ahead(tree):
    assert can_list_ahead(InputOptions(("a.jpg", "in", "t.csv", "folder.zip", "gone.jpg")))
    assert not can_list_ahead(InputOptions(("a.jpg", "-")))
    assert not can_list_ahead(InputOptions(("a.jpg", "x.zip")))
    assert not can_list_ahead(InputOptions(("gone.tar.gz",)))


def test_standard_input_of_a_process(tree):
    code = (
        "import sys\n"
        "from trifuse.batch.inputs.items import InputOptions\n"
        "from trifuse.batch.inputs.stream import iterate_items\n"
        "for item in iterate_items(InputOptions(('-',)), sys.stdin.buffer, print):\n"
        "    print(item and item.name, flush=True)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        lines = (line for line in process.stdout if line != b"None\n")
        process.stdin.write(b"a.jpg\nb")
        process.stdin.flush()
        assert next(lines) == b"a.jpg\n"
        assert next(process.stdout) == b"None\n"
        process.stdin.write(b".jpg\nc.jpg")
        process.stdin.close()
        assert list(lines) == [b"b.jpg\n", b"c.jpg\n"]
    assert process.returncode == 0
