"""The batch job: a row an input, the same bytes always, and nothing lost."""

import csv
import hashlib
import io
import json
import os
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest

from trifuse.batch import job
from trifuse.batch.inputs.items import InputOptions, SourceError
from trifuse.batch.job import Outcome, run_prediction
from trifuse.batch.job_options import OptionsError, PredictionOptions
from trifuse.batch.workers import pool
from trifuse.batch.workers.supervisor import Supervisor
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import load_model, read_about
from trifuse.classifiers.output import OutputError
from trifuse.classifiers.prior import PriorError
from trifuse.features.images import read_image

pytestmark = pytest.mark.slow


@pytest.fixture
def inputs(pictures, tmp_path):
    """Good and bad images in no order, more than a few chunks of them."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.jpg").write_bytes(Path(pictures[0]).read_bytes()[:1500])
    bad = [*sorted(map(str, folder.iterdir())), str(folder / "missing.jpg")]
    mixed = [*pictures[:12], *bad, *pictures[20:8:-1], bad[0], pictures[0]]
    return [mixed[index] for index in np.random.default_rng(0).permutation(len(mixed))]


@pytest.fixture
def predict(model_file, tmp_path):
    def run(paths, name="out.csv", **options):
        output = tmp_path / name
        options = {
            "model": str(model_file),
            "output": str(output),
            "inputs": InputOptions(tuple(paths)),
            **options,
        }
        return run_prediction(PredictionOptions(**options), io.BytesIO(), print), output

    return run


def read(output):
    return list(csv.DictReader(io.StringIO(Path(output).read_text())))


def test_every_input_has_its_row_in_order(predict, inputs, model_file):
    outcome, output = predict(inputs, probabilities=True)
    rows = read(output)
    assert [row["image"] for row in rows] == inputs
    unread = [row for row in rows if row["status"] == "error"]
    assert outcome == Outcome(images=len(inputs), errors=5) == Outcome(len(rows), len(unread))
    assert all(row["message"].startswith("cannot read the image: ") for row in unread)
    model = load_model(model_file)
    for row in rows:
        if row["status"] == "ok":
            verdict = model.judge(read_image(row["image"]))
            expected = verdict.probabilities
            found = [float(row[f"probability_of_{name}"]) for name in model.classes]
            np.testing.assert_array_equal(found, expected)
            best = np.argsort(-expected)[:3]
            assert [row[f"label_{k}"] for k in (1, 2, 3)] == [model.classes[i] for i in best]
            names = [model.classes[index] for index in verdict.prediction_set]
            assert row["prediction_set"] == ";".join(names)
            assert ("unfamiliar" in row["review"]) == verdict.unfamiliar


def test_a_set_without_the_first_class_is_told(predict, pictures, model_file, tmp_path):
    _, training = predict(pictures[:30], probabilities=True)
    classes = load_model(model_file).classes
    (tmp_path / "prior.toml").write_text(
        "".join(f"{name} = {1000 if name == classes[0] else 1}\n" for name in classes)
    )
    _, shifted = predict(pictures[:30], "shifted.csv", prior=str(tmp_path / "prior.toml"))
    conflicts = []
    for row, before in zip(read(shifted), read(training), strict=True):
        assert row["prediction_set"] == before["prediction_set"]
        assert "prior-conflict" not in before["review"]
        held = row["label_1"] in row["prediction_set"].split(";")
        assert ("prior-conflict" in row["review"].split(";")) == (not held)
        conflicts.append(not held)
    assert 0 < sum(conflicts) < 30


@pytest.mark.parametrize("options", [{}, {"top": 7, "prior": "balanced", "probabilities": True}])
def test_the_bytes_do_not_depend_on_the_jobs(predict, inputs, options):
    contents = [
        predict(inputs, f"{run}.csv", jobs=jobs, **options)[1].read_bytes()
        for run, jobs in enumerate([1, 1, 2, 3])
    ]
    assert len(set(contents)) == 1
    assert contents[0].count(b"\n") == len(inputs) + 1


def test_nothing_to_score_is_a_header(predict):
    outcome, output = predict([], allow_empty=True)
    assert outcome == Outcome(0, 0)
    assert output.read_text() == (
        "image,status,label_1,probability_1,label_2,probability_2,label_3,probability_3,"
        "review,prediction_set,message\n"
    )


def test_top_says_how_many_classes_a_row_names(predict, pictures):
    _, output = predict(pictures[:1], top=1)
    assert output.read_text().startswith("image,status,label_1,probability_1,review,")
    message = r"^The model has 7 classes; ask for at most so many, not for 8\.$"
    with pytest.raises(OptionsError, match=message):
        predict(pictures[:1], "other.csv", top=8)


def test_the_manifest(predict, inputs, model_file):
    outcome, output = predict(inputs, jobs=2)
    text = output.with_name("out.csv.run.json").read_text()
    manifest = json.loads(text)
    assert manifest["output"] == "out.csv"
    assert manifest["output_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert manifest["exit_status"] == 3
    assert (manifest["images"], manifest["errors"]) == (outcome.images, outcome.errors)
    assert manifest["inputs"] == len(inputs)
    options = manifest["options"]
    assert options["model"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert options["recipe"] == read_about(model_file)["recipe_fingerprint"]
    [attempt] = manifest["attempts"]
    assert (attempt["jobs"], attempt["host"]) == (2, platform.node())
    assert manifest["seconds"] > 0
    assert not any(path in text for path in inputs)
    assert not any(Path(path).stem in text for path in inputs)


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
        ({"output": "-", "format": "parquet"}, OptionsError),
        ({"log": "missing/log"}, OutputError),
        ({"inputs": InputOptions(("missing.csv",))}, SourceError),
    ],
)
def test_what_cannot_start_writes_nothing(predict, tmp_path, monkeypatch, changes, error):
    monkeypatch.chdir(tmp_path)

    def fail(*_):
        pytest.fail("an input was taken")

    monkeypatch.setattr(job, "list_items", fail)
    with pytest.raises(error):
        predict(["a.jpg"], **changes)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_halfway_leaves_what_it_had(predict, pictures, tmp_path, monkeypatch):
    iterate = job.list_items

    def fail(*arguments):
        yield from iterate(*arguments)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "out.csv.journal",
            "out.csv.partial",
        ]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job, "list_items", fail)
        with pytest.raises(KeyboardInterrupt):
            predict(pictures[:9], quiet=True)
    whole = predict(pictures[:9], "whole.csv")[1].read_bytes()
    partial = (tmp_path / "out.csv.partial").read_bytes()
    assert partial.count(b"\n") > 1
    assert whole.startswith(partial)
    _, output = predict(pictures[:9], resume=True)
    assert output.read_bytes() == whole


def test_rows_are_written_as_they_are_known(predict, pictures, tmp_path, monkeypatch):
    iterate = job.list_items
    seen = []

    def watch(*arguments):
        for item in iterate(*arguments):
            yield item
            yield None  # nothing comes for a while
            seen.append((tmp_path / "out.csv.partial").read_bytes().count(b"\n"))

    monkeypatch.setattr(job, "list_items", watch)
    monkeypatch.setattr(job, "can_list_ahead", lambda _: False)
    predict(pictures[:3], quiet=True)
    assert seen == [2, 3, 4]  # the header too


def test_a_full_disk_is_told_and_loses_nothing(predict, pictures, tmp_path, monkeypatch):
    fsync, calls = os.fsync, []

    def fail(descriptor):
        calls.append(descriptor)
        if len(calls) > 8:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    message = rf"^{tmp_path}/out\.csv cannot be written: No space left on device\.$"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OutputError, match=message):
            predict(pictures[:20])
    assert not (tmp_path / "out.csv").exists()
    _, output = predict(pictures[:20], resume=True)
    assert output.read_bytes() == predict(pictures[:20], "other.csv")[1].read_bytes()


def test_a_model_that_was_replaced_is_read_anew(predict, model_file, pictures, tmp_path):
    path = tmp_path / "model.trifuse"
    shutil.copy(model_file, path)
    predict(pictures[:1], "1.csv", model=str(path))
    os.truncate(path, 1000)
    with pytest.raises(ModelFileError):
        predict(pictures[:1], "2.csv", model=str(path))


def test_all_formats_hold_the_same(predict, inputs, tmp_path):
    from trifuse.datasets.predictions import read_predictions

    tables = [
        read_predictions(predict(inputs, name, probabilities=True)[1])
        for name in ("o.csv", "o.jsonl", "o.parquet")
    ]
    for table in tables[1:]:
        assert table.images == tables[0].images
        np.testing.assert_array_equal(table.probabilities, tables[0].probabilities)


def test_columns_of_a_table_are_carried_through(predict, pictures, tmp_path):
    (tmp_path / "t.csv").write_text(f"path,id,age\n{pictures[0]},first,40\nnone.jpg,second,50\n")
    _, output = predict([str(tmp_path / "t.csv"), pictures[1]])
    assert [(row["image"], row["age"]) for row in read(output)] == [
        ("first", "40"),
        ("second", "50"),
        (pictures[1], ""),
    ]


@pytest.mark.parametrize(("n_inputs", "starts"), [(10, 1), (11, 2)])
def test_ten_inputs_start_one_process(predict, pictures, monkeypatch, n_inputs, starts):
    started = []

    def start(*arguments):
        started.append(Supervisor(*arguments))
        return started[-1]

    monkeypatch.setattr(pool, "Supervisor", start)
    outcome, _ = predict(pictures[:n_inputs], jobs=2)
    assert outcome == Outcome(n_inputs, 0)
    assert len(started) == starts


def test_poison_costs_its_own_row(predict, pictures, poison):
    bad = [poison("SIGNAL 11"), poison("HANG"), poison("BURST"), poison("BUG")]
    paths = [*pictures[:6], *bad, *pictures[6:12]]
    outcome, output = predict(paths, jobs=2, timeout=8.0, memory=1024)
    rows = read(output)
    assert outcome == Outcome(16, 4)
    assert [row["image"] for row in rows] == paths
    assert [row["status"] for row in rows] == ["ok"] * 6 + ["error"] * 4 + ["ok"] * 6
    assert [row["message"] for row in rows[6:10]] == [
        "cannot score the image: it killed its process (SIGSEGV), perhaps for want of memory; "
        "raise --memory",
        "cannot score the image: it took longer than 8 s (--timeout)",
        "cannot score the image: it needs more memory than a worker may have; raise --memory",
        "cannot score the image: trifuse failed at it (RuntimeError); please report",
    ]
    again = predict(paths, "again.csv", jobs=1, timeout=8.0, memory=1024)[1]
    assert again.read_bytes() == output.read_bytes()


def test_the_log_names_no_image(predict, inputs, tmp_path):
    outcome, _ = predict(inputs, log=str(tmp_path / "log.jsonl"))
    text = (tmp_path / "log.jsonl").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert (events[0]["event"], events[0]["rows"]) == ("start", 0)
    assert events[-1] == {
        "time": events[-1]["time"], "event": "end", "rows": outcome.images, "errors": 5,
        "kept": 0, "dropped": 0,
    }  # fmt: skip
    unread = [event for event in events if event["event"] == "unread"]
    assert [event["row"] for event in unread] == [
        number for number, path in enumerate(inputs, 1) if "bad" in path
    ]
    assert not any(path in text or Path(path).name in text for path in inputs)
