"""What a command reads, and what is no output of its kind, is never replaced or added to."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from trifuse.classifiers.output import OutputError, check_output

READ = "itself read"
OTHER = "a file of another kind"
LINK = "is a link; name the file that it leads to, or another output."
NO_LOG = "is there and is no log of trifuse; name another log."


@pytest.fixture
def dear(here, archive, recipe_file):
    """The working folder with all that a run may read, and other names of the same files."""
    shutil.copytree(archive, "data")
    shutil.copy(Path("m.trifuse").resolve(), "model.trifuse")
    shutil.copy(recipe_file, "recipe.toml")
    Path("key").write_bytes(b"k" * 32)
    Path("prior.toml").write_text("".join(f"synthetic_{c} = 1\n" for c in "abcdefg"))
    Path("table.csv").write_text("path,site\na.jpg,back\n")
    Path("notes.md").write_text("mine\n")
    Path("tuning.toml").write_text("[split]\nfolds = 3\ncalibration = 1\n")
    with zipfile.ZipFile("images.zip", "w") as file:
        file.write("a.jpg")
    Path("hard.csv").hardlink_to("table.csv")
    Path("soft.csv").symlink_to("table.csv")
    Path("dangling.csv").symlink_to("elsewhere.csv")
    Path("o3.csv.journal").hardlink_to("table.csv")
    Path("o4.csv.run.json").symlink_to("prior.toml")
    Path("figures").mkdir()
    Image.open("a.jpg").save("figures/a.png")
    return here


PREDICT = "predict a.jpg -m model.trifuse"
CASES = [
    (f"{PREDICT} -o model.trifuse --format csv", READ),
    (f"{PREDICT} -o data/../model.trifuse --format csv", READ),
    (f"{PREDICT} -o a.jpg --format csv", READ),
    (f"{PREDICT} -o b.jpg --format csv", OTHER),
    (f"{PREDICT} -o images.zip --format jsonl", OTHER),
    (f"{PREDICT} -o key --id hmac --id-key key", READ),
    (f"{PREDICT} -o prior.toml --format csv --prior prior.toml", READ),
    ("predict table.csv -m model.trifuse -o table.csv", READ),
    ("predict table.csv -m model.trifuse -o hard.csv", READ),
    ("predict table.csv -m model.trifuse -o o3.csv", READ),
    (f"{PREDICT} -o soft.csv", LINK),
    (f"{PREDICT} -o dangling.csv", LINK),
    (f"{PREDICT} -o o4.csv", LINK),
    ("predict in -m model.trifuse -o in/c.jpg --format csv", OTHER),
    (f"{PREDICT} -o new.csv --log b.jpg", NO_LOG),
    (f"{PREDICT} -o new.csv --log notes.md", NO_LOG),
    (f"{PREDICT} -o new.csv --log model.trifuse", READ),
    (f"{PREDICT} -o new.csv --log ./new.csv.journal", "as the run writes it otherwise"),
    ("train data -o data/metadata.csv", READ),
    ("train data -o data/images/synthetic_a_0000.jpg", OTHER),
    ("train data -o images.zip", OTHER),
    ("train data -o recipe.toml --recipe recipe.toml", READ),
    ("duplicates data -o data/metadata.csv", READ),
    ("duplicates data -o new.csv --page b.jpg", OTHER),
    ("evaluate table.csv data --page b.jpg", OTHER),
    ("evaluate table.csv data --page images.zip", OTHER),
    ("evaluate table.csv data --page hard.csv", READ),
    ("project data -m model.trifuse -o new.png --csv data/metadata.csv", READ),
    ("project data -m model.trifuse -o new.png --page model.trifuse", READ),
    ("explain figures/a.png -m model.trifuse -o figures", READ),
    ("compare data/comparison.csv -o data", READ),
    ("tune data --recipe data/best.toml -o data", READ),
    ("finetune data/report.md -o data --recipe tuning.toml", READ),
    ("finetune data -o data --recipe tuning.toml", "report.md exists already"),
    ("backbones --plot b.png", OTHER),
    ("demo -o .", "is neither empty nor the folder of a demo; name another by -o."),
    ("demo -o data", "is neither empty nor the folder of a demo; name another by -o."),
]


@pytest.mark.parametrize(("line", "error"), CASES)
def test_what_is_dear_is_kept(trifuse, dear, line, error):
    _prepare(line)
    before = {path: path.read_bytes() for path in dear.rglob("*") if path.is_file()}
    may_ask = not line.startswith(("demo", "tune", "finetune data -o"))
    result = trifuse(*line.split(), *(["--overwrite"] if may_ask else []))
    assert (result.code, result.out) == (1, b"")
    assert error in result.err.splitlines()[-1]
    assert {path: path.read_bytes() for path in dear.rglob("*") if path.is_file()} == before


def _prepare(line):
    """Give the few files that only some of the commands may find."""
    if "comparison.csv" in line:
        shutil.copy("data/metadata.csv", "data/comparison.csv")
    if "best.toml" in line:
        shutil.copy("recipe.toml", "data/best.toml")
        Path("data/search.sqlite3").write_bytes(b"SQLite format 3\0")
    if "finetune" in line:
        shutil.copy("data/metadata.csv", "data/report.md")
    if "b.png" in line:
        shutil.copy("b.jpg", "b.png")


def test_the_demo_replaces_its_own_folder(tmp_path, monkeypatch, trifuse):
    from trifuse.cli import demo
    from trifuse.datasets import synthetic

    monkeypatch.setattr(synthetic, "write_synthetic_archive", lambda *_, **__: 1 / 0)
    for _ in range(2):  # one that was interrupted is its own too
        with pytest.raises(ZeroDivisionError):
            demo.command.callback(str(tmp_path / "new"), jobs=1)
    (tmp_path / "new" / "train").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="neither empty nor"):
        demo.command.callback(str(tmp_path / "new"), jobs=1)


def test_what_trifuse_wrote_may_be_replaced(trifuse, here):
    options = ("predict", "a.jpg", "-m", "m.trifuse", "--log", "log", "--overwrite", "-o")
    for name in ("o", "o.csv", "o.jsonl", "o.parquet"):
        assert [trifuse(*options, name).code for _ in range(2)] == [0, 0]
    assert {json.loads(line)["event"] for line in Path("log").read_text().splitlines()} == {
        "start", "chunk", "end",
    }  # fmt: skip
    Path("o.csv").write_bytes(os.urandom(999))  # damaged, but its manifest is there
    assert trifuse(*options, "o.csv").code == 0
    assert Path("o.csv").read_bytes().startswith(b"image,status,")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_name_that_would_fail_at_the_end(trifuse, here, suffix):
    room = 255 - len(".converted.converting")
    name = "x" * (room - len(suffix)) + suffix
    options = ("predict", "a.jpg", "-m", "m.trifuse", "-o")
    result = trifuse(*options, f"x{name}")
    assert (result.code, result.err) == (
        1,
        f"Error: x{name} cannot be written: File name too long; {room} bytes are most.\n",
    )
    assert [path for path in here.iterdir() if path.name.startswith("x")] == []
    assert trifuse(*options, name).code == 0


def test_an_unfinished_file_is_written_anew_and_not_through_a_link(tmp_path):
    from trifuse.classifiers.output import open_output

    (tmp_path / "dear").write_text("dear")
    (tmp_path / "out.partial").symlink_to(tmp_path / "dear")
    with open_output(tmp_path / "out") as file:
        file.write(b"new")
    assert (tmp_path / "dear").read_text() == "dear"
    (tmp_path / "out.partial").hardlink_to(tmp_path / "dear")
    with pytest.raises(OutputError, match="itself read"):
        check_output(tmp_path / "out", True, (tmp_path / "dear",))


def test_a_wrong_model_leaves_a_line_in_the_log(trifuse, here):
    trifuse("predict", "a.jpg", "-m", "a.jpg", "-o", "o.csv", "--log", "log")
    (line,) = map(json.loads, Path("log").read_text().splitlines())
    assert (line["event"], line["error"]) == ("failed", "ModelFileError")
    assert line["reason"].startswith("INPUT is no model file of trifuse, or is damaged")
