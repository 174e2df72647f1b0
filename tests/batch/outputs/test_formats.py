"""What all formats share: ids, rows that can be cut off and continued, a quick start."""

import hashlib
import re
import subprocess
import sys

import pytest

from trifuse.batch.inputs.item import Item
from trifuse.batch.outputs.formats import FORMATS
from trifuse.batch.outputs.ids import KeyFileError
from trifuse.batch.outputs.rows import Layout
from trifuse.batch.workers.record import Record
from trifuse.datasets.ham10000 import HAM10000_CLASSES

LAYOUT = Layout(HAM10000_CLASSES, 3)
KEY = b"k" * 32
ITEM = Item("in/a.jpg")
RECORD = Record((0.125, 0.125, 0.25, 0.125, 0.125, 0.125, 0.125), sha256="ab" * 32)


def test_the_formats_that_were_promised():
    assert list(FORMATS) == ["csv", "jsonl", "isic", "parquet"]
    assert [name for name, one in FORMATS.items() if one.converts] == ["parquet"]
    assert {name: one.default_id for name, one in FORMATS.items()} == {
        "csv": "path",
        "jsonl": "path",
        "isic": "name",
        "parquet": "path",
    }


@pytest.mark.parametrize("name", FORMATS)
def test_images_are_called_as_asked_for(name):
    shown = {
        kind: FORMATS[name](LAYOUT, kind, KEY).row(ITEM, RECORD, 1).decode()
        for kind in ("path", "name", "sha256", "hmac")
    }
    assert "in/a.jpg" in shown["path"]
    assert "a.jpg" not in shown["name"]
    assert RECORD.sha256 in shown["sha256"]
    assert "a.jpg" not in shown["hmac"] + shown["sha256"]
    unread = FORMATS[name](LAYOUT, "sha256").row(ITEM, Record(None, "gone"), 12)
    assert b"unread-12" in unread
    assert b"in/a" not in unread


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_key_is_told_at_once(name):
    with pytest.raises(KeyFileError, match="need a key"):
        FORMATS[name](LAYOUT, "hmac")


def test_a_key_is_told_from_another_by_its_digest():
    digests = [FORMATS["csv"](LAYOUT, "hmac", key).key_digest for key in (KEY, KEY, b"l" * 32)]
    assert digests[0] == digests[1] != digests[2]
    assert re.fullmatch("[0-9a-f]{16}", digests[0])
    assert hashlib.sha256(KEY).hexdigest()[:16] != digests[0]
    assert FORMATS["csv"](LAYOUT, "path", KEY).key_digest is None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("record", [RECORD, Record(None, "two\nlines\r\n")])
def test_a_row_depends_on_nothing_but_its_arguments(name, record):
    one, other = FORMATS[name](LAYOUT), FORMATS[name](LAYOUT)
    one.header()
    one.row(ITEM, RECORD, 1)
    assert one.row(ITEM, record, 2) == other.row(ITEM, record, 2)
    assert one.header() == other.header()
    assert one.row(ITEM, record, 2).endswith(b"\n")


@pytest.mark.parametrize("name", ["csv", "jsonl", "isic"])
def test_only_a_format_that_converts_is_finished(name, tmp_path):
    with pytest.raises(NotImplementedError):
        FORMATS[name](LAYOUT).finish(tmp_path / "partial", tmp_path / "final")


def test_the_formats_start_quickly():
    heavy = "numpy", "pandas", "pyarrow", "PIL", "msgspec"
    code = f"import sys, trifuse.batch.outputs.formats; print({heavy} & sys.modules.keys())"
    code = code.replace(str(heavy), str(set(heavy)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
