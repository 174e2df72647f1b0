"""File names that have broken other programs: shells, spreadsheets, terminals."""

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.archive import unpack

ODD_NAMES = (
    b"plain.jpg", b"two words.jpg", b"com,ma.jpg", b'quo"te.jpg', b"apo'strophe.jpg", b"-dash.jpg",
    b"=1+1.jpg", b"+plus.jpg", b"@at.jpg", b"\xff\xfe.jpg", "é漢.jpg".encode(), b"car\rriage.jpg",
    b"$(touch x).jpg", b"100%s.jpg", b"back\\slash.jpg", b"'=quoted.jpg",
)  # fmt: skip


def rows(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def odd(here, pictures):
    """A folder of pictures with names that have broken other programs."""
    folder = here / "odd"
    folder.mkdir()
    for name in ODD_NAMES:
        shutil.copy(pictures[0], folder / os.fsdecode(name))
    return sorted(ODD_NAMES, key=os.fsdecode)


def images(content):
    """The image column as bytes, without the apostrophe that was put before formulas."""
    cells = [os.fsencode(row["image"]) for row in rows(content)]
    return [cell[1:] if re.match(rb"'+[=+\-@\t\r]", cell) else cell for cell in cells]


def test_odd_names_in_a_folder(trifuse, odd, monkeypatch):
    monkeypatch.chdir("odd")
    result = trifuse("predict", ".", "-m", "../m.trifuse", "-o", "-", "--jobs", "2")
    assert (result.code, result.err) == (0, f"{len(odd)} images scored.\n")
    assert images(result.out) == [b"./" + name for name in odd]


def test_odd_names_on_the_command_line_and_on_stdin(trifuse, odd, monkeypatch):
    monkeypatch.chdir("odd")
    options = ("-m", "../m.trifuse", "-o", "-")
    named = trifuse("predict", *options, "--", *map(os.fsdecode, odd))
    assert (named.code, named.err) == (0, f"{len(odd)} images scored.\n")
    assert images(named.out) == odd
    listed = trifuse("predict", "-", "-0", *options, stdin=b"\0".join(odd))
    assert listed.out == named.out
    assert not re.search(rb'^"?[=+@-]', named.out, re.MULTILINE)


def test_a_name_cannot_command_the_terminal(trifuse, here):
    Path("a\x1b[2J.csv").write_text("path\x07\n")
    result = trifuse("predict", "a\x1b[2J.csv", "-m", "m.trifuse", "-o", "o")
    column = "a column named 'path\\x07', not one line of text; rename it."
    assert (result.code, result.err) == (1, f"Error: The table a[2J.csv has {column}\n")


def test_no_cell_begins_a_formula(trifuse, here, forge, pictures):
    name = "=cmd|' /C calc'!A0.jpg"
    Path(name).parent.mkdir()
    for path in (name, "+1.jpg", "@SUM(A1).jpg", "-2.jpg", "\tx.jpg"):
        Path(path).write_bytes(Path(pictures[0]).read_bytes())
    Path("t.csv").write_text("path,id,=column\n-2.jpg,=id,@cell\nmissing.jpg,+id,-cell\n")
    files = unpack(Path("m.trifuse").read_bytes(), "model")
    about = json.loads(files["model.json"])
    about["classes"] = [f"=label{number}" for number in range(len(about["classes"]))]
    model = forge({"model.json": json.dumps(about).encode()})
    inputs = [name, "+1.jpg", "@SUM(A1).jpg", "\tx.jpg", "t.csv"]
    result = trifuse("predict", "-m", model, "-o", "-", "--probabilities", "--", *inputs)
    assert result.code == 3
    rows = list(csv.reader(io.StringIO(result.out.decode(), newline="")))
    assert len(rows) == 7
    assert rows[1][0] == f"'{name}"
    texts = [cell for row in rows for cell in row if not cell.replace(".", "").isdigit()]
    assert [text for text in texts if text[:1] in set("=+-@\t\r")] == []
    assert sum(text.startswith("'") for text in texts) > 20
