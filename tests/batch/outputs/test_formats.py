"""What all formats share: ids, rows that can be cut off and continued, a quick start."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import find_formats, list_suffixes
from trifuse.batch.outputs.ids import KeyFileError
from trifuse.batch.outputs.rows import RowLayout
from trifuse.datasets.ham10000 import HAM10000_CLASSES

FORMATS = find_formats()
LAYOUT = RowLayout(HAM10000_CLASSES, 3)
DOCS = Path(__file__).resolve().parents[3] / "docs" / "predict.md"
KEY = b"k" * 32
ITEM = Item("in/a.jpg")
RECORD = Record((0.125, 0.125, 0.25, 0.125, 0.125, 0.125, 0.125), sha256="ab" * 32)


def test_the_formats_that_were_promised():
    assert {"csv": "path", "isic": "name", "jsonl": "path", "parquet": "path"}.items() <= {
        name: one.default_id for name, one in FORMATS.items()
    }.items()
    assert [FORMATS[name].converts for name in ("csv", "isic", "jsonl", "parquet")] == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_what_it_is(name):
    form = FORMATS[name]
    assert form.name == name
    assert form.__module__ == f"trifuse.batch.outputs.formats.{name}_format"
    assert form.suffixes
    assert all(suffix == suffix.lower() for suffix in form.suffixes)


def test_a_suffix_asks_for_one_format():
    asked = [suffix for one in FORMATS.values() if not one.asked_for for suffix in one.suffixes]
    assert sorted(asked) == sorted(list_suffixes())


@pytest.mark.parametrize("name", FORMATS)
def test_the_docs_tell_of_every_format(name):
    (row,) = re.findall(rf"^\| `{name}` \| (.*?) \|", DOCS.read_text(), re.MULTILINE)
    asked = [suffix for suffix, one in list_suffixes().items() if one == name]
    assert re.findall("`(.*?)`", row) == [suffix for suffix in asked if suffix]
    assert ("no suffix" in row) == ("" in asked)


@pytest.mark.parametrize("name", FORMATS)
def test_images_are_called_as_asked_for(name):
    shown = {
        kind: FORMATS[name](LAYOUT, kind, KEY).row(ITEM, RECORD).decode()
        for kind in ("path", "name", "sha256", "hmac")
    }
    assert "in/a.jpg" in shown["path"]
    assert "a.jpg" not in shown["name"]
    assert RECORD.sha256 in shown["sha256"]
    assert "a.jpg" not in shown["hmac"] + shown["sha256"]
    unread = FORMATS[name](LAYOUT, "sha256").row(ITEM, Record(None, "gone"))
    assert b"unread-" in unread
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
    one.row(ITEM, RECORD)
    assert one.row(ITEM, record) == other.row(ITEM, record)
    assert one.header() == other.header()
    assert one.row(ITEM, record).endswith(b"\n")


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if not one.converts])
def test_only_a_format_that_converts_is_finished(name, tmp_path):
    with pytest.raises(NotImplementedError):
        FORMATS[name](LAYOUT).finish(tmp_path / "partial", tmp_path / "final")


def test_the_formats_start_quickly():
    heavy = "numpy", "pandas", "pyarrow", "PIL", "msgspec"
    code = "import sys; from trifuse.batch.outputs.formats import find_formats; find_formats(); "
    code += f"print({heavy} & sys.modules.keys())"
    code = code.replace(str(heavy), str(set(heavy)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
