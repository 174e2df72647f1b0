"""The command line as people run it: exit codes, whole error texts, odd names."""

import csv
import hashlib
import hmac
import io
import json
import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from trifuse.batch import cli
from trifuse.classifiers.archive import pack, unpack
from trifuse.datasets.truth import read_truth

USAGE = "Usage: trifuse predict [OPTIONS] INPUT...\nTry 'trifuse predict --help' for help.\n\n"
ODD_NAMES = (
    b"plain.jpg", b"two words.jpg", b"com,ma.jpg", b'quo"te.jpg', b"apo'strophe.jpg", b"-dash.jpg",
    b"=1+1.jpg", b"+plus.jpg", b"@at.jpg", b"\xff\xfe.jpg", "é漢.jpg".encode(), b"car\rriage.jpg",
    b"$(touch x).jpg", b"100%s.jpg", b"back\\slash.jpg", b"'=quoted.jpg",
)  # fmt: skip


def rows(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# Wrong usage and failures


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-m", "m.trifuse", "-o", "o"], "Missing argument 'INPUT...'."),
        (["a.jpg", "-o", "o"], "Missing option '-m' / '--model'."),
        (["a.jpg", "-m", "m.trifuse"], "Missing option '-o' / '--output'."),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--tpo", "3"], "No such option"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "-j", "0"], "Invalid value for '-j' / '--jobs'"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--top", "0"], "Invalid value for '--top'"),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o", "--top", "8"],
            "The model has 7 classes; ask for at most so many, not for 8.\n",
        ),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o", "--part", "3/2"],
            "Invalid value for '--part': There is no part '3/2'; say I/N",
        ),
        (["-", "-", "-m", "m.trifuse", "-o", "o"], "Standard input can be read only once"),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "-", "--resume"],
            "standard output cannot be resumed.\n",
        ),
    ],
)
def test_wrong_usage(trifuse, here, arguments, error):
    result = trifuse("predict", *arguments)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith(f"{USAGE}Error: {error}")
    assert not Path("o").exists()


def test_an_unknown_command(trifuse):
    result = trifuse("forecast")
    assert result.code == 2
    assert "No such command 'forecast'." in result.err


FAILURES = [
    (
        "predict a.jpg -m none.trifuse -o o",
        "The model none.trifuse cannot be read: No such file or directory.",
    ),
    ("predict a.jpg -m in -o o", "The model in cannot be read: it is no regular file."),
    (
        "predict a.jpg -m a.jpg -o o",
        "a.jpg is no model file of trifuse, or is damaged: File is not a zip file.",
    ),
    (
        "predict a.jpg -m m.trifuse -o o --prior even",
        "There is no prior 'even'; name training, balanced, or a .toml file.",
    ),
    (
        "predict a.jpg -m m.trifuse -o none/o.csv",
        "none/o.csv cannot be written: No such file or directory.",
    ),
    (
        "predict a.jpg -m m.trifuse -o b.jpg",
        "b.jpg exists already; name another output, or say --overwrite to replace it.",
    ),
    ("predict none.csv -m m.trifuse -o o", "The table none.csv"),
    (
        "predict a.jpg -m m.trifuse -o o --id hmac --id-key none",
        "The key file none cannot be read: No such file or directory.",
    ),
    (
        "predict a.jpg -m m.trifuse -o o --format isic",
        "The ISIC format needs a model of the classes MEL, NV, BCC, AKIEC, BKL, DF, VASC, and",
    ),
    (
        "predict a.jpg -m m.trifuse -o in --overwrite",
        "in is there and is no regular file; name another output.",
    ),
    (
        "predict a.jpg -m m.trifuse -o /dev/null --overwrite",
        "/dev/null is there and is no regular file; name another output.",
    ),
    (
        "train in -o b.jpg",
        "b.jpg exists already; name another output, or say --overwrite to replace it.",
    ),
    ("train in -o none/m.trifuse", "none/m.trifuse cannot be written: No such file or directory."),
    ("train in -o m2.trifuse --recipe best", "There is no recipe 'best'; name one of "),
    ("train none -o m2.trifuse", "there is no none; expected a folder with HAM10000's"),
    ("train in -o m2.trifuse", "in is no labelled archive; expected a folder with"),
    ("info none.trifuse", "The model none.trifuse cannot be read: No such file or directory."),
    ("evaluate none.csv none.csv", "cannot read none.csv: No such file or directory"),
    ("evaluate a.jpg a.jpg", "a.jpg is not a CSV file in UTF-8"),
]


@pytest.mark.parametrize(("line", "error"), FAILURES)
def test_failures_are_one_sentence(trifuse, here, line, error):
    before = sorted(here.rglob("*"))
    result = trifuse(*line.split())
    assert (result.code, result.out) == (1, b"")
    assert result.err.startswith(f"Error: {error}")
    assert result.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_an_error_of_our_own_keeps_its_traceback(monkeypatch):
    def fail(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_too_little_memory_is_a_sentence(monkeypatch, capfd):
    def fail(**_):
        raise MemoryError

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert (exit_.value.code, *capfd.readouterr()) == (
        1,
        "",
        "Error: There is not enough memory.\n",
    )


# predict


def test_predict(trifuse, here):
    result = trifuse("predict", "b.jpg", "in", "a.jpg", "-m", "m.trifuse", "-o", "o.csv")
    assert (result.code, result.out, result.err) == (0, b"", "")
    content = Path("o.csv").read_bytes()
    assert [row["image"] for row in rows(content)] == ["b.jpg", "in/c.jpg", "a.jpg"]
    assert {row["status"] for row in rows(content)} == {"ok"}
    written = {path.name for path in here.iterdir()} - {"a.jpg", "b.jpg", "in", "m.trifuse"}
    assert written == {"o.csv", "o.csv.run.json"}


def test_stdout_carries_the_csv_and_nothing_else(trifuse, here):
    trifuse("predict", "a.jpg", "in", "-m", "m.trifuse", "-o", "o.csv")
    result = trifuse("predict", "a.jpg", "in", "-m", "m.trifuse", "-o", "-")
    assert result.code == 0
    assert result.out == Path("o.csv").read_bytes()
    assert not Path("-.run.json").exists()


def test_unread_images_are_rows_and_exit_code_3(trifuse, here):
    Path("in/empty.jpg").touch()
    result = trifuse("predict", "in", "none.jpg", "a.jpg", "-m", "m.trifuse", "-o", "-")
    assert result.code == 3
    assert result.err == "2 of 4 images could not be read; see their rows.\n"
    assert [(row["image"], row["status"], row["message"]) for row in rows(result.out)] == [
        ("in/c.jpg", "ok", ""),
        ("in/empty.jpg", "error", "cannot read the image: it is empty"),
        ("none.jpg", "error", "cannot read the image: there is no such file"),
        ("a.jpg", "ok", ""),
    ]


def test_a_list_on_stdin(trifuse, here):
    Path("new\nline.jpg").symlink_to("a.jpg")
    lines = trifuse("predict", "-", "-m", "m.trifuse", "-o", "-", stdin=b"b.jpg\n\nin\na.jpg")
    assert lines.code == 3
    images = [(row["image"], row["status"]) for row in rows(lines.out)]
    assert images == [("b.jpg", "ok"), ("in", "error"), ("a.jpg", "ok")]
    message = "cannot read the image: it is a folder, not an image file"
    assert rows(lines.out)[1]["message"] == message
    nul = trifuse("predict", "-", "-0", "-m", "m.trifuse", "-o", "-", stdin=b"new\nline.jpg\0b.jpg")
    assert nul.code == 0
    assert [row["image"] for row in rows(nul.out)] == ["new\nline.jpg", "b.jpg"]


def test_ids_that_tell_no_name(trifuse, here):
    Path("key").write_bytes(b"k" * 32)
    Path("DOE^JANE.jpg").write_text("no image")
    common = ("predict", "a.jpg", "DOE^JANE.jpg", "-m", "m.trifuse", "-o", "-")
    keyed = trifuse(*common, "--id", "hmac", "--id-key", "key")
    assert keyed.code == 3
    assert [row["image"] for row in rows(keyed.out)] == [
        hmac.new(b"k" * 32, name, "sha256").hexdigest() for name in (b"a.jpg", b"DOE^JANE.jpg")
    ]
    assert b"DOE" not in keyed.out
    assert "DOE" not in keyed.err
    hashed = rows(trifuse(*common, "--id", "sha256").out)
    assert hashed[0]["image"] == hashlib.sha256(Path("a.jpg").read_bytes()).hexdigest()


def test_inputs_of_every_kind(trifuse, here, pictures):
    with zipfile.ZipFile("z.zip", "w") as archive:
        archive.write(pictures[3], "deep/d.jpg")
    with tarfile.open("t.tgz", "w:gz") as archive:
        archive.add(pictures[4], "e.jpg")
    Path("list.csv").write_text("path,site\nin/c.jpg,back\n")
    options = ("-m", "m.trifuse", "-o", "-")
    result = trifuse("predict", "z.zip", "t.tgz", "list.csv", "-", *options, stdin=b"b.jpg\n")
    assert (result.code, result.err) == (0, "")
    assert [(row["image"], row["site"]) for row in rows(result.out)] == [
        ("z.zip/deep/d.jpg", ""),
        ("t.tgz/e.jpg", ""),
        ("in/c.jpg", "back"),
        ("b.jpg", ""),
    ]


def test_parts_are_disjoint_and_complete(trifuse, here, archive):
    options = ("predict", archive / "images", "-m", "m.trifuse", "-o", "-")
    whole = trifuse(*options).out.splitlines()
    parts = [trifuse(*options, "--part", f"{i}/3").out.splitlines() for i in (1, 2, 3)]
    found = [line for part in parts for line in part[1:]]
    assert len(found) == 56
    assert sorted(found) == sorted(whole[1:])
    assert min(map(len, parts)) > 8


def test_globs(trifuse, here):
    options = ("predict", ".", "-m", "m.trifuse", "-o", "-")
    taken = rows(trifuse(*options, "--include", "[ac].jpg", "--exclude", "./in/*").out)
    assert [row["image"] for row in taken] == ["./a.jpg"]


def test_resume_on_the_command_line(trifuse, here, archive):
    options = ("predict", archive / "images", "none.jpg", "-m", "m.trifuse", "-o", "o.csv")
    first = trifuse(*options, "--resume")
    assert first.code == 3
    again = trifuse(*options, "--resume")
    assert again.code == 3
    assert again.err.splitlines()[0] == "o.csv is whole already."
    quiet = trifuse(*options, "--resume", "--quiet")
    assert (quiet.code, quiet.err) == (3, "")
    other = trifuse(*options, "--resume", "--top", "2")
    assert (other.code, other.err) == (
        1,
        "Error: o.csv was made with other top; resume with the same, or begin anew by "
        "--overwrite.\n",
    )


def test_an_empty_folder(trifuse, here):
    Path("empty").mkdir()
    result = trifuse("predict", "empty", "-m", "m.trifuse", "-o", "-")
    assert (result.code, result.err) == (0, "empty: holds no image.\n")
    assert result.out.count(b"\n") == 1


def test_the_options_of_predict(trifuse, here):
    Path("prior.toml").write_text(
        "".join(f"synthetic_{c} = 1\n" for c in "abcdef") + "synthetic_g = 1000\n"
    )
    common = ("predict", "a.jpg", "-m", "m.trifuse", "-o", "-")
    (row,) = rows(trifuse(*common, "--prior", "prior.toml", "--top", "1", "--probabilities").out)
    assert row["label_1"] == "synthetic_g"
    assert "label_2" not in row
    assert sum(float(row[f"probability_synthetic_{c}"]) for c in "abcdefg") == pytest.approx(1)
    balanced = trifuse(*common, "--prior", "balanced").out
    assert balanced != trifuse(*common, "--prior", "prior.toml").out
    small = trifuse(*common, "--max-pixels", "100")
    assert (small.code, rows(small.out)[0]["status"]) == (3, "error")


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
    assert (result.code, result.err) == (0, "")
    assert images(result.out) == [b"./" + name for name in odd]


def test_odd_names_on_the_command_line_and_on_stdin(trifuse, odd, monkeypatch):
    monkeypatch.chdir("odd")
    options = ("-m", "../m.trifuse", "-o", "-")
    named = trifuse("predict", *options, "--", *map(os.fsdecode, odd))
    assert (named.code, named.err) == (0, "")
    assert images(named.out) == odd
    listed = trifuse("predict", "-", "-0", *options, stdin=b"\0".join(odd))
    assert listed.out == named.out
    assert not re.search(rb'^"?[=+@-]', named.out, re.MULTILINE)


# The other commands


def test_info(trifuse, here):
    result = trifuse("info", "m.trifuse")
    assert (result.code, result.err) == (0, "")
    assert result.out.decode().startswith("# A trifuse model\n")
    about = json.loads(trifuse("info", "m.trifuse", "--json").out)
    assert about["classes"] == [f"synthetic_{c}" for c in "abcdefg"]
    assert about["training"]["images"] == 56
    assert "card" not in about


def test_a_card_cannot_command_the_terminal(trifuse, here):
    parts = unpack(Path("m.trifuse").read_bytes(), "m")
    Path("evil.trifuse").write_bytes(pack({**parts, "CARD.md": b"a\x1b[2J\x07\x9b\r\nb \xff\n"}))
    result = trifuse("info", "evil.trifuse")
    assert (result.code, result.out.decode()) == (0, "a[2J\ufffd\nb \ufffd\n")


def test_a_name_cannot_command_the_terminal(trifuse, here):
    Path("a\x1b[2J.csv").write_text("path\x07\n")
    result = trifuse("predict", "a\x1b[2J.csv", "-m", "m.trifuse", "-o", "o")
    column = "a column named 'path\\x07', not one line of text; rename it."
    assert (result.code, result.err) == (1, f"Error: The table a[2J.csv has {column}\n")


def test_backbones(trifuse):
    text = trifuse("backbones").out.decode()
    listed = json.loads(trifuse("backbones", "--json").out)
    assert len(listed) >= 10
    assert all(re.search(rf"^{row['name']} ", text, re.MULTILINE) for row in listed)


def test_evaluate(trifuse, here, archive):
    options = ("-m", "m.trifuse", "-o", "o.csv", "--probabilities")
    assert trifuse("predict", archive / "images", *options).err == ""
    truth = archive / "metadata.csv"
    result = trifuse("evaluate", "o.csv", truth)
    assert (result.code, result.err) == (0, "")
    assert result.out.decode().startswith("56 images scored and compared with the truth.")
    plain = json.loads(trifuse("evaluate", "o.csv", truth, "--json").out)
    right = sum(
        row["label_1"] == read_truth(truth)[f"images/{Path(row['image']).name}"]
        for row in rows(Path("o.csv").read_bytes())
    )
    assert plain["metrics"]["accuracy"] == pytest.approx(right / 56)
