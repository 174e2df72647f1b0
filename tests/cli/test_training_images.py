"""Images that the model was trained on are told wherever they come from, by their content."""

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow


@pytest.fixture
def mixed(here, pictures):
    """A folder of images: copies of training images under other names, and new ones."""
    folder = here / "mixed"
    folder.mkdir()
    for number, picture in enumerate(pictures[:40:2]):
        path = folder / f"{number:02d}.jpg"
        if number % 4:
            shutil.copy(picture, path)
        else:  # the same picture in other bytes is another file
            Image.open(picture).save(path, quality=97)
    (folder / "broken.jpg").write_bytes(Path(pictures[0]).read_bytes()[:900])
    with zipfile.ZipFile(here / "scans.zip", "w") as archive:
        archive.write(pictures[41], "inside.jpg")
    return folder


def read(path):
    with Path(path).open(newline="") as file:
        return {Path(row["image"]).name: row for row in csv.DictReader(file)}


def manifest(path):
    return json.loads(Path(f"{path}.run.json").read_text())


def test_rows_and_manifest_say_which_images_were_trained_on(trifuse, mixed):
    result = trifuse("predict", "mixed", "scans.zip", "-m", "m.trifuse", "-o", "p.csv", "-j", "2")
    rows = read("p.csv")
    known = {name for name, row in rows.items() if "training-image" in row["review"].split(";")}
    copies = {f"{number:02d}.jpg" for number in range(20) if number % 4}
    assert known == copies | {"inside.jpg"}
    assert rows["broken.jpg"]["review"] == ""
    assert manifest("p.csv")["training_images"] == 16
    assert result.code == 3


@pytest.mark.parametrize("options", [["-j", "1"], ["-j", "2"], ["--format", "jsonl", "-j", "2"]])
def test_the_same_bytes_and_count_after_a_stop(trifuse, mixed, options, monkeypatch):
    from trifuse.batch.outputs import run_file

    trifuse("predict", "mixed", "-m", "m.trifuse", "-o", "once", *options)
    append, appended = run_file.RunFile.append, []

    def stop_at_third(self, rows, checkpoint):
        append(self, rows, checkpoint)
        appended.append(rows)
        if len(appended) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_file.RunFile, "append", stop_at_third)
        assert trifuse("predict", "mixed", "-m", "m.trifuse", "-o", "again", *options).code == 130
    resumed = ["--resume", *options]
    assert trifuse("predict", "mixed", "-m", "m.trifuse", "-o", "again", *resumed).code == 3
    assert Path("again").read_bytes() == Path("once").read_bytes()
    assert manifest("again")["training_images"] == manifest("once")["training_images"] == 15


def test_every_frame_of_a_file_is_told(trifuse, here, write_dicom, recipe_file, archive, forge):
    import numpy as np

    from trifuse.classifiers.model import TrainingImages
    from trifuse.features.files import file_sha256

    pytest.importorskip("pydicom")
    write_dicom("two.dcm")
    digests = TrainingImages.of([file_sha256(Path("two.dcm"))]).digests
    with Path("array.npy").open("wb") as file:
        np.lib.format.write_array(file, digests, allow_pickle=False)
    path = forge(arrays={"training.images.npy": Path("array.npy").read_bytes()})
    trifuse("predict", "two.dcm", "a.jpg", "-m", path, "-o", "p.jsonl")
    rows = [json.loads(line) for line in Path("p.jsonl").read_text().splitlines()]
    assert [("training-image" in row["review"]) for row in rows] == [True, True, False]
