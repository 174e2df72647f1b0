"""The batch job: a row an input, the same bytes always, and whole files or none."""

import csv
import hashlib
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from trifuse.batch import prediction
from trifuse.batch.prediction import OptionsError, Outcome, PredictionOptions, run_prediction
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import load_model
from trifuse.classifiers.output import OutputError
from trifuse.classifiers.prior import PriorError
from trifuse.features.images import read_image


@pytest.fixture
def inputs(pictures, tmp_path):
    """Good and bad images in no order, more than two chunks of them."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.jpg").write_bytes(Path(pictures[0]).read_bytes()[:1500])
    bad = [str(folder), *sorted(map(str, folder.iterdir())), str(folder / "missing.jpg")]
    mixed = [*pictures[:12], *bad, *pictures[20:8:-1], bad[0], pictures[0]]
    return [mixed[index] for index in np.random.default_rng(0).permutation(len(mixed))]


@pytest.fixture
def predict(model_file, tmp_path):
    def run(paths, name="out.csv", **options):
        output = tmp_path / name
        options = {"model": str(model_file), "output": str(output), **options}
        return run_prediction(paths, PredictionOptions(**options)), output

    return run


def read(output):
    return list(csv.DictReader(io.StringIO(Path(output).read_text())))


def test_every_input_has_its_row_in_order(predict, inputs, model_file):
    outcome, output = predict(inputs, probabilities=True)
    rows = read(output)
    assert [row["image"] for row in rows] == inputs
    unread = [row for row in rows if row["status"] == "error"]
    assert outcome == Outcome(images=len(inputs), errors=6) == Outcome(len(rows), len(unread))
    assert all(row["message"].startswith(f"cannot read {row['image']}: ") for row in unread)
    model = load_model(model_file)
    for row in rows:
        if row["status"] == "ok":
            expected = model.predict(read_image(row["image"]))
            found = [float(row[f"probability_{name}"]) for name in model.classes]
            np.testing.assert_allclose(found, expected, rtol=1e-8)
            best = np.argsort(-expected)[:3]
            assert [row[f"label_{k}"] for k in (1, 2, 3)] == [model.classes[i] for i in best]


@pytest.mark.parametrize("options", [{}, {"top": 7, "prior": "balanced", "probabilities": True}])
def test_the_bytes_do_not_depend_on_the_jobs(predict, inputs, options):
    contents = [
        predict(inputs, f"{run}.csv", jobs=jobs, **options)[1].read_bytes()
        for run, jobs in enumerate([1, 1, 2, 2, 3])
    ]
    assert len(set(contents)) == 1
    assert contents[0].count(b"\n") == len(inputs) + 1


def test_nothing_to_score_is_a_header(predict):
    outcome, output = predict([])
    assert outcome == Outcome(0, 0)
    assert output.read_text() == (
        "image,status,label_1,probability_1,label_2,probability_2,label_3,probability_3,message\n"
    )


def test_top_is_three_or_all_classes(predict, pictures, monkeypatch):
    for n_classes, labels in ((2, 2), (3, 3), (7, 3)):
        assert prediction._choose_top(None, n_classes) == labels
    assert prediction._choose_top(7, 7) == 7
    _, output = predict(pictures[:1], top=1)
    assert output.read_text().startswith("image,status,label_1,probability_1,message\n")
    message = r"^The model has 7 classes; ask for at most so many, not for 8\.$"
    with pytest.raises(OptionsError, match=message):
        predict(pictures[:1], "other.csv", top=8)


@pytest.mark.parametrize("name", ["jobs", "top", "max_pixels"])
@pytest.mark.parametrize("number", [0, -1])
def test_options_out_of_range(name, number):
    with pytest.raises(OptionsError, match=rf"^{name} is {number}; it must be at least 1\.$"):
        PredictionOptions("m", "o", **{name: number})


def test_the_manifest(predict, inputs, model_file):
    outcome, output = predict(inputs, jobs=2)
    text = output.with_name("out.csv.run.json").read_text()
    manifest = json.loads(text)
    assert manifest["output"] == "out.csv"
    assert manifest["output_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert manifest["model_sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert manifest["recipe_fingerprint"] == load_model(model_file).recipe.fingerprint
    assert (manifest["images"], manifest["errors"]) == (outcome.images, outcome.errors)
    assert manifest["options"]["jobs"] == 2
    assert manifest["seconds"] > 0
    assert not any(path in text for path in inputs)


def test_an_output_is_not_replaced_unasked(predict, pictures):
    _, output = predict(pictures[:1])
    before = output.read_bytes()
    message = rf"^{output} exists already; name another output, or say --overwrite to replace it\.$"
    with pytest.raises(OutputError, match=message):
        predict(pictures[:2])
    assert output.read_bytes() == before
    predict(pictures[:2], overwrite=True)
    assert len(read(output)) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": "missing.trifuse"}, ModelFileError),
        ({"prior": "missing.toml"}, PriorError),
        ({"output": "missing/out.csv"}, OutputError),
        ({"top": 8}, OptionsError),
    ],
)
def test_what_cannot_start_writes_nothing(predict, tmp_path, monkeypatch, changes, error):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        predict(iter(lambda: pytest.fail("an input was taken"), 0), **changes)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_halfway_leaves_nothing(predict, pictures, tmp_path):
    def paths():
        yield pictures[0]
        assert [path.name for path in tmp_path.iterdir()] == ["out.csv.partial"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(paths())
    assert list(tmp_path.iterdir()) == []


def test_rows_are_written_as_they_are_known(predict, pictures, tmp_path):
    seen = []

    def paths():
        for path in pictures[:3]:
            yield path
            seen.append((tmp_path / "out.csv.partial").read_bytes().count(b"\n"))

    predict(paths())
    assert seen == [2, 3, 4]  # the header too


def test_a_full_disk_is_told_and_leaves_nothing(predict, pictures, tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    message = rf"^{tmp_path}/out\.csv cannot be written: No space left on device\.$"
    with pytest.raises(OutputError, match=message):
        predict(pictures[:1])
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_replaced_is_read_anew(predict, model_file, pictures, tmp_path):
    path = tmp_path / "model.trifuse"
    shutil.copy(model_file, path)
    predict(pictures[:1], "1.csv", model=str(path))
    os.truncate(path, 1000)
    with pytest.raises(ModelFileError):
        predict(pictures[:1], "2.csv", model=str(path))
