"""The installed models: listed, and taken by name wherever a model is asked for."""

import json
import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.text_tables import with_interval


def test_none_is_installed(trifuse):
    result = trifuse("models")
    assert (result.code, result.out) == (0, b"")
    assert result.err == (
        "No model is installed. A ready model is a package: pip install it, or make one of a model "
        "file by trifuse package.\n"
    )
    assert json.loads(trifuse("models", "--json").out) == []


def test_the_list(trifuse, announce, model_file):
    announce("tiny", model_file, metadata="Summary: drawn\nLicense-Expression: MIT\n")
    announce("bare", model_file)
    result = trifuse("models")
    assert (result.code, result.err) == (0, "")
    first, second = result.out.decode().split("\n\n")
    assert first.startswith("bare 1.5 (trifuse-bare)\n")
    assert first.count("not stated") == 2
    title, *lines = second.splitlines()
    assert title == "tiny 1.5 (trifuse-tiny)"
    told = dict(line.strip().split("  ", 1) for line in lines)
    told = {name: value.strip() for name, value in told.items()}
    (_, tiny) = json.loads(trifuse("models", "--json").out)
    assert told.pop("SHA-256") == tiny["sha256"]
    assert (told.pop("data"), told.pop("licence")) == (tiny["data"], tiny["license"])
    assert (tiny["data"], tiny["license"]) == ("drawn", "MIT")
    assert told.pop("trained on") == "56 images of 35 groups"
    assert told.pop("classes") == ", ".join(tiny["classes"])
    metrics = read_about(model_file)["training"]["metrics"]["ensemble"]
    names = {"BMA": "bma", "accuracy": "accuracy", "top-3 accuracy": "top_3_accuracy",
             "macro AUC": "macro_auc", "ECE": "ece"}  # fmt: skip
    assert told == {
        title: with_interval(metrics[name], metrics["intervals"][name])
        for title, name in names.items()
    }


def test_what_cannot_be_used_is_told_beside_the_others(trifuse, announce, model_file, tmp_path):
    (tmp_path / "broken").write_bytes(b"none")
    announce("tiny", model_file)
    announce("broken", tmp_path / "broken")
    announce("lost")
    result = trifuse("models", "--json")
    assert result.code == 1
    assert [model["name"] for model in json.loads(result.out)] == ["tiny"]
    broken, lost = result.err.splitlines()
    assert broken.endswith("/model.trifuse is no model file of trifuse, or is damaged: File is not "
                           "a zip file.")  # fmt: skip
    assert lost == (
        "The model 'lost' cannot be used: its package 'trifuse_lost' does not hold model.trifuse; "
        "install trifuse-lost anew."
    )


@pytest.fixture
def tiny(here, announce, model_file):
    """The working folder, where the model is installed too."""
    return announce("tiny", model_file) / "model.trifuse"


LINES = (
    "predict a.jpg -o o.csv -m", "info", "explain a.jpg -o o -m", "project in -o o.png -m",
    "report a.jpg -o o --evidence 1 -m", "package --name x -o o",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_name_that_is_unknown_or_broken(trifuse, here, announce, line):
    announce("lost")
    before = sorted(here.iterdir())
    for name, sentence in (
        ("nobody", "There is no model 'nobody': neither a file of this name, nor an installed mod"),
        ("lost", "The model 'lost' cannot be used: its package 'trifuse_lost' does not hold mod"),
    ):
        result = trifuse(*line.split(), name)
        assert (result.code, result.out) == (1, b"")
        assert result.err.startswith(f"Error: {sentence}")
        assert result.err.count("\n") == 1
    assert sorted(here.iterdir()) == before


def test_a_name_and_a_path_are_one_model_to_a_run(trifuse, tiny):
    """Whoever began by the path goes on by the name, and the other way round."""
    options = ("predict", "in", "a.jpg", "-j", "1", "-o")
    assert trifuse(*options, "o.csv", "-m", "tiny").code == 0
    assert trifuse(*options, "p.csv", "-m", "m.trifuse").code == 0
    assert Path("o.csv").read_bytes() == Path("p.csv").read_bytes()
    runs = [json.loads(Path(f"{name}.csv.run.json").read_text()) for name in "op"]
    assert runs[0]["options"] == runs[1]["options"]
    assert [run["model"]["name"] for run in runs] == ["tiny", "m.trifuse"]
    assert str(tiny) not in json.dumps(runs)
    result = trifuse(*options, "o.csv", "-m", "m.trifuse", "--resume")
    assert (result.code, "o.csv is whole already." in result.err) == (0, True)
    shutil.copy("b.jpg", "in/d.jpg")
    result = trifuse(*options, "p.csv", "-m", "tiny", "--update")
    assert "Kept the rows of 2 inputs, dropped those of 0." in result.err
    assert len(Path("p.csv").read_text().splitlines()) == 4


def test_the_installed_file_is_read_and_never_replaced(trifuse, tiny):
    result = trifuse("predict", "a.jpg", "-m", "tiny", "-o", tiny, "--format", "csv", "--overwrite")
    assert result.code == 1
    assert "is itself read" in result.err


def test_the_other_commands(trifuse, tiny, archive):
    assert trifuse("info", "tiny").out == trifuse("info", "m.trifuse").out
    for name in ("tiny", "m.trifuse"):
        assert trifuse("explain", "a.jpg", "-m", name, "-o", f"of-{name}", "-j", "1").code == 0
        assert trifuse("package", name, "--name", "again", "-o", f"in-{name}").code == 0
        options = ("-o", f"{name}.png", "--csv", f"{name}.csv", "--of", "scores", "-j", "1")
        assert trifuse("project", archive, "-m", name, *options, "--perplexity", "5").code == 0
    for first, second in (
        ("of-tiny/explanations.csv", "of-m.trifuse/explanations.csv"),
        ("in-tiny/README.md", "in-m.trifuse/README.md"),
        ("tiny.csv", "m.trifuse.csv"),
    ):
        assert Path(first).read_bytes() == Path(second).read_bytes()
