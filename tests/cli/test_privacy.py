"""Nothing that a run writes tells whose images they are, unless it was asked to."""

import csv
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from trifuse.batch.outputs import run_file
from trifuse.classifiers.output import OutputError

PATIENT = ("DOE", "JANE", "4711-P", "19700102", "SECRET")
UID = "1.2.826.0.1.3680043.8.498.7"


@pytest.fixture
def patient(here, pictures, write_dicom):
    """A folder of good and bad files whose names and contents tell a patient's name."""
    folder = Path("in/DOE_JANE_19700102")
    folder.mkdir()
    write_dicom(folder / "good.dcm")
    write_dicom(folder / "bad.dcm", PhotometricInterpretation="SECRET")
    content = (folder / "good.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(content[: len(content) // 2])
    (folder / "header.dcm").write_bytes(content[:500])
    picture = Path(pictures[0]).read_bytes()
    for name, damaged in {
        "JANE.jpg": picture,
        "DOE.png": b"DOE",
        "4711-P.jpg": picture[:999],
    }.items():
        (folder / name).write_bytes(damaged)
    (folder / "DOE.zip").write_bytes(b"DOE")
    with zipfile.ZipFile("in.zip", "w") as archive:
        archive.writestr("DOE/JANE.jpg", picture)
        archive.writestr("DOE/SECRET.jpg", picture[:99])
    return ["in", "in.zip"]


def leaks(*texts):
    return [name for name in PATIENT for text in texts if name.encode() in text]


def test_no_file_of_a_run_names_a_patient(trifuse, patient, monkeypatch):
    Path("key").write_bytes(os.urandom(32))
    arguments = ["predict", *patient, "-m", "m.trifuse", "-o", "o.csv", "--log", "log"]
    arguments += ["--id", "hmac", "--id-key", "key", "--resume"]

    def fail(*_):
        raise OutputError("interrupted")

    with monkeypatch.context() as context:
        context.setattr(run_file.RunFile, "finish", fail)
        interrupted = trifuse(*arguments)
    files = {path: path.read_bytes() for path in map(Path, ("o.csv.partial", "o.csv.journal"))}
    result = trifuse(*arguments)
    assert (interrupted.code, result.code) == (1, 3)
    files |= {path: path.read_bytes() for path in map(Path, ("o.csv", "o.csv.run.json", "log"))}
    rows = list(csv.DictReader(io.StringIO(files[Path("o.csv")].decode())))
    assert [row["status"] for row in rows].count("ok") > 4
    assert [row["status"] for row in rows].count("error") > 4
    assert leaks(*files.values(), result.err.encode(), interrupted.err.encode()) == []
    assert not any(UID.encode() in content for content in files.values())


def test_wrong_bytes_on_standard_input_leak_nothing(trifuse, here, write_dicom):
    write_dicom("good.dcm")
    content = Path("good.dcm").read_bytes()
    assert b"DOE" in content
    wrong = [content, content[132:], b"\n".join([content] * 3), content[:200] * 500]
    for number, stdin in enumerate(wrong):
        for null in ([], ["-0"]):
            output = f"{number}{''.join(null)}.csv"
            result = trifuse("predict", "-", *null, "-m", "m.trifuse", "-o", output, stdin=stdin)
            assert result.code == 1
            assert result.err.startswith("Error: ")
            assert list(Path().glob(f"{output}*")) == []  # the right command needs no --overwrite
            assert leaks(result.err.encode()) == []


def test_a_tar_archive_on_standard_input_gives_its_images(trifuse, here, write_dicom):
    write_dicom("good.dcm")
    with tarfile.open("x.tar", "w") as archive:
        archive.add("good.dcm", "IM1")
        archive.add("a.jpg")
    options = ["-m", "m.trifuse", "--probabilities", "-o"]
    piped = trifuse("predict", "-", *options, "-", stdin=Path("x.tar").read_bytes())
    named = trifuse("predict", "x.tar", *options, "-")
    assert piped.code == named.code == 0
    assert piped.out == named.out.replace(b"x.tar/", b"")
    assert leaks(piped.out, piped.err.encode()) == []


@pytest.mark.parametrize(("kind", "shown"), [("path", True), ("name", True), ("sha256", False)])
def test_the_uid_is_shown_by_the_ids_that_say_so(trifuse, patient, kind, shown):
    path = "in/DOE_JANE_19700102/good.dcm"
    result = trifuse(
        "predict", path, "-m", "m.trifuse", "-o", "o.csv", "--id", kind, "--log", "log"
    )
    assert result.code == 0
    content = Path("o.csv").read_bytes()
    assert (UID.encode() in content) == shown
    others = [Path(name).read_bytes() for name in ("o.csv.run.json", "log")]
    assert not any(UID.encode() in other for other in others)
    assert leaks(content, *others, result.err.encode()) == []
