"""`trifuse explain` as people run it."""

import csv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

KNOWN = (
    "warning: the model was trained on {} of the {} images, and knows them by heart: what it says "
    "of them tells nothing of new ones.\n"
)


def read_rows(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_figure_and_a_row_an_image(here, trifuse):
    done = trifuse("explain", "a.jpg", "in", "-m", "m.trifuse", "-o", "out", "-j", "1")
    assert (done.code, done.out) == (0, b"")
    assert done.err == f"explaining: 2 images\n{KNOWN.format(2, 2)}"
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a.png", "c.png", "explanations.csv",
    ]  # fmt: skip
    rows = read_rows("out/explanations.csv")
    assert [row["image"] for row in rows] == ["a.jpg", "in/c.jpg"]
    assert list(rows[0]) == [
        "image", "class", "probability", "explained", "evidence", "constant",
        "sift_fisher", "color_fisher", "deletion", "insertion", "random", "verdict",
        "trained_on",
    ]  # fmt: skip
    for row in rows:
        parts = sum(float(row[name]) for name in ("constant", "sift_fisher", "color_fisher"))
        assert parts == pytest.approx(float(row["evidence"]))


def test_training_images_are_told_from_the_others(here, trifuse):
    Path("b.jpg").write_bytes(Path("b.jpg").read_bytes() + b"\0")
    done = trifuse("explain", "a.jpg", "b.jpg", "-m", "m.trifuse", "-o", "out", "-j", "1")
    assert done.err == f"explaining: 2 images\n{KNOWN.format(1, 2)}"
    rows = read_rows("out/explanations.csv")
    assert [(row["image"], row["trained_on"]) for row in rows] == [("a.jpg", "1"), ("b.jpg", "0")]


def test_images_that_cannot_be_read_are_told(here, trifuse):
    Path("bad.jpg").write_bytes(b"junk")
    options = ("-m", "m.trifuse", "-o", "out", "--class", "synthetic_b", "--format", "svg")
    done = trifuse("explain", "-", *options, stdin=b"bad.jpg\na.jpg\n\x1bnone.jpg\n")
    assert done.code == 3
    assert done.err == (
        "explaining: 3 images\n"
        "bad.jpg: cannot read the image: it is not a JPEG, PNG, TIFF, BMP or WebP image\n"
        "none.jpg: cannot read the image: there is no such file\n"
        f"{KNOWN.format(1, 1)}"
        "2 of 3 images could not be read and are left out.\n"
    )
    assert [row["class"] for row in read_rows("out/explanations.csv")] == ["synthetic_b"]
    assert Path("out/a.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_images_of_one_name_have_figures_of_their_own(here, trifuse):
    for folder in ("x", "y"):
        Path(folder).mkdir()
        Path("a.jpg").replace(f"{folder}/a.jpg")
        Path("b.jpg").replace("a.jpg") if folder == "x" else None
    done = trifuse("explain", "x/a.jpg", "y/a.jpg", "-m", "m.trifuse", "-o", "out")
    assert done.code == 0
    assert Path("out/a.png").read_bytes() != Path("out/a-2.png").read_bytes()


def test_the_same_command_gives_the_same_bytes(here, trifuse):
    for folder in ("one", "two"):
        assert trifuse("explain", "a.jpg", "-m", "m.trifuse", "-o", folder).code == 0
    for name in ("a.png", "explanations.csv"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_nothing_is_replaced_unasked(here, trifuse):
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")
    arguments = ("explain", "a.jpg", "-m", "m.trifuse", "-o", "out")
    done = trifuse(*arguments)
    assert done.code == 1
    assert done.err == (
        "Error: out/a.png exists already; name another output, or say --overwrite to replace it.\n"
    )
    assert Path("out/a.png").read_bytes() == b"mine"
    assert trifuse(*arguments, "--overwrite").code == 0
    assert Path("out/a.png").read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--class", "mel"), 1, "Error: The model has no class 'mel'; it has synthetic_a, "),
        (("-", "-"), 2, "Error: Standard input can be read only once; name - once.\n"),
        (("-m", "a.jpg"), 1, "Error: a.jpg is no model file of trifuse"),
        (("-o", "a.jpg"), 1, "Error: The folder a.jpg cannot be made: File exists.\n"),
        (("-o", "a.jpg/b"), 1, "Error: The folder a.jpg/b cannot be made: Not a directory.\n"),
    ],
)
def test_what_cannot_be_done_is_told_before_any_work(here, trifuse, arguments, code, sentence):
    done = trifuse("explain", "a.jpg", "-m", "m.trifuse", "-o", "out", *arguments)
    assert done.code == code
    assert sentence in done.err
    assert not list(here.glob("out/*"))
