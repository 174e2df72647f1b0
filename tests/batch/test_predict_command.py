"""`trifuse predict` as people run it: inputs of every kind, ids, parts, resume."""

import csv
import hashlib
import hmac
import io
import tarfile
import zipfile
from pathlib import Path

import pytest


def rows(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


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


def test_a_dicom_file_gives_a_row_a_frame(trifuse, here, write_dicom):
    write_dicom("scan")  # no suffix is needed
    write_dicom("in/other.dcm", SOPInstanceUID="1.2.3", NumberOfFrames=1)
    result = trifuse("predict", "scan", "a.jpg", "in", "-m", "m.trifuse", "-o", "-")
    assert (result.code, result.err) == (0, "")
    uid = "1.2.826.0.1.3680043.8.498.7"
    assert [row["image"] for row in rows(result.out)] == [
        f"{uid}#1",
        f"{uid}#2",
        "a.jpg",
        "in/c.jpg",
        "1.2.3",
    ]
    first, second, *_ = rows(result.out)
    assert first["probability_1"] != second["probability_1"]  # frames differ


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
