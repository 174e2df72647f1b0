"""What a job would score is said without scoring it, or writing anything."""

import shutil
import zipfile
from pathlib import Path

OPTIONS = ("-m", "m.trifuse", "-o", "o.csv", "--dry-run")


def test_what_would_be_scored(trifuse, here):
    for number in range(7):
        shutil.copy("a.jpg", f"in/{number}.png")
    Path("in/notes.txt").touch()
    with zipfile.ZipFile("z.zip", "w") as archive:
        archive.write("a.jpg")
        archive.write("in/notes.txt")
    Path("list.csv").write_text("path\nin/none.jpg\na.jpg,b\n")
    before = sorted(here.rglob("*"))
    result = trifuse("predict", "in", "z.zip", "list.csv", "in/c.jpg", *OPTIONS)
    assert (result.code, result.err) == (0, "")
    assert result.out.decode().splitlines() == [
        "12 inputs would be scored.",
        "By kind: 7 .png, 3 .jpg, 1 .jpg in archives, 1 that cannot be read.",
        "First: in/0.png, in/1.png, in/2.png, in/3.png, in/4.png.",
        "Cannot be read: 2: in/none.jpg: there is no such file, list.csv:3: line 3 of the table "
        "has 2 cells under 1 column.",
        "in: passed over 1 file without an image's suffix.",
        "z.zip: passed over 1 file without an image's suffix.",
        "Inputs that are named again, and have a row each time: 1, such as in/c.jpg.",
    ]
    assert sorted(here.rglob("*")) == before


def test_what_cannot_start_is_told(trifuse, here):
    Path("empty").mkdir()
    empty = trifuse("predict", "empty", *OPTIONS)
    assert (empty.code, empty.out.decode().splitlines()) == (
        4,
        ["0 inputs would be scored.", "empty: holds no image."],
    )
    Path("o.csv").touch()
    assert trifuse("predict", "a.jpg", *OPTIONS).code == 1
    assert trifuse("predict", "none.jpg", *OPTIONS).code == 2
    for option in ("--resume", "--update", "--retry-errors"):
        result = trifuse("predict", "a.jpg", *OPTIONS, option)
        assert (result.code, result.out) == (2, b"")
        assert "--dry-run lists all inputs and looks at no output; leave out" in result.err
    assert trifuse("predict", "a.jpg", *OPTIONS, "--overwrite").code == 0
    assert Path("o.csv").read_bytes() == b""
