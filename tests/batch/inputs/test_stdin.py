"""Standard input holds a list or a tar archive; other bytes are refused and never become rows."""

import io
import os
import threading
import time
from contextlib import suppress

import pytest

from trifuse.batch.inputs.items import InputOptions, Item, Selection, SourceError
from trifuse.batch.inputs.stdin import read_stdin
from trifuse.batch.inputs.stream import iterate_items

PATIENT = b"DOE^JANE"


@pytest.fixture
def give(warnings, strip):
    """Give the items of standard input: bytes, or a stream."""

    def give(stdin, **options):
        stream = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        options = InputOptions(("-",), **options)
        items = iterate_items(options, stream, warnings.append)
        return [strip(item) for item in items if item is not None]

    return give


@pytest.fixture
def pipe():
    """Write bytes into a pipe, piece by piece, and give the stream to read."""
    streams = []

    def feed(content, size, pause=0.0):
        source, sink = os.pipe()
        streams.append(os.fdopen(source, "rb"))

        def write():
            with suppress(BrokenPipeError), os.fdopen(sink, "wb", buffering=0) as file:
                for start in range(0, len(content), size):
                    file.write(content[start : start + size])
                    time.sleep(pause)

        threading.Thread(target=write, daemon=True).start()
        return streams[-1]

    yield feed
    for stream in streams:
        stream.close()


def test_a_byte_order_mark_is_passed_over(give, pipe):
    listed = b"\xef\xbb\xbfa.jpg\r\n\xef\xbb\xbfb.jpg\n"
    expected = [Item("a.jpg"), Item("\ufeffb.jpg")]
    assert give(listed) == expected
    assert give(pipe(listed, 1)) == expected
    assert give(b"\xef\xbb\xbf") == give(b"") == []
    assert give(b"\xef\xbb\xbfa.jpg\0b.jpg\0", null=True) == [Item("a.jpg"), Item("b.jpg")]


DICOM = bytes(128) + b"DICM" + b"\x10\0\x10\0PN\x08\0" + PATIENT
BARE = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x10\0\x10\0\x08\0\0\0" + PATIENT
BINARY = b"\x01" + BARE
FILES = "name the file as an input, or pipe a tar archive of such files."


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BARE, "holds a DICOM file and not a list of paths: name the file as an input."),
        (DICOM, "holds a DICOM file and not a list of paths: name the file as an input."),
        (b"PK\x03\x04" + PATIENT, "holds a zip archive and not a list of paths: name the archive"),
        (b"7z\xbc\xaf\x27\x1c" + PATIENT, "holds an archive that is not read and not a list of"),
        (b"\xff\xd8\xff\xe1" + PATIENT, f"holds an image and not a list of paths: {FILES}"),
        (b"\x89PNG\r\n\x1a\n" + PATIENT, "holds an image and not"),
        (b"II*\0" + PATIENT, "holds an image and not"),
        (b"BM\x10\x10\0\0\0\0\0\0" + PATIENT, "holds an image and not"),
        (b"RIFF1234WEBP" + PATIENT, "holds an image and not"),
        (b"\xff\xfea\0.\0\n\0", "holds text in UTF-16 and not a list of paths: write the list"),
        (b"name;path\r\n" + PATIENT, "holds a table and not a list of paths: name the file as an"),
        (b'\n"path","age"\n' + PATIENT, "holds a table and not a list of paths: name the file as"),
        (b"\xef\xbb\xbfid\tpath\n" + PATIENT, "holds a table and not a list of paths: name the"),
        (b"%PDF-1.4\n" + PATIENT, "holds a PDF document and not a list of paths: write a list of"),
        (b'<?xml version="1.0"?>\n' + PATIENT, "holds XML and not a list of paths: write a list"),
        (b"<!DOCTYPE html>\n" + PATIENT, "holds a web page and not a list of paths: write a list"),
        (b"<html>\n<p>" + PATIENT, "holds a web page and not a list of paths: write a list of"),
        (b'{\n "name": "' + PATIENT, "holds JSON and not a list of paths: write a list of paths."),
        (b'[\n {"name": "' + PATIENT, "holds JSON and not a list of paths: write a list of paths"),
        (b'["' + PATIENT + b'", "', "holds JSON and not a list of paths: write a list of paths."),
        (b"\x1f\x8b\x08" + PATIENT, "cannot be read as a tar archive: it is no tar archive, or is"),
    ],
)
def test_wrong_bytes_are_refused(give, pipe, content, message, null):
    for stdin in (content, content + b"\nb.jpg\n" * 200, pipe(content, 3, 0.001)):
        with pytest.raises(SourceError) as error:
            give(stdin, null=null)
        assert str(error.value).startswith(f"Standard input {message}")
        assert PATIENT.decode() not in str(error.value)


def test_binary_data_without_a_mark_is_refused(give):
    with pytest.raises(SourceError, match="holds NUL bytes: say -0"):
        give(BINARY)
    with pytest.raises(SourceError, match=r"^Standard input holds no list of paths: of one"):
        give(BINARY, null=True)


def test_a_table_with_another_heading_of_its_paths(give):
    with pytest.raises(SourceError, match="holds a table and not"):
        give(b"name,file\nDOE,a.jpg\n", path_column="file")


OTHER_TEXTS = ["%PDF-1.jpg", "<html>.jpg", "[DOE].jpg", "{1}.jpg", '["a"].jpg', "a, path.jpg", "["]


@pytest.mark.parametrize(
    "name", ["BM-1.jpg", "PK.jpg", "GIF89a.jpg", "II.tif", "BZh.jpg", "7z", "path", *OTHER_TEXTS]
)
def test_names_may_begin_as_files_of_other_kinds_do(give, name):
    assert give(f"{name}\nb.jpg\n".encode()) == [Item(name), Item("b.jpg")]
    assert give(f"{name}\0b.jpg\0".encode(), null=True) == [Item(name), Item("b.jpg")]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("null", [False, True])
def test_a_tar_archive_is_read_as_one(give, pipe, make_tar, warnings, dicom, mode, null):
    long = os.urandom(100_000)
    members = [("DOE/a.jpg", b"1"), ("notes.txt", b"2"), ("IM1", dicom), ("b.png", long)]
    content = make_tar(*members, mode=mode)
    expected = [Item("DOE/a.jpg", b"1"), Item("IM1", dicom), Item("b.png", long)]
    for stdin in (content, pipe(content, 4096), pipe(content, 511)):
        assert give(stdin, null=null) == expected
    assert warnings == ["stdin: passed over 1 file without an image's suffix."] * 3


def test_an_archive_without_the_mark_of_tar(give, make_tar, tar_header):
    header = tar_header("a.jpg", 1, fields=[(257, bytes(8))])
    assert give(header + b"1" + bytes(511 + 1024)) == [Item("a.jpg", b"1")]


def test_an_empty_archive(give, make_tar, warnings):
    assert give(make_tar()) == []
    assert warnings == ["stdin: holds no image."]


def test_members_are_chosen_by_patterns_and_parts(give, make_tar):
    content = make_tar(*((f"{number}.jpg", b"") for number in range(20)), ("a.png", b""))
    assert give(content, include=("*.png",)) == [Item("a.png", b"")]
    parts = [give(content, part=(index, 2)) for index in (1, 2)]
    assert all(parts)
    assert len(parts[0]) + len(parts[1]) == 21


def test_an_archive_that_breaks_off_is_told_after_what_was_read(give, make_tar):
    first, last = give(make_tar(("a.jpg", b"1"), ("b.jpg", bytes(9999)))[:3000])[::2] or (0, 0)
    assert first == Item("a.jpg", b"1")
    assert last.name == "stdin"
    assert "what stands after its first 2 members is not read" in last.fault


def test_one_is_not_held_up_by_an_archive_that_is_late(pipe, make_tar, warnings, strip):
    content = make_tar(("a.jpg", b"1"), ("b.jpg", b"2"))
    options = InputOptions(("-",))
    threads = threading.active_count()
    stream = pipe(content, 1024, pause=0.3)
    items = read_stdin(stream, options, Selection(options), warnings.append)
    found = [next(items) for _ in range(6)]
    assert None in found
    assert Item("a.jpg", b"1") in map(strip, found)
    items.close()
    assert threading.active_count() <= threads + 1  # the one that writes
