"""The table of groups, made of the rows of a whole output."""

import csv
import io

import numpy as np
import pytest

from trifuse.batch.group_table import GroupJudge, check_group_table, write_groups
from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import find_formats
from trifuse.batch.outputs.rows import RowLayout
from trifuse.classifiers.conformal import PredictionSets
from trifuse.classifiers.group_pooling import Pooling, pool, weigh_evidence
from trifuse.classifiers.output import OutputError
from trifuse.datasets.predictions import read_predictions

CLASSES = ("mel", "nv", "d;f")
TRAINING, ASSUMED = np.array([0.2, 0.7, 0.1]), np.array([0.6, 0.3, 0.1])
FLOORS = np.array([0.3, 0.5, 0.1])
A, B, C = (0.7, 0.2, 0.1), (0.2, 0.5, 0.3), (0.1, 0.8, 0.1)
IMAGES = [
    ("1.jpg", "=left", Record(A, prediction_set=(0,), flaws=("blurred",))),
    ("2.jpg", "", Record(C, prediction_set=(1, 0), unfamiliar=True)),
    ("3.jpg", "right", Record(None, "cannot read the image: it is empty")),
    ("4.jpg", "=left", Record(B, prediction_set=(1,), flaws=("blurred", "too dark"))),
    ("5.jpg", "gone", Record(None, "cannot read the image: it is empty")),
    ("6.jpg", "right", Record(C, prediction_set=(1,))),
    ("7.jpg", "gone", Record(None, "cannot read the image: there is no such file")),
    ("8.jpg", "=left", Record(None, "cannot read the image: it is empty")),
    ("9.jpg", "", Record(None, "cannot read the image: it is empty")),
]


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def predictions(request, tmp_path):
    """Write the images in a format."""
    layout = RowLayout(CLASSES, 1, True, extra=("lesion",))
    form = find_formats()[request.param](layout, "path")
    part, path = tmp_path / "part", tmp_path / "images"
    rows = (form.row(Item(name, columns=(lesion,)), record) for name, lesion, record in IMAGES)
    part.write_bytes(form.header() + b"".join(rows))
    if form.converts:
        form.finish(part, path)
    return path if form.converts else part


@pytest.fixture
def write(predictions, tmp_path):
    def run(top=2, probabilities=False, power=0.5):
        layout = RowLayout(CLASSES, top, probabilities, ("images", "unread"))
        rule = Pooling(power, PredictionSets(FLOORS))
        judge = GroupJudge("lesion", layout, rule, TRAINING, ASSUMED)
        told = write_groups(predictions, tmp_path / "groups.csv", judge)
        return told, (tmp_path / "groups.csv").read_bytes()

    return run


def read(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_row_a_group_in_the_order_of_their_first_images(write):
    told, content = write()
    assert content.startswith(b"group,status,label_1,probability_1,label_2,probability_2,review,")
    rows = read(content)
    expected = [
        ("'=left", "ok", "3", "1"), ("2.jpg", "ok", "1", "0"), ("right", "ok", "2", "1"),
        ("gone", "error", "2", "2"), ("9.jpg", "error", "1", "1"),
    ]  # fmt: skip
    found = [(row["group"], row["status"], row["images"], row["unread"]) for row in rows]
    assert found == expected
    assert told.startswith("5 groups in ")
    assert told.endswith("; without any image that could be scored: 2.")


def test_probabilities_are_pooled_and_the_set_is_that_of_the_training_shares(write):
    row = read(write(probabilities=True)[1])[0]
    evidence = sum(weigh_evidence(np.array(image), ASSUMED) for image in (A, B))[None]
    given, known = (pool(evidence, np.array([2]), prior, 0.5)[0] for prior in (ASSUMED, TRAINING))
    np.testing.assert_array_equal([float(row[f"probability_of_{name}"]) for name in CLASSES], given)
    best = np.argsort(-given)[:2]
    assert [row["label_1"], row["label_2"]] == [CLASSES[index] for index in best]
    inside = PredictionSets(FLOORS).members(known)
    assert row["prediction_set"] == ";".join(CLASSES[i].replace(";", r"\;") for i in inside)


def test_groups_of_one_image_each_are_told(tmp_path):
    layout = RowLayout(CLASSES, 1, True, extra=("lesion",))
    form, path = find_formats()["csv"](layout, "path"), tmp_path / "images.csv"
    rows = [form.row(Item("a.jpg", columns=("",)), record) for _, _, record in IMAGES[:2]]
    path.write_bytes(form.header() + b"".join(rows))
    rule = Pooling(0.5, PredictionSets(FLOORS))
    layout = RowLayout(CLASSES, 1, False, ("images", "unread"))
    told = write_groups(path, tmp_path / "g", GroupJudge("lesion", layout, rule, TRAINING, ASSUMED))
    assert told.startswith("2 groups of one image each: --group-column names what joins them in ")


def test_the_most_urgent_alert(tmp_path):
    layout = RowLayout(CLASSES, 1, True, extra=("lesion",), alerts=True)
    form, path = find_formats()["csv"](layout, "path"), tmp_path / "images.csv"
    alerts = {"1": 0.95, "2": 0.9, "3": None, "4": None}
    rows = (
        form.row(
            Item(name, columns=("ab"[int(name) > 2],)), Record(A, prediction_set=(0,), alert=alert)
        )
        for name, alert in alerts.items()
    )
    path.write_bytes(form.header() + b"".join(rows))
    layout = RowLayout(CLASSES, 1, False, ("images", "unread"), alerts=True)
    rule = Pooling(0.5, PredictionSets(FLOORS))
    judge = GroupJudge("lesion", layout, rule, TRAINING, ASSUMED)
    write_groups(path, tmp_path / "groups.csv", judge)
    found = read((tmp_path / "groups.csv").read_bytes())
    assert [row["alert"] for row in found] == ["0.9", ""]


def test_reasons_and_flaws_are_united(write):
    rows = {row["group"]: row for row in read(write(top=1)[1])}
    assert rows["'=left"]["review"] == "uncertain;low-quality;unread"
    assert rows["'=left"]["message"] == "1 of its 3 images could not be scored, blurred, too dark"
    assert rows["2.jpg"]["review"] == "unfamiliar;uncertain"
    assert rows["right"]["review"] == "unread"


def test_one_image_is_as_it_is(write):
    rows = {row["group"]: row for row in read(write(probabilities=True, power=1)[1])}
    for name, prediction_set in (("2.jpg", "nv;mel"), ("right", "nv")):
        found = [float(rows[name][f"probability_of_{label}"]) for label in CLASSES]
        assert found == list(C)
        assert rows[name]["prediction_set"] == prediction_set


def test_groups_of_which_nothing_could_be_scored_have_an_error(write):
    rows = {row["group"]: row for row in read(write(probabilities=True)[1])}
    reason = "cannot read the image: it is empty"
    assert rows["9.jpg"]["message"] == reason
    assert rows["gone"]["message"] == f"none of its 2 images could be scored: {reason}"
    for name in ("9.jpg", "gone"):
        empty = ("label_1", "probability_1", "probability_of_nv", "review", "prediction_set")
        assert {rows[name][column] for column in empty} == {""}


def test_it_is_a_table_of_predictions(write, tmp_path):
    write(probabilities=True)
    table = read_predictions(tmp_path / "groups.csv")
    assert table.images == ("=left", "2.jpg", "right")
    assert table.unread == ("gone", "9.jpg")
    assert table.columns["unread"] == ("1", "0", "1")


def test_what_must_not_be_replaced(tmp_path):
    table, other, log = (tmp_path / name for name in ("groups.csv", "other.csv", "log"))
    check_group_table(table, False, False, (), (log,))
    table.write_text("group,status,label_1\n")
    check_group_table(table, False, True, (), (log,))
    check_group_table(table, True, False, (), (log,))
    with pytest.raises(OutputError, match="exists already"):
        check_group_table(table, False, False, (), ())
    other.write_text("image,age\n")
    with pytest.raises(OutputError, match="is there and is no table of groups"):
        check_group_table(other, False, True, (), ())
    with pytest.raises(OutputError, match="is itself read"):
        check_group_table(other, True, False, (str(other),), ())
    for written in (log, tmp_path / "log.partial"):
        with pytest.raises(OutputError, match="as the run writes it otherwise"):
            check_group_table(log, True, False, (), (written,))
