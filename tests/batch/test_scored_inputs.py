"""Inputs of a run are told to belong to rows, whatever these are called."""

import io
import shutil
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import InputOptions
from trifuse.batch.job import run_prediction
from trifuse.batch.job_options import PredictionOptions
from trifuse.batch.outputs.ids import KeyFileError
from trifuse.batch.outputs.reopen import read_manifest
from trifuse.batch.scored_inputs import ScoredInputs
from trifuse.classifiers.output import OutputError
from trifuse.datasets.prediction_files import read_prediction_rows

KEY = b"0123456789abcdef"


@pytest.fixture
def score(here):
    """Score inputs; gives what finds them again."""

    def run(*names, key=None, **options):
        inputs = InputOptions(names)
        job = PredictionOptions("m.trifuse", "p.csv", inputs, id_key=key, **options)
        run_prediction(job, io.BytesIO(), lambda _: None)
        images = [row.image for row in read_prediction_rows(Path("p.csv"))[1]]
        return ScoredInputs(images, Path("p.csv"), read_manifest(Path("p.csv")), inputs,
                            key and KEY)  # fmt: skip

    return run


def find(scored, rows):
    return {item.name: dict(places) for item, places in scored.find(rows)}


@pytest.mark.parametrize("kind", ["path", "name", "sha256", "hmac"])
def test_whatever_rows_are_called(score, kind):
    Path("key").write_bytes(KEY)
    scored = score("b.jpg", "in", "a.jpg", id=kind, key="key" if kind == "hmac" else None)
    scored.check()
    assert find(scored, [0, 1, 2]) == {
        "b.jpg": {0: [0]}, "in/c.jpg": {0: [1]}, "a.jpg": {0: [2]},
    }  # fmt: skip
    assert find(scored, {2}) == {"a.jpg": {0: [2]}}


def test_ids_of_a_table_and_an_input_that_is_named_twice(score):
    Path("t.csv").write_text("path,id,ward\na.jpg,x,1\nb.jpg,y,2\n")
    scored = score("t.csv", "a.jpg", "a.jpg")
    assert scored.images == ["x", "y", "a.jpg", "a.jpg"]
    found = [(item.name, dict(places)) for item, places in scored.find(range(4))]
    assert found == [
        ("a.jpg", {0: [0]}), ("b.jpg", {0: [1]}), ("a.jpg", {0: [2]}), ("a.jpg", {0: [3]}),
    ]  # fmt: skip


def test_inputs_that_came_or_changed_their_places_move_no_row(score):
    scored = score("in", "a.jpg", id="name")
    for name in ("in/0.jpg", "in/d.jpg"):
        shutil.copy("b.jpg", name)
    assert find(scored, [0, 1]) == {"in/c.jpg": {0: [0]}, "a.jpg": {0: [1]}}


def test_without_the_key_nothing_is_told_to_belong(score):
    Path("key").write_bytes(KEY)
    scored = score("a.jpg", id="hmac", key="key")
    with pytest.raises(KeyFileError, match=r"name its --id-key\.$"):
        ScoredInputs(scored.images, scored.output, scored.manifest, scored.inputs).check()
    other = ScoredInputs(scored.images, scored.output, scored.manifest, scored.inputs, KEY[::-1])
    assert find(other, [0]) == {}


def test_without_manifest_or_receipts_inputs_are_refused(score):
    scored = score("a.jpg")
    with pytest.raises(OutputError, match=r"has no manifest p\.csv\.run\.json"):
        ScoredInputs(scored.images, scored.output, {}, scored.inputs).check()
    Path("p.csv.run.inputs").write_bytes(b"")
    with pytest.raises(OutputError, match=r"p\.csv\.run\.inputs is missing or is not"):
        find(scored, [0])


def test_frames_that_are_called_by_their_uid(score):
    examples = pytest.importorskip("pydicom.examples")
    shutil.copy(examples.get_path("ybr_color"), "in/volume")
    scored = score("a.jpg", "in")
    assert scored.images[1] == "in/c.jpg"
    assert scored.images[4].endswith("#3")
    assert find(scored, [0, 4, 31]) == {"a.jpg": {0: [0]}, "in/volume": {2: [4], 29: [31]}}
