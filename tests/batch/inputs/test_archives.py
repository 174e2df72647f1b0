"""Archives give their images in order, and nothing is passed over in silence."""

import errno
import gc
import os
import random
import warnings as python_warnings
from pathlib import Path

import pytest

from trifuse.batch.inputs import archives
from trifuse.batch.inputs.items import Item

MEMBERS = [("b.jpg", b"one"), ("a/c.PNG", b"two" * 50_000), ("a/b.tif", b"")]
ITEMS = [Item(name, content) for name, content in MEMBERS]


@pytest.fixture(params=["x.zip", "x.tar", "x.tar.gz", "x.tbz2", "X.TAR.XZ"])
def name(request):
    return request.param


@pytest.fixture
def pack(name, make_zip, make_tar):
    """Make an archive of the kind that its name says."""
    if name == "x.zip":
        return make_zip
    kind = {"gz": "gz", "tbz2": "bz2", "XZ": "xz"}.get(name.split(".")[-1], "")
    return lambda *members: make_tar(*members, mode=f"w:{kind}")


def test_members_come_in_their_order(name, pack, read, warnings):
    assert list(read(name, pack(*MEMBERS))) == ITEMS
    assert warnings == []


def test_a_member_is_named_after_its_archive(tmp_path, name, pack, warnings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    Path("x", name).write_bytes(pack(*MEMBERS))
    options = archives.InputOptions(())
    items = archives.read_archive(f"x/{name}", options, archives.Selection(options), print)
    assert next(items).name == f"x/{name}/b.jpg"


def test_the_same_name_twice_is_two_images(name, pack, read):
    members = [("a.jpg", b"one"), ("a.jpg", b"two")]
    with python_warnings.catch_warnings(action="ignore"):  # zipfile warns where it writes one
        content = pack(*members)
    assert [item.content for item in read(name, content)] == [b"one", b"two"]


def test_names_are_but_names(tmp_path, name, pack, read, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["../../up.jpg", "/tmp/abs.jpg", "C:\\a.jpg", "a//b.jpg", "./c.jpg", "é\n.jpg"]
    before = sorted(tmp_path.parent.rglob("*.jpg")), Path("/tmp/abs.jpg").exists()
    found = [item.name for item in read(name, pack(*((name, b"x") for name in names)))]
    assert found == names
    assert (sorted(tmp_path.parent.rglob("*.jpg")), Path("/tmp/abs.jpg").exists()) == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_dicom_is_found_whatever_its_name(name, pack, read, warnings, dicom):
    large = dicom + b"x" * 200_000
    members = [("IM1", large), ("a.txt", b"DICM"), ("b", dicom[:131]), ("c.dcm", b""), ("d", dicom)]
    assert list(read(name, pack(*members))) == [
        Item("IM1", large), Item("c.dcm", b""), Item("d", dicom),
    ]  # fmt: skip
    assert len(warnings) == 1
    assert warnings[0].endswith(f"{name}: passed over 2 files without an image's suffix.")


def test_what_is_passed_over_is_told(name, pack, read, warnings):
    members = [
        ("a.jpg", b"x"), (".b.jpg", b"x"), ("__MACOSX/._a.jpg", b"x"), (".git/c.jpg", b"x"),
        ("in.zip", b"x"), ("in.tar.gz", b"x"), ("list.csv", b"x"),
    ]  # fmt: skip
    content = pack(*members)
    assert [item.name for item in read(name, content)] == ["a.jpg"]
    assert [warning.rpartition(f"{name}: ")[2] for warning in warnings] == [
        "passed over 1 file without an image's suffix.",
        "passed over 2 archives in it; unpack them and name them as inputs.",
        "passed over 3 hidden files or folders; say --hidden to take them.",
    ]
    hidden = [item.name for item in read(name, content, hidden=True)]
    assert hidden == ["a.jpg", ".b.jpg", "__MACOSX/._a.jpg", ".git/c.jpg"]


def test_what_the_patterns_leave_out_is_neither_told_nor_unpacked(
    name, pack, read, warnings, monkeypatch
):
    content = pack(*MEMBERS, ("notes.txt", b""), ("in.zip", b""), (".d.jpg", b""))
    unpacked = []
    real = archives._MemberReader.unpack
    monkeypatch.setattr(
        archives._MemberReader,
        "unpack",
        lambda one, item: unpacked.append(item.name) or real(one, item),
    )
    assert [item.name for item in read(name, content, include=("b.jpg",))] == ["b.jpg"]
    assert [Path(path).name for path in unpacked] == ["b.jpg"]
    assert [item.name for item in read(name, content, include=(f"*/{name}/a/*",))] == [
        "a/c.PNG", "a/b.tif",
    ]  # fmt: skip
    assert list(read(name, content, exclude=("*",))) == []
    assert warnings == []


def test_members_that_nobody_loads_are_not_unpacked(tmp_path, name, pack, dicom, warnings):
    members = [("a.jpg", b"1" * 9), ("IM1", dicom), ("b.jpg", b"2" * 200_000), ("c.jpg", b"3")]
    (tmp_path / name).write_bytes(pack(*members))
    options = archives.InputOptions(())
    path = str(tmp_path / name)
    items = archives.read_archive(path, options, archives.Selection(options), warnings.append)
    found = [item.load() if item.name.endswith(("IM1", "c.jpg")) else item for item in items]
    assert [item.content for item in found] == [None, dicom, None, b"3"]
    assert [item.stamp[0] for item in found] == [9, len(dicom), 200_000, 1]
    assert len({item.stamp for item in found}) == 4


def test_an_archive_without_images_is_told(name, pack, read, warnings):
    assert list(read(name, pack())) == []
    assert [warning.endswith(f"{name}: holds no image.") for warning in warnings] == [True]


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x05\x06", b"\x1f\x8b\x08", b"x" * 2000])
def test_what_is_no_archive_becomes_one_item(name, content, read, warnings):
    kind = "zip" if name == "x.zip" else "tar"
    fault = f"it is no {kind} archive, or is damaged"
    assert list(read(name, content)) == [Item("", fault=fault)]
    assert warnings == []


def test_files_that_cannot_be_opened(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(name)
    options = archives.InputOptions(())
    for path, fault, number in (
        (f"gone/{name}", "there is no such file", errno.ENOENT),
        (name, "it is not a regular file", 0),
        (f"{'x' * 300}{name}", "it cannot be opened (File name too long)", errno.ENAMETOOLONG),
        (f"\0{name}", "that cannot be a file's name (embedded null byte)", 0),
    ):
        items = archives.read_archive(path, options, archives.Selection(options), print)
        assert list(items) == [Item(path, fault=fault, errno=number)]


def test_a_member_that_is_too_large(name, pack, read, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 100_000)
    first, large, last = read(name, pack(*MEMBERS))
    assert (first, last) == (ITEMS[0], ITEMS[2])
    assert (large.name, large.content) == ("a/c.PNG", None)
    assert large.fault.startswith("it has more than 256 MiB, the limit for members of archives; ")


def test_members_are_unpacked_when_they_are_asked_for(name, pack, read, monkeypatch):
    unpacked = []
    real = archives._MemberReader.unpack
    monkeypatch.setattr(
        archives._MemberReader,
        "unpack",
        lambda one, item: unpacked.append(item.name) or real(one, item),
    )
    items = read(name, pack(*MEMBERS))
    for n_members in (1, 2, 3):
        next(items)
        assert len(unpacked) == n_members


def test_one_member_is_in_memory_at_a_time(name, pack, read, traced):
    size = 3 << 18
    content = pack(*((f"{number}.jpg", random.Random(1).randbytes(size)) for number in range(4)))
    items = read(name, content)
    assert len(next(items).content) == size
    with traced() as memory:
        for item in items:
            assert len(item.content) == size
            del item
    assert memory.peak < 1.8 * size


def test_an_archive_is_closed_when_nobody_asks_for_more(name, pack, read):
    items = read(name, pack(*MEMBERS))
    next(items)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    del items
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open - 1


@pytest.mark.parametrize("seed", range(60))
def test_damage_becomes_items_and_never_an_error(name, pack, read, seed):
    """Whatever is done to an archive's bytes, what is not given whole is told."""
    generator = random.Random(f"{seed} {name}")
    members = [(f"{n}.jpg", generator.randbytes(generator.choice([0, 40, 3000]))) for n in range(4)]
    content = bytearray(pack(*members))
    for _ in range(generator.choice([1, 1, 2, 8])):
        place = generator.randrange(len(content) - 1)
        match generator.randrange(4):
            case 0:
                content[place] = generator.randrange(256)
            case 1:
                content[place] ^= 1 << generator.randrange(8)
            case 2:
                content[place : place + 4] = generator.choice([b"\xff" * 4, bytes(4), b""])
            case 3:
                del content[place + 2 :]
    items = list(read(name, bytes(content)))
    for item in items:
        assert (item.content is None) == bool(item.fault)
    if name == "x.zip":  # each member has its checksum
        whole = {item.content for item in items if not item.fault}
        assert whole <= {content for _, content in members}
