"""Zip archives: what is encrypted, damaged, or a bomb becomes a row."""

import io
import stat
import struct
import zipfile
import zlib

import pytest

from trifuse.batch.inputs import archive_members
from trifuse.batch.inputs.items import Item

DAMAGED = "its data in the archive is damaged or cut off"


def set_field(archive, offset_here, offset_directory, form, value):
    """Change a field of the first member, in front of it (unless None) and in the directory."""
    archive = bytearray(archive)
    if offset_here is not None:
        struct.pack_into(form, archive, offset_here, value)
    struct.pack_into(form, archive, archive.index(b"PK\x01\x02") + offset_directory, value)
    return bytes(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_unpacked_whole(method, make_zip, read):
    content = bytes(range(256)) * 2000
    assert list(read("x.zip", make_zip(("a.jpg", content), method=method))) == [
        Item("a.jpg", content)
    ]


def test_an_archive_that_was_written_to_a_pipe(read):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

    file = Pipe()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"one")
        with archive.open("b.jpg", "w", force_zip64=True) as member:
            member.write(b"two")
    content = file.getvalue()
    assert list(read("x.zip", content)) == [Item("a.jpg", b"one"), Item("b.jpg", b"two")]


def test_an_archive_behind_a_program_that_unpacks_it(make_zip, read):
    assert list(read("x.zip", b"MZ" * 500 + make_zip(("a.jpg", b"x")))) == [Item("a.jpg", b"x")]


def test_encrypted_members(make_zip, read, warnings):
    first = set_field(make_zip(("a.jpg", b"x"), ("b.jpg", b"y")), 6, 8, "<H", 0x1)
    assert list(read("x.zip", first)) == [
        Item("a.jpg", fault="it is encrypted"),
        Item("b.jpg", b"y"),
    ]
    assert warnings == []
    assert list(read("x.zip", set_field(make_zip(("IM1", b"x")), 6, 8, "<H", 0x1))) == []
    assert warnings[0].endswith("passed over 1 file that cannot be read and has no image's suffix.")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_have_no_limit_of_memory_are_refused(method, make_zip, read):
    (item,) = read("x.zip", make_zip(("a.jpg", b"x"), method=method))
    assert item.fault == "it is packed by a method other than deflate, which is not supported"


@pytest.mark.parametrize("method", [6, 9, 99, 0xFFFF])
def test_methods_that_are_not_known(method, make_zip, read):
    (item,) = read("x.zip", set_field(make_zip(("a.jpg", b"x")), 8, 10, "<H", method))
    assert item.fault == "it is packed by a method other than deflate, which is not supported"


def test_a_flag_that_zipfile_refuses(make_zip, read):
    (item,) = read("x.zip", set_field(make_zip(("a.jpg", b"x")), 6, 8, "<H", 0x20))
    assert item.fault == "it is packed in a way that is not supported"


def test_a_checksum_that_is_wrong(make_zip, read):
    stored = make_zip(("a.jpg", b"content"), ("b.jpg", b"more"), method=zipfile.ZIP_STORED)
    assert list(read("x.zip", stored.replace(b"content", b"contEnt"))) == [
        Item("a.jpg", fault=DAMAGED),
        Item("b.jpg", b"more"),
    ]


@pytest.mark.parametrize("size", [0, 1, 6, 8, 1000])
def test_a_size_that_is_wrong(size, make_zip, read):
    stored = make_zip(("a.jpg", b"content"), method=zipfile.ZIP_STORED)
    (item,) = read("x.zip", set_field(stored, None, 24, "<L", size))
    # What is longer than its content is whole by its checksum.
    assert item == (Item("a.jpg", fault=DAMAGED) if size < 7 else Item("a.jpg", b"content"))


def test_packed_data_that_is_cut_off(make_zip, read):
    (item,) = read("x.zip", set_field(make_zip(("a.jpg", b"content" * 9)), None, 20, "<L", 3))
    assert item.fault == DAMAGED


@pytest.fixture(scope="module")
def bomb(make_zip):
    """A gigabyte of zeros in a few megabytes, and an image behind it."""
    packer = zlib.compressobj(1, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = block * 1023 + zlib.compress(bytes(1 << 20), wbits=-15)
    archive = make_zip(("bomb.jpg", packed), ("a.jpg", b"x"), method=zipfile.ZIP_STORED)
    archive = set_field(archive, 8, 10, "<H", zipfile.ZIP_DEFLATED)
    return set_field(archive, 22, 24, "<L", 1 << 30)


def test_a_bomb(bomb, read, measure):
    items, peak = measure(read("x.zip", bomb))
    assert items[0].fault.startswith("it has more than 256 MiB")
    assert items[1] == Item("a.jpg", b"x")
    assert peak < 1 << 20


@pytest.mark.parametrize("size", [0, 1000, 3 << 20])
def test_a_bomb_whose_header_lies(bomb, size, read, measure):
    items, peak = measure(read("x.zip", set_field(bomb, None, 24, "<L", size)))
    assert items == [Item("bomb.jpg", fault=DAMAGED), Item("a.jpg", b"x")]
    assert peak < size * 1.3 + (1 << 20)


def test_a_bomb_without_an_image_s_name_is_not_unpacked(make_zip, read, warnings, measure):
    items, peak = measure(read("x.zip", make_zip(("bomb.txt", bytes(50 << 20)))))
    assert (items, len(warnings)) == ([], 1 + 1)  # and that there is no image
    assert peak < 1 << 20


def test_folders_links_and_devices(make_zip, read, warnings):
    def entry(name, mode):
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        return info

    content = make_zip(
        (entry("plain.jpg", 0), b"x"),
        (entry("file.jpg", stat.S_IFREG | 0o644), b"x"),
        (entry("folder.jpg/", 0), b""),
        (entry("old-folder.jpg", stat.S_IFDIR | 0o755), b""),
        (entry("link.jpg", stat.S_IFLNK | 0o777), b"file.jpg"),
        (entry("device.jpg", stat.S_IFCHR | 0o666), b""),
    )
    assert [item.name for item in read("x.zip", content)] == ["plain.jpg", "file.jpg"]
    assert warnings[0].endswith("x.zip: passed over 2 members that are links or devices.")


def test_names_that_are_said_to_be_utf_8(make_zip, read):
    content = make_zip(("é.jpg", b"x"))
    assert [item.name for item in read("x.zip", content)] == ["é.jpg"]
    broken = content.replace("é".encode(), b"\xff\xff")
    (item,) = read("x.zip", broken)
    assert item.fault == "it is no zip archive, or is damaged"


def test_names_that_hold_nul(make_zip, read):
    content = make_zip(("a.jpg.txt", b"x")).replace(b"a.jpg.txt", b"a.jpg\0txt")
    assert [item.content for item in read("x.zip", content)] == [b"x"]


def test_names_that_differ_here_and_there(make_zip, read):
    content = make_zip(("a.jpg", b"x"), ("b.jpg", b"y")).replace(b"a.jpg", b"c.jpg", 1)
    assert list(read("x.zip", content)) == [Item("a.jpg", fault=DAMAGED), Item("b.jpg", b"y")]


def test_an_absurd_directory_is_not_read(make_zip, read, monkeypatch):
    content = make_zip(*((f"{number}.jpg", b"x") for number in range(50)))
    monkeypatch.setattr(archive_members, "MAX_DIRECTORY_BYTES", 1000)
    (item,) = read("x.zip", content)
    assert item.fault == "its directory has more than 1,000 bytes; split the archive"


@pytest.mark.parametrize("size", [1 << 31, (1 << 32) - 2])
def test_a_directory_that_says_it_is_huge(size, make_zip, read, measure):
    content = bytearray(make_zip(("a.jpg", b"x")))
    struct.pack_into("<L", content, content.index(b"PK\x05\x06") + 12, size)
    items, peak = measure(read("x.zip", bytes(content)))
    assert items == [Item("", fault="it is no zip archive, or is damaged")]
    assert peak < 1 << 20


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_an_archive_that_is_cut_off(share, make_zip, read):
    content = make_zip(*((f"{number}.jpg", b"x" * 100) for number in range(50)))
    (item,) = read("x.zip", content[: int(len(content) * share)])
    assert item == Item("", fault="it is no zip archive, or is damaged")


def test_a_member_without_a_name(make_zip, read, warnings):
    content = bytearray(set_field(make_zip(("x", b""), ("a.jpg", b"x")), None, 28, "<H", 0))
    del content[content.index(b"PK\x01\x02") + 46]
    end = content.index(b"PK\x05\x06")
    content[end + 12] -= 1  # the directory's size
    assert list(read("x.zip", bytes(content))) == [Item("a.jpg", b"x")]
    assert warnings[0].endswith("passed over 1 file that cannot be read and has no image's suffix.")


@pytest.fixture
def zip_with_name(make_zip):
    """Make a zip of one member whose name is bytes, and not said to be UTF-8."""

    def make(name, system=3, extra=b""):
        info = zipfile.ZipInfo("x" * len(name))
        info.create_system, info.extra = system, extra
        return make_zip((info, b"content")).replace(b"x" * len(name), name)

    return make


def unicode_path(stored, name, version=1):
    field = struct.pack("<BL", version, zlib.crc32(stored)) + name
    return struct.pack("<HH", 0x7075, len(field)) + field


UTF_8 = "Läsion/é \U0001f600.jpg"
STRAY = b"UT\x05\x00\x039U\x0ck"


@pytest.mark.parametrize(
    ("stored", "system", "extra", "name"),
    [
        (UTF_8.encode(), 3, b"", UTF_8),
        (UTF_8.encode(), 19, STRAY, UTF_8),
        ("é.jpg".encode(), 0, b"", "├⌐.jpg"),
        (b"\x82.jpg", 3, b"", "é.jpg"),
        (b"\x82.jpg", 0, b"", "é.jpg"),
        (b"?.jpg", 0, STRAY + unicode_path(b"?.jpg", UTF_8.encode()), UTF_8),
        (b"?.jpg", 3, unicode_path(b"?.jpg", UTF_8.encode()), UTF_8),
        (b"?.jpg", 0, unicode_path(b"other", UTF_8.encode()), "?.jpg"),
        (b"?.jpg", 0, unicode_path(b"?.jpg", UTF_8.encode(), version=2), "?.jpg"),
        (b"?.jpg", 0, unicode_path(b"?.jpg", b"\xff.jpg"), "?.jpg"),
        (b"?.jpg", 0, unicode_path(b"?.jpg", b""), "?.jpg"),
        (b"?.jpg", 0, struct.pack("<HH", 0x7075, 3) + b"\x01\0\0", "?.jpg"),
    ],
)
def test_names_that_are_not_said_to_be_utf_8(zip_with_name, read, stored, system, extra, name):
    found = list(read("x.zip", zip_with_name(stored, system, extra)))
    assert found == [Item(name, b"content")]
