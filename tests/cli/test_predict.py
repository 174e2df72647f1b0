"""`trifuse predict` as people run it: inputs of every kind, ids, parts, resume."""

import csv
import hashlib
import hmac
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from trifuse.batch.outputs.formats.isic_format import CLASSES
from trifuse.classifiers.archive import pack, unpack

pytestmark = pytest.mark.slow


def rows(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_predict(trifuse, here):
    result = trifuse("predict", "b.jpg", "in", "a.jpg", "-m", "m.trifuse", "-o", "o.csv")
    assert (result.code, result.out, result.err) == (0, b"", "3 images scored.\n")
    content = Path("o.csv").read_bytes()
    assert [row["image"] for row in rows(content)] == ["b.jpg", "in/c.jpg", "a.jpg"]
    assert {row["status"] for row in rows(content)} == {"ok"}
    written = {path.name for path in here.iterdir()} - {"a.jpg", "b.jpg", "in", "m.trifuse"}
    assert written == {"o.csv", "o.csv.run.inputs", "o.csv.run.json"}


def test_stdout_carries_the_csv_and_nothing_else(trifuse, here):
    trifuse("predict", "a.jpg", "in", "-m", "m.trifuse", "-o", "o.csv")
    result = trifuse("predict", "a.jpg", "in", "-m", "m.trifuse", "-o", "-")
    assert result.code == 0
    assert result.out == Path("o.csv").read_bytes()
    assert not Path("-.run.json").exists()


def test_unread_images_are_rows_and_exit_code_3(trifuse, here):
    Path("in/empty.jpg").touch()
    Path("list.csv").write_text("path\nnone.jpg\n")
    result = trifuse("predict", "in", "list.csv", "a.jpg", "-m", "m.trifuse", "-o", "-")
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
    assert (result.code, result.err) == (0, "4 images scored.\n")
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
    assert (result.code, result.err) == (0, "5 images scored.\n")
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
    Path("bad.jpg").write_text("no image")
    options = ("predict", archive / "images", "bad.jpg", "-m", "m.trifuse", "-o", "o.csv")
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


NOTHING = "There is nothing to score: the inputs hold 0 images; say --allow-empty if that is right."


@pytest.mark.parametrize(
    ("inputs", "warning"),
    [
        (["empty"], "empty: holds no image.\n"),
        (["-"], ""),
        (["."], ".: holds no image.\n"),
        (["in", "--include", "*.tif"], ""),
        (["list.csv"], "list.csv: lists no image.\n"),
    ],
)
def test_nothing_to_score_is_no_success(trifuse, here, inputs, warning):
    for name in ("a.jpg", "b.jpg"):
        Path(name).rename(f".{name}")
    Path("empty").mkdir()
    Path("in").rename(".in" if inputs == ["."] else "in")
    Path("list.csv").write_text("path\n")
    Path("o.csv").write_text("of yesterday\n")
    options = ("predict", *inputs, "-m", "m.trifuse", "--overwrite")
    result = trifuse(*options, "-o", "o.csv")
    assert (result.code, result.out) == (4, b"")
    assert result.err.endswith(f"{NOTHING}\n")
    assert warning in result.err
    assert [path.name for path in here.glob("o.csv*")] == ["o.csv"]
    assert Path("o.csv").read_text() == "of yesterday\n"
    assert trifuse(*options, "-o", "o.csv", "-q").err.splitlines()[-1] == NOTHING
    allowed = trifuse(*options, "-o", "o.csv", "--allow-empty")
    assert (allowed.code, allowed.err.splitlines()[-1]) == (0, "0 images scored.")
    assert Path("o.csv").read_text().startswith("image,status,")


def test_what_is_refused_gives_nothing_to_a_pipe(trifuse, here):
    Path("empty").mkdir()
    options = ("-m", "m.trifuse", "-o", "-")
    result = trifuse("predict", "empty", *options)
    assert (result.code, result.out) == (4, b"")
    allowed = trifuse("predict", "empty", *options, "--allow-empty")
    assert (allowed.code, allowed.out.count(b"\n")) == (0, 1)
    table = trifuse("predict", "-", *options, stdin=b"path,age\na.jpg,8\n")
    assert (table.code, table.out) == (1, b"")


def test_an_input_that_does_not_exist_is_told_before_anything_is_scored(trifuse, here):
    Path("gone.jpg").symlink_to("nowhere")
    for name in ("none.jpg", "in/*.tif", "gone.jpg", "a.jpg/b", "x" * 300):
        result = trifuse("predict", "in", name, "-m", "m.trifuse", "-o", "o.csv", "-q")
        assert (result.code, result.out) == (2, b"")
        assert result.err.endswith(
            f"Error: There is no {name}; name files and folders that exist.\n"
        )
    assert not list(here.glob("o.csv*"))


def test_the_options_of_predict(trifuse, here):
    Path("prior.toml").write_text(
        "".join(f"synthetic_{c} = 1\n" for c in "abcdef") + "synthetic_g = 1000\n"
    )
    common = ("predict", "a.jpg", "-m", "m.trifuse", "-o", "-")
    (row,) = rows(trifuse(*common, "--prior", "prior.toml", "--top", "1", "--probabilities").out)
    assert row["label_1"] == "synthetic_g"
    assert "label_2" not in row
    assert sum(float(row[f"probability_of_synthetic_{c}"]) for c in "abcdefg") == pytest.approx(1)
    balanced = trifuse(*common, "--prior", "balanced").out
    assert balanced != trifuse(*common, "--prior", "prior.toml").out
    small = trifuse(*common, "--max-pixels", "100")
    assert (small.code, rows(small.out)[0]["status"]) == (3, "error")


def test_what_is_named_twice_is_told(trifuse, here):
    shutil.copy("a.jpg", "in/a.png")
    options = ("predict", "in", "a.jpg", "in/c.jpg", "-m", "m.trifuse", "-o", "-", "--id", "name")
    result = trifuse(*options)
    assert [row["image"] for row in rows(result.out)] == ["a", "c", "a", "c"]
    assert result.err.splitlines() == [
        "Inputs that are named again, and have a row each time: 1, such as in/c.jpg.",
        "Inputs that are called as another is: 1, such as a.jpg; --id path tells them apart.",
        "4 images scored.",
    ]


def test_files_of_one_uid_are_told(trifuse, here, write_dicom):
    for name in ("in/1.dcm", "in/2.dcm"):
        write_dicom(name, SOPInstanceUID="1.2.3")
    result = trifuse("predict", "in", "-m", "m.trifuse", "-o", "-")
    assert [row["image"] for row in rows(result.out)] == ["1.2.3#1", "1.2.3#2"] * 2 + ["in/c.jpg"]
    assert "UID of another: 1, such as in/2.dcm; leave copies out" in result.err


@pytest.fixture
def isic(trifuse, here):
    """Write as the challenge wants it, by a model of its classes; gives also what is there then."""
    files = unpack(Path("m.trifuse").read_bytes(), "m")
    about = json.loads(files["model.json"]) | {"classes": CLASSES}
    Path("m.trifuse").unlink()
    Path("m.trifuse").write_bytes(pack({**files, "model.json": json.dumps(about).encode()}))

    def run(*arguments, stdin=b""):
        options = ("-m", "m.trifuse", "-o", "o.csv", "--format", "isic", "--log", "log")
        result = trifuse("predict", *arguments, *options, stdin=stdin)
        return result.code, result.err, sorted(path.name for path in here.glob("o.csv*"))

    return run


def test_a_list_that_clashes_leaves_nothing(isic, here):
    shutil.copy("a.jpg", "in/a.png")
    code, error, files = isic("-", stdin=b"a.jpg\nin/a.png\n")
    assert (code, files) == (1, [])
    assert error.startswith("Error: in/a.png would be called 'a', as another image is; in this")
    last = json.loads(Path("log").read_text().splitlines()[-1])
    assert last["reason"].startswith("INPUT would be called 'INPUT', as another image is; in this")


def test_files_of_one_uid_are_refused_for_the_challenge(isic, here, write_dicom):
    for name in ("in/1.dcm", "in/2.dcm"):
        write_dicom(name, SOPInstanceUID="1.2.3")
    code, error, files = isic("in")
    assert (code, files) == (1, [])
    assert "Error: in/2.dcm would be called '1.2.3', as another image is; in this" in error
    Path("in/2.dcm").rename("2.dcm")
    code, _, whole = isic("in")
    assert code == 0
    before = Path("o.csv").read_bytes()
    code, error, _ = isic("in", "2.dcm", "--update")
    assert (code, Path("o.csv").read_bytes()) == (1, before)
    assert "Error: Row 4 is called as an earlier one is, and in this format no two may be" in error
    assert isic("in", "--update")[::2] == (0, whole)
    assert Path("o.csv").read_bytes() == before


def test_unread_images_of_all_parts_have_ids_of_their_own(trifuse, here):
    Path("list.csv").write_text("path\n" + "".join(f"none{n}.jpg\n" for n in range(12)))
    options = ("predict", "list.csv", "a.jpg", "-m", "m.trifuse", "--id", "sha256", "-o", "-")
    whole = [row["image"] for row in rows(trifuse(*options).out)]
    parts = [rows(trifuse(*options, "--part", f"{part}/3").out) for part in (1, 2, 3)]
    assert sorted(row["image"] for part in parts for row in part) == sorted(whole)
    assert len(set(whole)) == 13
    assert not any("none" in image for image in whole)


def test_an_empty_part_of_an_archive_is_no_error(trifuse, here):
    options = ("predict", "a.jpg", "-m", "m.trifuse")
    results = [trifuse(*options, "-o", f"{n}.csv", "--part", f"{n}/2") for n in (1, 2)]
    assert [result.code for result in results] == [0, 0]
    assert sorted(result.err for result in results) == ["0 images scored.\n", "1 image scored.\n"]
    Path("empty").mkdir()
    assert trifuse("predict", "empty", *options[2:], "-o", "e.csv", "--part", "1/2").code == 4
