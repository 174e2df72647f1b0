"""Every row can be told from the others, and says no more of a patient than was asked for."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.item import Item
from trifuse.batch.outputs.ids import ID_KINDS, KeyFileError, make_id, read_key
from trifuse.batch.workers.record import Record

KEY = b"sixteen bytes ok"
DIGEST = hashlib.sha256(b"content").hexdigest()
RECORD = Record((1.0,), sha256=DIGEST)
UNREAD = Record(None, "The file is truncated.")


def keyed(content):
    return hmac.new(KEY, content, hashlib.sha256).hexdigest()


def test_the_kinds_that_were_promised():
    assert ID_KINDS == ("path", "name", "sha256", "hmac")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("in/deep/ISIC_0024306.JPEG", "ISIC_0024306"),
        ("scans.zip/left/a.b.tiff", "a.b"),
        ("scans.tar.gz", "scans.tar.gz"),
        ("x/scan.DCM", "scan"),
        ("scan.dicom", "scan"),
        ("1.2.840.113619", "1.2.840.113619"),
        ("folder/", "folder"),
        ("x/.jpg", ".jpg"),
        ("/", "/"),
        ("..", ".."),
        ("x/\udcff.png", "\udcff"),
    ],
)
def test_a_name_has_no_folder_and_no_suffix(name, stem):
    assert make_id(Item(name), RECORD, "name", None, 1) == stem
    assert make_id(Item(name), RECORD, "path", None, 1) == name


@pytest.mark.parametrize("kind", ["path", "name"])
def test_a_table_goes_before_a_uid_and_a_uid_before_a_path(kind):
    record = RECORD._replace(uid="1.2.3.jpg")
    assert make_id(Item("x/a.jpg", id="in/7.jpg"), record, kind, None, 1) == "in/7.jpg"
    assert make_id(Item("x/a.jpg"), record, kind, None, 1) == "1.2.3.jpg"


def test_the_content_is_the_id():
    item = Item("x/Doe^Jane.jpg", id="Doe")
    assert make_id(item, RECORD, "sha256", None, 5) == DIGEST


def test_a_broken_image_does_not_give_its_name_away():
    item = Item("x/Doe^Jane.jpg", id="Doe")
    assert make_id(item, UNREAD, "sha256", None, 5) == "unread-5"
    assert make_id(item, UNREAD, "sha256", None, 6) == "unread-6"


@given(st.binary(min_size=1))
def test_a_keyed_hash_is_of_the_bytes_of_the_path(content):
    item = Item(content.decode("utf-8", "surrogateescape"))
    assert make_id(item, UNREAD, "hmac", KEY, 1) == keyed(content)


def test_a_keyed_hash_is_of_what_path_gives():
    record = RECORD._replace(uid="1.2.840")
    assert make_id(Item("a.dcm"), record, "hmac", KEY, 1) == keyed(b"1.2.840")
    assert make_id(Item("a.dcm", id="é"), record, "hmac", KEY, 1) == keyed("é".encode())


def test_a_known_keyed_hash():
    # RFC 4231, test case 2.
    assert make_id(Item("what do ya want for nothing?"), UNREAD, "hmac", b"Jefe", 1) == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize(
    ("kind", "file"),
    [("path", "x/v.dcm"), ("name", "v"), ("sha256", DIGEST), ("hmac", keyed(b"x/v.dcm"))],
)
def test_frames_of_one_file_stay_together(kind, file):
    frames = [RECORD._replace(frame=frame, frames=3) for frame in range(3)]
    ids = [make_id(Item("x/v.dcm"), frame, kind, KEY, 1) for frame in frames]
    assert ids == [f"{file}#1", f"{file}#2", f"{file}#3"]


def test_without_a_key_there_is_no_keyed_hash():
    with pytest.raises(KeyFileError, match=r"^Ids of the kind hmac need a key; name a file .*\.$"):
        make_id(Item("a"), RECORD, "hmac", None, 1)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (KEY, KEY),
        (KEY + b"\n", KEY),
        (KEY + b"\r\n", KEY),
        (KEY + b"\n\n", KEY + b"\n"),
        (KEY + b"\r", KEY + b"\r"),
        (b"\xff\x00" * 8, b"\xff\x00" * 8),
        (b"k" * 65_536, b"k" * 65_536),
    ],
)
def test_a_key_is_all_that_the_file_holds(tmp_path, content, key):
    path = tmp_path / "key"
    path.write_bytes(content)
    assert read_key(path) == key


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty; write a random key of at least 16 bytes into it."),
        (b"\n", "is empty; write a random key of at least 16 bytes into it."),
        (b"secret\n", "is too short, 6 bytes; a key must have at least 16."),
        (b"fifteen bytes..\n", "is too short, 15 bytes; a key must have at least 16."),
        (b"secret" * 20_000, "is too long; a key may have at most 65,536 bytes."),
    ],
)
def test_a_key_that_cannot_be_used_is_told_without_it(tmp_path, content, reason):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        read_key(path)
    assert str(caught.value) == f"The key file {path} {reason}"


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "No such file or directory"), (".", "Is a directory")]
)
def test_a_key_file_that_cannot_be_read(tmp_path, name, reason):
    path = tmp_path / name
    with pytest.raises(KeyFileError) as caught:
        read_key(path)
    assert str(caught.value) == f"The key file {path} cannot be read: {reason}."


def test_a_device_is_no_endless_key():
    with pytest.raises(KeyFileError, match="too long"):
        read_key(Path("/dev/zero"))
