"""`trifuse predict --groups`: what the images of a lesion, or of a study, say together."""

import csv
import hashlib
import hmac
import json
import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.archive import pack, unpack

pytestmark = pytest.mark.slow
TABLE = "path,lesion\na.jpg,L1\nb.jpg,L2\nin/c.jpg,L1\nnone.jpg,L2\ngone.jpg,L3\nin/d.jpg,\n"
RUN = ("predict", "t.csv", "-m", "m.trifuse", "-o", "o.csv")
GROUPS = ("--groups", "g.csv", "--group-column", "lesion")


@pytest.fixture
def lesions(here):
    """Write a table of four lesions, of which two have several images."""
    shutil.copy("a.jpg", "in/d.jpg")
    Path("t.csv").write_text(TABLE)


def read(path="g.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_lesion(trifuse, lesions):
    result = trifuse(*RUN, *GROUPS)
    assert (result.code, result.out) == (3, b"")
    assert result.err == (
        "4 groups in g.csv; without any image that could be scored: 1.\n"
        "2 of 6 images could not be read; see their rows.\n"
    )
    found = [(row["group"], row["status"], row["images"], row["unread"]) for row in read()]
    assert found == [
        ("L1", "ok", "2", "0"), ("L2", "ok", "2", "1"), ("L3", "error", "1", "1"),
        ("in/d.jpg", "ok", "1", "0"),
    ]  # fmt: skip
    assert "probability_of_synthetic_a" not in read()[0]
    images = read("o.csv")
    assert read()[1]["probability_1"] == images[1]["probability_1"]
    assert "probability_of_synthetic_a" in images[0]


def test_the_same_bytes_at_a_resume_with_other_jobs_and_of_a_whole_output(trifuse, lesions):
    assert trifuse(*RUN, *GROUPS, "-j", "1").code == 3
    expected = Path("g.csv").read_bytes()
    Path("g.csv").unlink()
    result = trifuse(*RUN, *GROUPS, "--resume", "-j", "2")
    assert (result.code, result.err.splitlines()[1]) == (3, "o.csv is whole already.")
    assert Path("g.csv").read_bytes() == expected
    assert trifuse(*RUN, *GROUPS, "--resume").code == 3
    assert trifuse(*RUN, *GROUPS, "--overwrite", "-j", "2").code == 3
    assert Path("g.csv").read_bytes() == expected
    assert trifuse(*RUN, *GROUPS, "--update").code == 3
    assert Path("g.csv").read_bytes() == expected


def test_it_follows_an_update(trifuse, lesions):
    assert trifuse(*RUN, *GROUPS).code == 3
    shutil.copy("b.jpg", "gone.jpg")
    assert trifuse(*RUN, *GROUPS, "--update").code == 3
    assert [row["status"] for row in read()] == ["ok"] * 4


@pytest.mark.parametrize("kind", ["path", "hmac"])
def test_studies_of_dicom_objects(trifuse, here, write_dicom, kind):
    write_dicom("in/1.dcm", StudyInstanceUID="1.2.3")
    write_dicom("in/2.dcm", StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.4", Rows=65)
    write_dicom("in/3.dcm", StudyInstanceUID="1.2.9", SOPInstanceUID="1.2.5")
    key = b"0123456789abcdef"
    Path("key").write_bytes(key)
    options = ("--id", "hmac", "--id-key", "key") if kind == "hmac" else ()
    result = trifuse("predict", "in", "-m", "m.trifuse", "-o", "o.csv", "--groups", "g.csv",
                     *options)  # fmt: skip
    assert result.code == 3
    names = ["1.2.3", "1.2.9", "in/c.jpg"]
    if kind == "hmac":
        names = [hmac.new(key, name.encode(), hashlib.sha256).hexdigest() for name in names]
    found = [(row["group"], row["images"], row["unread"]) for row in read()]
    assert found == [(names[0], "4", "1"), (names[1], "2", "0"), (names[2], "1", "0")]
    assert {row["StudyInstanceUID"] for row in read("o.csv")} == {*names[:2], ""}


def test_parts_are_put_together_first(trifuse, lesions):
    assert trifuse(*RUN, *GROUPS).code == 3
    expected = Path("g.csv").read_bytes()
    result = trifuse(*RUN, *GROUPS, "--part", "1/2", "--overwrite")
    assert result.code == 2
    assert "put the parts together by trifuse merge" in result.err
    for part in "12":
        options = ("--part", f"{part}/2", "--probabilities", "--group-column", "lesion")
        assert trifuse(*RUN[:-1], f"{part}.csv", *options).code in {0, 3}
    assert trifuse("merge", "1.csv", "2.csv", "-o", "o.csv", "--overwrite").code in {0, 3}
    assert trifuse(*RUN, *GROUPS, "--resume").code == 3
    assert Path("g.csv").read_bytes() == expected


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--group-column", "sex"), 2, "No table among the inputs has a column 'sex', only lesion"),
        (("--groups", "g.parquet"), 2, "--groups writes CSV, and g.parquet has the suffix"),
        (("--groups", "t.csv"), 1, "t.csv is itself read"),
        (("--groups", "o.csv"), 1, "o.csv cannot be the table of groups"),
        (("--groups", "log", "--log", "log"), 1, "log cannot be the table of groups"),
        ((*GROUPS, "-o", "-"), 2, "--groups needs an output that is a file"),
        ((*GROUPS, "--report", "g.csv"), 2, "the groups and the page are two files"),
    ],
)
def test_what_cannot_be(trifuse, lesions, options, code, sentence):
    before = sorted(map(str, Path().rglob("*")))
    result = trifuse(*RUN, *options)
    assert (result.code, result.out) == (code, b"")
    assert sentence in result.err
    assert sorted(map(str, Path().rglob("*"))) == before


def test_a_format_without_columns(trifuse, lesions):
    result = trifuse(*RUN, *GROUPS, "--format", "isic")
    assert result.code in {1, 2}
    assert not Path("g.csv").exists()


def test_a_model_that_knows_nothing_of_groups(trifuse, lesions):
    files = unpack(Path("m.trifuse").read_bytes(), "model")
    about = json.loads(files["model.json"])
    del about["review"]["pooling"]
    Path("old.trifuse").write_bytes(pack({**files, "model.json": json.dumps(about).encode()}))
    result = trifuse(*RUN, *GROUPS, "-m", "old.trifuse")
    assert (result.code, result.out) == (1, b"")
    assert "old.trifuse is of a trifuse that knew nothing of groups" in result.err
    assert trifuse(*RUN, "-m", "old.trifuse").code == 3


def test_lesions_are_evaluated_as_images_are(trifuse, lesions):
    assert trifuse(*RUN, *GROUPS, "--probabilities").code == 3
    truth = "path,label\nL1,synthetic_a\nL2,synthetic_b\nL3,synthetic_a\nin/d.jpg,synthetic_a\n"
    Path("truth.csv").write_text(truth)
    result = trifuse("evaluate", "g.csv", "truth.csv")
    assert result.code == 0, result.err
