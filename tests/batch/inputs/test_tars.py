"""Tar archives: what is damaged, cut off, or a bomb becomes a row."""

import random
import tarfile

import pytest

from trifuse.batch.inputs.items import Item

CUT_OFF = "it is damaged or cut off: what stands after its first {} is not read"
NOT_WHOLE = "its data in the archive is damaged or cut off"
TOO_LONG = "a header in it has more than 131,072 bytes: what stands after its first {} is not read"
NO_SENSE = "its header makes no sense"


def pad(content):
    return content + bytes(-len(content) % 512)


def with_pax(name, **fields):
    info = tarfile.TarInfo(name)
    info.pax_headers = {key.replace("_", "."): value for key, value in fields.items()}
    return info


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_formats(form, make_tar, read):
    names = ["a.jpg", "é.jpg", "\udcff.jpg", "a\nb.jpg", f"{'d' * 90}/{'f' * 90}.jpg"]
    if form != tarfile.USTAR_FORMAT:
        names.append(f"{'d/' * 1000}{'f' * 300}.jpg")
    found = list(read("x.tar", make_tar(*((name, b"x") for name in names), format=form)))
    assert found == [Item(name, b"x") for name in names]


def test_a_pax_name_may_hold_nul(make_tar, read):
    (item,) = read("x.tar", make_tar((with_pax("x", path="a\0b.jpg"), b"x")))
    assert item == Item("a\0b.jpg", b"x")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_the_content_tells_the_compression(kind, make_tar, read):
    content = make_tar(("a.jpg", b"x"), mode=f"w:{kind}")
    for name in ("x.tar", "x.tgz", "x.tbz2", "x.txz"):
        assert list(read(name, content)) == [Item("a.jpg", b"x")]


def test_folders_links_and_devices(make_tar, read, warnings):
    kinds = [
        tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
        tarfile.FIFOTYPE, b"V",
    ]  # fmt: skip
    members = [("a.jpg", b"x")]
    for number, kind in enumerate(kinds):
        info = tarfile.TarInfo(f"{number}.jpg")
        info.type, info.linkname = kind, "a.jpg"
        members.append((info, b""))
    assert list(read("x.tar", make_tar(*members))) == [Item("a.jpg", b"x")]
    assert warnings[0].endswith("x.tar: passed over 6 members that are links or devices.")


def test_a_header_that_is_damaged(make_tar, read):
    content = bytearray(make_tar(("a.jpg", b"x"), ("b.jpg", b"y"), ("c.jpg", b"z")))
    content[1024] ^= 1
    assert list(read("x.tar", bytes(content))) == [
        Item("a.jpg", b"x"),
        Item("", fault=CUT_OFF.format("1 member")),
    ]


@pytest.mark.parametrize("size", range(1, 4 * 512, 100))
def test_an_archive_that_is_cut_off(size, make_tar, read):
    content = make_tar(("a.jpg", b"x" * 600), ("b.jpg", b"y"))
    *items, last = read("x.tar", content[:size])
    if size < 512:
        assert (items, last) == ([], Item("", fault="it is no tar archive, or is damaged"))
    else:
        whole = size >= 512 + 600
        assert items == [Item("a.jpg", b"x" * 600 if whole else None, "" if whole else NOT_WHOLE)]
        assert last == Item("", fault=CUT_OFF.format("1 member"))


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_packed_archive_that_is_cut_off(kind, share, make_tar, read):
    noise = random.Random(0).randbytes(500_000)
    members = [(f"{number}.jpg", noise[50_000 * number :][:50_000]) for number in range(10)]
    content = make_tar(*members, mode=f"w:{kind}")
    *items, last = read("x.tgz", content[: int(len(content) * share)])
    assert last.name == ""
    assert last.fault
    whole = [item for item in items if not item.fault]
    assert whole == [Item(name, content) for name, content in members[: len(whole)]]
    assert len(items) - len(whole) <= 1
    if items[len(whole) :]:
        assert items[-1] == Item(f"{len(whole)}.jpg", fault=NOT_WHOLE)


def test_an_archive_without_its_end_mark(make_tar, read):
    content = make_tar(("a.jpg", b"x"))[:1024]
    fault = CUT_OFF.format("1 member")
    assert list(read("x.tar", content)) == [Item("a.jpg", b"x"), Item("", fault=fault)]
    assert list(read("x.tar", content + bytes(512))) == [Item("a.jpg", b"x")]


def test_two_archives_in_one_file(make_tar, read):
    content = make_tar(("a.jpg", b"x"))
    fault = "it goes on behind its end mark: what stands after its first 1 member is not read"
    assert list(read("x.tar", content * 2)) == [Item("a.jpg", b"x"), Item("", fault=fault)]


def test_a_checksum_that_is_wrong_is_told_at_the_end(make_tar, read):
    content = bytearray(make_tar(("a.jpg", b"x"), mode="w:gz"))
    content[-6] ^= 1
    fault = CUT_OFF.format("1 member")
    assert list(read("x.tgz", bytes(content))) == [Item("a.jpg", b"x"), Item("", fault=fault)]


@pytest.mark.parametrize("size", ["-1", "-513", "-100000", "99999999999999999999", "x"])
def test_sizes_that_make_no_sense(size, make_tar, read):
    content = make_tar(
        ("a.jpg", b"x"), (with_pax("b.jpg", size=size), b"yy"), ("c.jpg", b"z"),
    )  # fmt: skip
    first, *items = read("x.tar", content)
    assert first == Item("a.jpg", b"x")
    if size == "x":  # tarfile takes it for 0, and the content for a header
        assert items == [Item("b.jpg", b""), Item("", fault=CUT_OFF.format("2 members"))]
    else:
        assert items[0].name in {"b.jpg", ""}  # Python 3.11.2 gives the archive up here
        assert items[0].fault
        assert items[-1].fault


def test_a_size_below_zero_in_the_header(make_tar, read, tar_header):
    size = b"\xff" * 11 + b"\0"  # -256, in base 256
    block = tar_header("b.jpg", fields=[(124, size)])
    items = list(read("x.tar", block + make_tar(("c.jpg", b"z"))))
    refused_by_python = "what stands after its first 0 members is not read"
    assert items[0] == Item("b.jpg", fault=NO_SENSE) or refused_by_python in items[0].fault


@pytest.mark.parametrize(
    "fields",
    [
        {"GNU_sparse_map": "0,4,8,4", "GNU_sparse_size": "16"},
        {"GNU_sparse_major": "1", "GNU_sparse_minor": "0", "GNU_sparse_realsize": "16"},
    ],
)
def test_holes_become_zeros(fields, make_tar, read):
    info = with_pax("x", GNU_sparse_name="a.jpg", **fields)
    content = b"onetwo!!"
    if "GNU_sparse_major" in fields:
        content = pad(b"2\n0\n4\n8\n4\n") + content
    found = list(read("x.tar", make_tar((info, content), ("b.jpg", b"x"))))
    assert found == [Item("a.jpg", b"onet\0\0\0\0wo!!\0\0\0\0"), Item("b.jpg", b"x")]


def test_holes_as_gnu_tar_has_written_them_for_decades(make_tar, read, tar_header):
    holes = b"%011o\0%011o\0%011o\0%011o\0" % (0, 4, 8, 4)  # offset, length, ...
    fields = [(386, holes), (483, b"%011o\0" % 16)]
    content = (
        tar_header("a.jpg", 8, tarfile.GNUTYPE_SPARSE, fields)
        + pad(b"onetwo!!")
        + make_tar(("b.jpg", b"x"))
    )
    found = list(read("x.tar", content))
    assert found == [Item("a.jpg", b"onet\0\0\0\0wo!!\0\0\0\0"), Item("b.jpg", b"x")]


@pytest.mark.parametrize(
    "holes", ["4,4,0,4", "0,10,2,4", "0,17", "-4,4", "4,-4", "0,16,16,1", "99,1", "8,4,8,4"]
)
def test_maps_of_holes_that_make_no_sense(holes, make_tar, read):
    info = with_pax("x.jpg", GNU_sparse_map=holes, GNU_sparse_size="16")
    first, *rest = read("x.tar", make_tar((info, b"onetwo!!" * 4), ("b.jpg", b"x")))
    assert first == Item("x.jpg", fault=NO_SENSE)
    assert rest[0] in (Item("b.jpg", b"x"), Item("", fault=rest[0].fault))
