"""The command line as people run it: exit codes, whole error texts, odd names."""

import csv
import io
import json
import re
from pathlib import Path

import click
import pytest

from trifuse.classifiers.archive import pack, unpack
from trifuse.cli import main as cli
from trifuse.datasets.truth import read_truth

USAGE = "Usage: trifuse predict [OPTIONS] INPUT...\nTry 'trifuse predict --help' for help.\n\n"


def rows(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# Wrong usage and failures


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-m", "m.trifuse", "-o", "o"], "Missing argument 'INPUT...'."),
        (["a.jpg", "-o", "o"], "Missing option '-m' / '--model'."),
        (["a.jpg", "-m", "m.trifuse"], "Missing option '-o' / '--output'."),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--tpo", "3"], "No such option"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "-j", "0"], "Invalid value for '-j' / '--jobs'"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--top", "0"], "Invalid value for '--top'"),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o", "--backend", "loky"],
            "Invalid value for '--backend': 'loky' is not one of 'local', 'dask'.",
        ),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o", "--top", "8"],
            "The model has 7 classes; ask for at most so many, not for 8.\n",
        ),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o", "--part", "3/2"],
            "Invalid value for '--part': There is no part '3/2'; say I/N",
        ),
        (["-", "-", "-m", "m.trifuse", "-o", "o"], "Standard input can be read only once"),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "o.xlsx"],
            "the suffix of o.xlsx names no format; end it in .csv, .jsonl",
        ),
        (
            ["a.jpg", "none.csv", "none", "-m", "m.trifuse", "-o", "o"],
            "There is no none.csv, none; name files and folders that exist.\n",
        ),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--timeout", "inf"], "Invalid value for '--time"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--timeout", "1e9"], "Invalid value for '--time"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--timeout", "nan"], "Invalid value for '--time"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "--memory", "1" * 30], "Invalid value for '--mem"),
        (["a.jpg", "-m", "m.trifuse", "-o", "o", "-j", "1" * 30], "Invalid value for '-j'"),
        (
            ["a.jpg", "-m", "m.trifuse", "-o", "-", "--resume"],
            "standard output cannot be resumed.\n",
        ),
    ],
)
def test_wrong_usage(trifuse, here, arguments, error):
    result = trifuse("predict", *arguments)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith(f"{USAGE}Error: {error}")
    assert not Path("o").exists()


def test_an_unknown_command(trifuse):
    result = trifuse("forecast")
    assert result.code == 2
    assert result.err.endswith("No such command 'forecast'.\n")


def test_a_mistyped_command(trifuse):
    result = trifuse("predct", "a.jpg")
    assert (result.code, result.out) == (2, b"")
    assert result.err.endswith("No such command 'predct'. Did you mean 'predict'?\n")


def test_jobs_are_as_many_as_this_process_may_use(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    predict = cli.cli.get_command(click.Context(cli.cli), "predict")
    context = predict.make_context("predict", ["a.jpg", "-m", "m.trifuse", "-o", "-"])
    assert context.params["jobs"] == 1


FAILURES = [
    (
        "predict a.jpg -m none.trifuse -o o",
        "The model none.trifuse cannot be read: No such file or directory.",
    ),
    ("predict a.jpg -m in -o o", "The model in cannot be read: it is no regular file."),
    (
        "predict a.jpg -m a.jpg -o o",
        "a.jpg is no model file of trifuse, or is damaged: File is not a zip file.",
    ),
    (
        "predict a.jpg -m m.trifuse -o o --prior even",
        "There is no prior 'even'; name training, balanced, or a .toml file.",
    ),
    (
        "predict a.jpg -m m.trifuse -o none/o.csv",
        "none/o.csv cannot be written: No such file or directory.",
    ),
    (
        "predict a.jpg -m m.trifuse -o b.jpg --format csv",
        "b.jpg exists already; name another output, or say --overwrite to replace it.",
    ),
    (
        "predict a.jpg -m m.trifuse -o o --id hmac --id-key none",
        "The key file none cannot be read: No such file or directory.",
    ),
    (
        "predict a.jpg -m m.trifuse -o o --format isic",
        "The ISIC format needs a model of the classes MEL, NV, BCC, AKIEC, BKL, DF, VASC, and",
    ),
    (
        "predict a.jpg -m m.trifuse -o in --overwrite",
        "in is there and is no regular file; name another output.",
    ),
    (
        "predict a.jpg -m m.trifuse -o /dev/null --overwrite",
        "/dev/null is there and is no regular file; name another output.",
    ),
    (
        "train in -o b.jpg",
        "b.jpg exists already; name another output, or say --overwrite to replace it.",
    ),
    ("train in -o none/m.trifuse", "none/m.trifuse cannot be written: No such file or directory."),
    ("train in -o m2.trifuse --recipe best", "There is no recipe 'best'; name one of "),
    ("train none -o m2.trifuse", "there is no none; expected a folder with HAM10000's"),
    ("train in -o m2.trifuse", "in is no labelled archive; expected a folder with"),
    ("info none.trifuse", "The model none.trifuse cannot be read: No such file or directory."),
    ("evaluate none.csv none.csv", "none.csv cannot be read: No such file or directory"),
    ("evaluate a.jpg a.jpg", "a.jpg is not a CSV file in UTF-8"),
]


@pytest.mark.parametrize(("line", "error"), FAILURES)
def test_failures_are_one_sentence(trifuse, here, line, error):
    before = sorted(here.rglob("*"))
    result = trifuse(*line.split())
    assert (result.code, result.out) == (1, b"")
    assert result.err.startswith(f"Error: {error}")
    assert result.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_an_error_of_our_own_keeps_its_traceback(monkeypatch):
    def fail(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_too_little_memory_is_a_sentence(monkeypatch, capfd):
    def fail(**_):
        raise MemoryError

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert (exit_.value.code, *capfd.readouterr()) == (
        1,
        "",
        "Error: There is not enough memory.\n",
    )


# The other commands


def test_info(trifuse, here):
    result = trifuse("info", "m.trifuse")
    assert (result.code, result.err) == (0, "")
    assert result.out.decode().startswith("# A trifuse model\n")
    about = json.loads(trifuse("info", "m.trifuse", "--json").out)
    assert about["classes"] == [f"synthetic_{c}" for c in "abcdefg"]
    assert about["training"]["images"] == 56
    assert "card" not in about


def test_a_card_cannot_command_the_terminal(trifuse, here):
    parts = unpack(Path("m.trifuse").read_bytes(), "m")
    Path("evil.trifuse").write_bytes(pack({**parts, "CARD.md": b"a\x1b[2J\x07\x9b\r\nb \xff\n"}))
    result = trifuse("info", "evil.trifuse")
    assert (result.code, result.out.decode()) == (0, "a[2J\ufffd\nb \ufffd\n")


def test_backbones(trifuse):
    text = trifuse("backbones").out.decode()
    listed = json.loads(trifuse("backbones", "--json").out)
    assert len(listed) >= 10
    assert all(re.search(rf"^{row['name']} ", text, re.MULTILINE) for row in listed)


def test_evaluate(trifuse, here, archive):
    options = ("-m", "m.trifuse", "-o", "o.csv", "--probabilities")
    assert trifuse("predict", archive / "images", *options).code == 0
    truth = archive / "metadata.csv"
    result = trifuse("evaluate", "o.csv", truth)
    assert result.code == 0
    assert result.err.startswith("warning: the model was trained on 56 of the 56 images, and ")
    assert result.out.decode().startswith("56 images scored and compared with the truth.")
    plain = json.loads(trifuse("evaluate", "o.csv", truth, "--json").out)
    labels, _ = read_truth(truth)
    right = sum(
        row["label_1"] == labels[f"images/{Path(row['image']).name}"]
        for row in rows(Path("o.csv").read_bytes())
    )
    assert plain["metrics"]["accuracy"] == pytest.approx(right / 56)
