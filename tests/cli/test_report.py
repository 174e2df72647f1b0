"""`trifuse report`, and `trifuse predict --report`: a page, or a sentence that says why not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def night(trifuse, here):
    """Score a folder with a damaged file and one that is no lesion; gives the run's exit code."""
    Path("in/damaged.jpg").write_bytes(Path("a.jpg").read_bytes()[:900])
    shutil.copy("b.jpg", "in/b.jpg")
    result = trifuse("predict", "in", "a.jpg", "-m", "m.trifuse", "-o", "p.csv", "-j", "1")
    assert result.code == 3
    return trifuse


def read(path="night.html"):
    """Give the page's text, its data, and its pictures."""
    text = Path(path).read_text()
    found = re.findall(r'<script type="application/json" id="\w+">(.*?)</script>', text, re.DOTALL)
    return text, *map(json.loads, found)


def test_a_page_is_written(night):
    result = night("report", "p.csv", "-o", "night.html", "-j", "1")
    assert (result.code, result.out, result.err) == (0, b"", "")
    text, data, shown = read()
    assert data["images"][0] == "in/damaged.jpg"
    assert sorted(data["images"]) == ["a.jpg", "in/b.jpg", "in/c.jpg", "in/damaged.jpg"]
    assert len(data["classes"]) == 7
    assert shown["pictures"].keys() == {"1", "2", "3"}
    assert shown["evidence"] == {}
    assert "m.trifuse" in text
    assert '<th scope="row">its JPEG data cannot be decoded' in text
    before = Path("night.html").read_bytes()
    assert night("report", "p.csv", "-o", "night.html", "--overwrite", "-j", "2").code == 0
    assert Path("night.html").read_bytes() == before


def test_predict_writes_the_same_page(night):
    assert night("report", "p.csv", "in", "a.jpg", "-o", "one.html").code == 0
    result = night("predict", "in", "a.jpg", "-m", "m.trifuse", "-o", "p.csv", "--resume",
                   "--report", "two.html")  # fmt: skip
    assert (result.code, result.err.splitlines()[0]) == (3, "p.csv is whole already.")
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()


def test_thumbnails_as_many_as_asked_for(night):
    assert night("report", "p.csv", "-o", "one.html", "--thumbnails", "1").code == 0
    assert read("one.html")[2]["pictures"].keys() == {"1"}
    shutil.rmtree("in")
    Path("a.jpg").unlink()
    result = night("report", "p.csv", "-o", "none.html", "--no-thumbnails")
    assert (result.code, result.err) == (0, "")
    assert read("none.html")[2]["pictures"] == {}
    result = night("report", "p.csv", "-o", "gone.html")
    assert (result.code, result.err) == (
        0,
        "3 of 3 thumbnails could not be made: the images are not found, or cannot be read; name "
        "behind the predictions what was scored.\n",
    )


def test_evidence_of_the_most_doubtful(night):
    result = night("report", "p.csv", "-o", "night.html", "--evidence", "2", "-m", "m.trifuse",
                   "-j", "1")  # fmt: skip
    assert result.code == 0
    _, data, shown = read()
    assert shown["evidence"].keys() == {"1", "2"}
    first = data["classes"][data["labels"][data["top"]]]
    assert shown["evidence"]["1"][0] == first
    assert shown["evidence"]["1"][1] != shown["pictures"]["1"]


def test_under_hmac_no_name_is_on_the_page(night):
    Path("key").write_bytes(b"0123456789abcdef")
    scoring = ("in", "a.jpg", "-m", "m.trifuse", "-o", "h.csv", "--id", "hmac", "--id-key", "key")
    assert night("predict", *scoring, "--report", "one.html").code == 3
    result = night("report", "h.csv", "in", "a.jpg", "--id-key", "key", "-o", "two.html")
    assert (result.code, result.err) == (0, "")
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()
    text, data, shown = read("two.html")
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in data["images"])
    assert data["hidesNames"]
    assert len(shown["pictures"]) == 3
    assert not any(name in text for name in ("in/c", "a.jpg", "damaged.jpg"))
    result = night("report", "h.csv", "in", "a.jpg", "-o", "three.html")
    assert (result.code, "name its --id-key" in result.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["p.csv", "-o", "old.html"], 1, "old.html exists already"),
        (["p.csv", "-o", "a.jpg", "--overwrite"], 1, "a.jpg is there and is a file of another kin"),
        (["p.csv", "-o", "p.csv", "--overwrite"], 2, "the predictions and the page are two files"),
        (["none.csv", "-o", "n.html"], 1, "cannot read none.csv: No such file or directory"),
        (["a.jpg", "-o", "n.html"], 1, "a.jpg"),
        (["p.csv", "gone", "-o", "n.html"], 2, "There is no gone"),
        (["p.csv", "-", "-o", "n.html"], 2, "standard input cannot be read again"),
        (["p.csv", "-o", "n.html", "--evidence", "3"], 2, "--evidence needs the model"),
        (["p.csv", "-o", "n.html", "--evidence", "3", "-m", "a.jpg"], 1, "a.jpg"),
        (["p.csv", "-o", "n.html", "--evidence", "3", "-m", "o.trifuse"], 2, "is not the model"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(night, networked_file, arguments, code, message):
    Path("old.html").write_text("old")
    Path("o.trifuse").symlink_to(networked_file)
    before = sorted(map(str, Path().rglob("*")))
    result = night("report", *arguments)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err
    assert sorted(map(str, Path().rglob("*"))) == before
    assert Path("old.html").read_text() == "old"


@pytest.mark.parametrize("extra", [["-o", "-"], ["-o", "n.csv", "--dry-run"]])
def test_predict_needs_a_file_to_report_of(night, extra):
    result = night("predict", "in", "-m", "m.trifuse", *extra, "--report", "n.html")
    assert (result.code, "--report needs an output that is a file" in result.err) == (2, True)


def test_a_page_that_cannot_be_written_is_told_before_the_night(night):
    result = night("predict", "in", "-m", "m.trifuse", "-o", "n.csv", "--report", "no/n.html")
    assert (result.code, Path("n.csv").exists()) == (1, False)
    assert result.err.startswith("Error: no/n.html cannot be written")


def test_without_jinja_a_sentence_says_what_to_install(night, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = night("report", "p.csv", "-o", "n.html")
    assert (result.code, result.err) == (
        1, 'Error: this needs jinja2, which is not installed; run: pip install "trifuse[studies]"\n'
    )  # fmt: skip


def test_predict_imports_nothing_of_it(here):
    program = (
        "import sys; sys.argv = 'trifuse predict a.jpg -m m.trifuse -o p.csv -j 1 -q'.split()\n"
        "from trifuse.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print(*(name for name in sys.modules if name == 'jinja2'"
        " or name.startswith('trifuse.studies.report')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=os.environ
    )
    assert done.stdout == b"\n"
    assert Path("p.csv").exists()


def test_an_audit_is_in_the_queue_and_the_same_for_the_same_night(night):
    options = ("report", "p.csv", "--no-thumbnails", "--audit", "2", "-o")
    assert night(*options, "one.html").code == 0
    assert night(*options, "two.html").code == 0
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()
    audit = read("one.html")[1]["audit"]
    assert audit["mark"] == "2 of 3"
    assert len(set(audit["rows"])) == 2
    result = night("report", "p.csv", "--audit", "4", "-o", "three.html")
    assert (result.code, Path("three.html").exists()) == (1, False)
    assert "an audit of 4 images cannot be drawn from 3 that could be read" in result.err
    result = night("report", "p.csv", "--audit", "4", "--rows", "7", "-o", "no.html")
    assert (result.code, Path("no.html").exists()) == (2, False)
    assert "--audit stands among twice as many images, and 7 are listed; draw fewer." in result.err


def test_predict_draws_the_audit_that_report_draws(night):
    scoring = ("predict", "in", "a.jpg", "-m", "m.trifuse", "-o", "n.csv", "-j", "1")
    assert night(*scoring, "--report", "one.html", "--audit", "2").code == 3
    assert night("report", "n.csv", "in", "a.jpg", "--audit", "2", "-o", "two.html").code == 0
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()
    assert read("one.html")[1]["audit"]["mark"] == "2 of 3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--audit", "2"], "--audit is for the page; name one by --report."),
        (["--audit", "50001", "--report", "n.html"], "among twice as many images, and 100,000 are"),
    ],
)
def test_an_audit_without_its_page_is_told_before_the_night(night, options, message):
    result = night("predict", "in", "-m", "m.trifuse", "-o", "n.csv", *options)
    assert (result.code, message in result.err) == (2, True)
    assert not Path("n.csv").exists()
