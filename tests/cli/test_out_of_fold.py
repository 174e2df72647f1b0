"""The table of what is said out of fold: `trifuse evaluate` finds the card's figures in it."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.text_tables import TITLES, with_interval


@pytest.fixture
def data(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(archive, "data")
    return Path("data")


@pytest.fixture
def train(trifuse, recipe_file):
    def run(*options, output="m.trifuse"):
        return trifuse("train", "data", "-o", output, "--recipe", recipe_file, "-j", "1", *options)

    return run


def rows():
    return list(csv.DictReader(io.StringIO(Path("oof.csv").read_text(), newline="")))


def assert_figures(found, training):
    """All figures of the ensemble and their intervals, to the last digit."""
    expected = dict(training["metrics"]["ensemble"])
    intervals = expected.pop("intervals")
    assert found["metrics"] == expected
    assert {name: found["intervals"][name] for name in intervals} == intervals


def test_evaluate_finds_the_figures_of_the_card(trifuse, train, data):
    broken = data / "images" / "synthetic_c_0003.jpg"
    broken.write_bytes(b"\xff\xd8\xff and no more")
    assert train("--out-of-fold", "oof.csv", "--skip-unreadable").code == 3
    about = read_about(Path("m.trifuse"))

    found = json.loads(trifuse("evaluate", "oof.csv", data / "metadata.csv", "--json").out)
    assert_figures(found, about["training"])
    assert found["images"]["scored"] == 55
    assert found["images"]["unread"] == 1
    assert found["warning"] is None  # no image was judged by what has seen it
    line = next(line for line in about["card"].splitlines() if line.startswith("| log loss"))
    low_high = found["intervals"]["log_loss"]
    assert line.endswith(f" {with_interval(found['metrics']['log_loss'], low_high)} |")
    assert TITLES["log_loss"] in line

    # Rows as those of predict, in the order of the archive, and doubts beside them.
    table = rows()
    listed = (data / "metadata.csv").read_text().splitlines()[1:]
    assert [row["image"] for row in table] == [f"data/{line.split(',')[0]}" for line in listed]
    (unread,) = (row for row in table if row["status"] == "error")
    assert (unread["image"], bool(unread["message"])) == (str(broken), True)
    reasons = about["training"]["reasons"]
    for reason in ("unfamiliar", "uncertain"):
        flagged = sum(reason in row["review"].split(";") for row in table)
        assert flagged == reasons[reason]["images"]
    sound = [row for row in table if row["status"] == "ok"]
    sets = [row["prediction_set"].split(";") for row in sound]
    assert [names[0] for names in sets] == [row["label_1"] for row in sound]
    sizes = sum(map(len, sets)) / len(sets)
    assert sizes == pytest.approx(about["review"]["figures"]["set_size"])
    assert trifuse("predict", data / "images", "-m", "m.trifuse", "-o", "p.csv", "-j", "1",
                   "--probabilities").code == 3  # fmt: skip
    header = Path("p.csv").read_text().partition("\n")[0]
    assert Path("oof.csv").read_text().partition("\n")[0] == header


@pytest.mark.slow
def test_what_a_network_has_seen_is_left_out(trifuse, train, data, write_network, halves):
    assert train("--out-of-fold", "oof.csv", "--backbone", write_network(halves[0])).code == 0
    assert len(rows()) == len(halves[1])
    found = json.loads(trifuse("evaluate", "oof.csv", data / "metadata.csv", "--json").out)
    assert_figures(found, read_about(Path("m.trifuse"))["training"])
    assert found["images"]["without_prediction"] == len(halves[0])


def test_it_changes_nothing_of_the_model(train, data):
    assert train("--out-of-fold", "oof.csv").code == 0
    first = Path("m.trifuse").read_bytes()
    assert train("--overwrite").code == 0
    assert Path("m.trifuse").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("m.trifuse",), "m.trifuse cannot be the table of what is said out of fold; name another"),
        (("none/oof.csv",), "none/oof.csv cannot be written: No such file or directory."),
        (("data/metadata.csv",), "data/metadata.csv exists already; name another output, or say"),
        (("data/metadata.csv", "--overwrite"), "data/metadata.csv is itself read"),
        (("data/images/synthetic_a_0000.jpg", "--overwrite"), "0000.jpg is there and is a file of"),
    ],
)
def test_what_cannot_be_written_is_told_first(train, data, options, error):
    result = train("--out-of-fold", *options)
    assert (result.code, result.out) == (1, b"")
    assert error in result.err
    assert result.err.count("\n") == 1
    assert not Path("m.trifuse").exists()
