"""Every row can be told from the others, or is told not to be, and names nobody unless asked to."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats.csv_format import CsvFormat
from trifuse.batch.outputs.formats.isic_format import CLASSES, IsicFormat
from trifuse.batch.outputs.ids import (
    ID_KINDS,
    ClashError,
    Clashes,
    KeyFileError,
    make_id,
    read_key,
)
from trifuse.batch.outputs.rows import RowLayout

KEY = b"sixteen bytes ok"
DIGEST = hashlib.sha256(b"content").hexdigest()
RECORD = Record((1.0,), sha256=DIGEST)
UNREAD = Record(None, "The file is truncated.")
LAYOUT = RowLayout(CLASSES, 1)
AGAIN = "Inputs that are named again, and have a row each time: {}, such as {}."
ALIKE = "Inputs that are called as another is: {}, such as {}; --id path tells them apart."


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
    assert make_id(Item(name), RECORD, "name", None) == stem
    assert make_id(Item(name), RECORD, "path", None) == name


@pytest.mark.parametrize("kind", ["path", "name"])
def test_a_table_goes_before_a_uid_and_a_uid_before_a_path(kind):
    record = RECORD._replace(uid="1.2.3.jpg")
    assert make_id(Item("x/a.jpg", id="in/7.jpg"), record, kind, None) == "in/7.jpg"
    assert make_id(Item("x/a.jpg"), record, kind, None) == "1.2.3.jpg"


def test_the_content_is_the_id():
    item = Item("x/Doe^Jane.jpg", id="Doe")
    assert make_id(item, RECORD, "sha256", None) == DIGEST


def test_a_broken_image_does_not_give_its_name_away():
    item = Item("x/Doe^Jane.jpg", id="Doe")
    called = make_id(item, UNREAD, "sha256", None)
    assert called == f"unread-{hashlib.sha256(b'x/Doe^Jane.jpg').hexdigest()[:16]}"
    assert make_id(Item("y/Doe^Jane.jpg"), UNREAD, "sha256", None) != called


@given(st.binary(min_size=1))
def test_a_keyed_hash_is_of_the_bytes_of_the_path(content):
    item = Item(content.decode("utf-8", "surrogateescape"))
    assert make_id(item, UNREAD, "hmac", KEY) == keyed(content)


def test_a_keyed_hash_is_of_what_path_gives():
    record = RECORD._replace(uid="1.2.840")
    assert make_id(Item("a.dcm"), record, "hmac", KEY) == keyed(b"1.2.840")
    assert make_id(Item("a.dcm", id="é"), record, "hmac", KEY) == keyed("é".encode())


def test_a_known_keyed_hash():
    # RFC 4231, test case 2.
    assert make_id(Item("what do ya want for nothing?"), UNREAD, "hmac", b"Jefe") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize(
    ("kind", "file"),
    [("path", "x/v.dcm"), ("name", "v"), ("sha256", DIGEST), ("hmac", keyed(b"x/v.dcm"))],
)
def test_frames_of_one_file_stay_together(kind, file):
    frames = [RECORD._replace(frame=frame, frames=3) for frame in range(3)]
    ids = [make_id(Item("x/v.dcm"), frame, kind, KEY) for frame in frames]
    assert ids == [f"{file}#1", f"{file}#2", f"{file}#3"]


def test_without_a_key_there_is_no_keyed_hash():
    with pytest.raises(KeyFileError, match=r"^Ids of the kind hmac need a key; name a file .*\.$"):
        make_id(Item("a"), RECORD, "hmac", None)


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


def tell(kind, *items):
    clashes = Clashes(kind, unique=False)
    for item in items:
        clashes.add(item if isinstance(item, Item) else Item(item))
    return clashes.tell()


@pytest.mark.parametrize("kind", ["path", "name", "sha256", "hmac"])
def test_what_is_named_again_is_told(kind):
    assert tell(kind, "a.jpg", "b.jpg", "z.zip/a.jpg" if kind != "name" else "c.jpg") == []
    assert tell(kind, "a.jpg", "./a.jpg", "b.jpg", "b.jpg") == [AGAIN.format(2, "./a.jpg")]


def test_names_that_clash_are_told():
    names = ("a/x.jpg", "b/x.png", "z.zip/x.tif", "y.jpg")
    assert tell("name", *names) == [ALIKE.format(2, "b/x.png")]
    assert [tell(kind, *names) for kind in ("path", "sha256", "hmac")] == [[], [], []]


@pytest.mark.parametrize(("kind", "clashes"), [("path", 1), ("hmac", 1), ("sha256", 0)])
def test_ids_of_a_table_that_clash_are_told(kind, clashes):
    items = (Item("a.jpg", id="1"), Item("b.jpg", id="1"), Item("c.jpg", id="2"))
    sentence = "Inputs that have the id of another: 1, such as b.jpg; mend the column id."
    assert tell(kind, *items) == [sentence] * clashes


def read(form, *inputs):
    """List all inputs and then read them: pairs of a name and of the UID that is found in it."""
    clashes = Clashes(form.id_kind, unique=form.unique)
    items = [Item(name, ordinal=number) for number, (name, _) in enumerate(inputs, 1)]
    for item in items:
        clashes.add(item)
    for item, (_, uid) in zip(items, inputs, strict=True):
        clashes.add_rows(item, [Record((1.0,), uid=uid, frame=n, frames=2) for n in (0, 1)])
    return clashes.tell()


@pytest.mark.parametrize("kind", ["path", "name", "hmac"])
def test_files_of_one_uid_are_told(kind):
    form = CsvFormat(LAYOUT, kind, b"k" * 16)
    assert read(form, ("a/1.dcm", "1.2"), ("b/1", "1.3"), ("c/1.dcm", "1.2")) == [
        "Inputs that have the SOP Instance UID of another: 1, such as c/1.dcm; leave copies out, "
        "or give ids in a table's column id."
    ]
    assert read(form, ("a.dcm", "1.2"), ("a.dcm", "1.2")) == [AGAIN.format(1, "a.dcm")]
    assert read(CsvFormat(LAYOUT, "sha256"), ("a.dcm", "1.2"), ("b.dcm", "1.2")) == []


def test_the_challenge_takes_no_two_files_of_one_uid():
    with pytest.raises(ClashError, match=r"^c would be called '1\.2', as another image is; in"):
        read(IsicFormat(LAYOUT), ("a/x.dcm", "1.2"), ("b/x.dcm", "1.3"), ("c", "1.2"))
    with pytest.raises(ClashError, match=r"^b/x would be called 'x', as another image is; in "):
        read(IsicFormat(LAYOUT), ("a/x.jpg", ""), ("b/x", ""))


@pytest.mark.parametrize(
    ("kind", "second", "problem"),
    [
        (None, "b/x.jpg", "b/x.jpg would be called 'x', as another image is"),
        (None, "a/./x.jpg", "a/./x.jpg is named twice"),
        ("path", "a/./x.jpg", "a/./x.jpg is named twice"),
    ],
)
def test_the_challenge_takes_no_two_images_of_one_name(kind, second, problem):
    form = IsicFormat(LAYOUT, kind)
    clashes = Clashes(form.id_kind, unique=form.unique)
    clashes.add(Item("a/x.jpg"))
    sentence = f"^{problem}; in this format no two rows may be called alike: [^:.]+\\.$"
    with pytest.raises(ClashError, match=sentence):
        clashes.add(Item(second))
