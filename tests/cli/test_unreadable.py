"""Images that cannot be read: all are named after the first look, or left out and told."""

import csv
import hashlib
import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from trifuse.classifiers.model_file import load_model, read_about

TINY = io.BytesIO()
Image.new("RGB", (60, 3), (200, 90, 80)).save(TINY, "PNG")
BROKEN = {"cut.jpg": b"\xff\xd8\xff and no more", "empty.png": b"", "DOE^JANE.tif": b"II*\0"}


@pytest.fixture
def here(tmp_path, monkeypatch, archive):
    """A table of the archive's images and of three that cannot be read."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(archive / "images", "images")
    with (archive / "metadata.csv").open(newline="") as file:
        rows = [(row["path"], row["label"], row["group"]) for row in csv.DictReader(file)]
    for number, (name, content) in enumerate(BROKEN.items()):
        Path(name).write_bytes(content)
        rows.insert(17 * number, (name, rows[17 * number][1], f"lesion of {name}"))
    with Path("table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "group"), *rows])
    with Path("flat.csv").open("w", newline="") as file:  # of more groups than any command needs
        csv.writer(file).writerows([("path", "label"), *(row[:2] for row in rows)])
    return tmp_path


def named(err):
    return [name for name in BROKEN if f"'{name}': cannot read the image: " in err]


@pytest.mark.parametrize("command", ["train", "compare", "tune", "finetune", "split"])
@pytest.mark.usefixtures("small_backbone")
def test_all_are_named_before_the_work_and_nothing_is_left(trifuse, here, recipe_file, command):
    if command == "finetune":
        recipe_file = here / "finetuning.toml"
        recipe_file.write_text('[network]\nside = 32\nfrozen = "conv_1"\n[split]\nfolds = 4\n')
    recipe = [] if command == "split" else ["--recipe", recipe_file]
    result = trifuse(command, "flat.csv", "-o", "out", *recipe, "-j", "1")
    assert result.code == 1
    assert named(result.err) == list(BROKEN)
    assert result.err.splitlines()[-1].startswith(
        "Error: 3 images of 59 cannot be read: 'cut.jpg',"
    )
    assert result.err.splitlines()[-1].endswith("leave them out by --skip-unreadable")
    left = [path.name for path in here.glob("out/*")] if (here / "out").is_dir() else []
    assert not {"train.csv", "best.toml", "comparison.csv"} & set(left)


def test_training_goes_on_without_them_on_request(trifuse, here, recipe_file, model_file):
    train = ("train", "table.csv", "--recipe", recipe_file, "-j", "1")
    result = trifuse(*train, "-o", "m.trifuse", "--skip-unreadable")
    assert result.code == 3
    assert named(result.err) == list(BROKEN)
    assert result.err.endswith("3 of 59 images could not be read and are left out.\n")
    assert result.out.startswith(b"| figure ")
    about = read_about(Path("m.trifuse"))
    card = " ".join(about["card"].split())
    assert "Images that could not be read and were left out: 3." in card
    for content in BROKEN.values():
        assert f"`{hashlib.sha256(content).hexdigest()}`" in card
    assert not any(name in str(about) for name in BROKEN)  # they may be a patient's
    assert about["training"]["fingerprint"] == read_about(model_file)["training"]["fingerprint"]
    assert len(load_model(Path("m.trifuse")).training_images) == 56


@pytest.mark.parametrize("command", ["train", "compare", "tune"])
def test_images_too_small_to_describe_are_named_with_them(trifuse, here, recipe_file, command):
    for name in BROKEN:
        Path(name).write_bytes(TINY.getvalue())
    result = trifuse(command, "flat.csv", "-o", "out", "--recipe", recipe_file, "-j", "1")
    assert result.code == 1
    sentence = "cannot score the image: it is too small to describe (3 rows x 60 columns)"
    assert all(f"'{name}': {sentence}" in result.err for name in BROKEN)
    assert "Error: 3 images of 59 cannot be read" in result.err


@pytest.mark.parametrize("command", ["duplicates", "project"])
def test_those_that_leave_them_out_name_them_too(trifuse, here, model_file, command):
    options = ["-m", model_file, "-o", "map.png", "--perplexity", "10"]
    options = options if command == "project" else ["-o", "pairs.csv"]
    result = trifuse(command, "table.csv", *options, "-j", "1")
    assert result.code == 3
    for name in BROKEN:
        assert f"{name}" in result.err
    assert result.err.endswith("3 of 59 images could not be read and are left out.\n")
