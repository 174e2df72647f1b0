"""`trifuse evaluate --by` and `--positive`, in every format of the predictions and on disk."""

import csv
import json
from pathlib import Path

import pytest


@pytest.fixture
def truth(here, pictures):
    """A table of 24 pictures, half of them of women; the age of one is not known."""
    rows = ["path,label,group,sex,age"]
    for i, picture in enumerate(pictures[:24]):
        age = "" if i == 0 else 20 + 2 * i
        rows.append(f"{picture},{Path(picture).stem[:11]},{i // 2},{'mf'[i % 2]},{age}")
    Path("truth.csv").write_text("\n".join(rows))
    return "truth.csv"


@pytest.fixture
def predicted(trifuse, truth):
    def run(name):
        result = trifuse("predict", truth, "-m", "m.trifuse", "-o", name, "-j", "1",
                         "--probabilities")  # fmt: skip
        assert result.code == 0, result.err
        return name

    return run


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet"])
def test_columns_of_the_truth_and_carried_ones_give_the_same(trifuse, predicted, truth, name):
    predicted(name)
    with Path(truth).open(newline="") as file:
        rows = [row[:3] for row in csv.reader(file)]
    Path("bare.csv").write_text("\n".join(map(",".join, rows)))
    options = ("--by", "sex,age*sex", "--bands", "age=0,40", "--json")
    found = [json.loads(trifuse("evaluate", name, table, *options).out)["groups"]
             for table in (truth, "bare.csv")]  # fmt: skip
    assert found[0] == found[1]
    assert [group["group"] for group in found[0]] == [
        "", "f", "m",
        "0 to below 40, f", "0 to below 40, m", "40 and above, f", "40 and above, m", "missing, m",
    ]  # fmt: skip
    assert [group["images"] for group in found[0]] == [24, 12, 12, 5, 4, 7, 7, 1]
    assert all(group["figures"]["coverage"][0] is not None for group in found[0])


@pytest.fixture
def written(here):
    """Predictions of four images, and their truth."""
    rows = [f"{i},ok,a,0.9,0.9,0.1,,a," for i in range(4)]
    header = "image,status,label_1,probability_1,probability_of_a,probability_of_b"
    Path("p.csv").write_text("\n".join([f"{header},review,prediction_set,message", *rows]) + "\n")
    Path("t.csv").write_text("path,label,sex,age\n0,a,m,20\n1,b,f,40\n2,a,f,50\n3,a,m,\n")


def test_files_and_text(trifuse, written):
    command = ("evaluate", "p.csv", "t.csv", "--by", "sex", "-o", "new/groups")
    ran = trifuse(*command)
    assert ran.code == 0
    folder = Path("new/groups")
    assert {path.name for path in folder.iterdir()} == {"groups.csv", "groups.md", "groups.tex"}
    assert ran.out.endswith((folder / "groups.md").read_bytes())
    assert ran.out.startswith(b"4 images scored")
    assert r"\label{tab:groups}" in (folder / "groups.tex").read_text()
    again = trifuse(*command)
    assert (again.code, "groups.csv" in again.err) == (1, True)
    assert trifuse(*command, "--overwrite").code == 0


def test_positive_classes(trifuse, written):
    command = ("evaluate", "p.csv", "t.csv", "--positive", "B")
    ran = trifuse(*command, "-o", "new")
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in Path("new").iterdir()) == [
        "positives.csv", "positives.md", "positives.tex",
    ]  # fmt: skip
    assert ran.out.endswith(Path("new/positives.md").read_bytes())
    found = json.loads(trifuse(*command, "--by", "positive", "--json").out)
    assert found["positives"]["positive_images"] == 1
    assert found["positives"]["figures"]["roc_auc"][0] == 0.5
    assert [group["images"] for group in found["groups"]] == [4, 3, 1]


def test_page_and_figures(trifuse, written):
    command = ("evaluate", "p.csv", "t.csv", "--by", "sex", "--figures", "new", "--page", "e.html")
    ran = trifuse(*command)
    assert ran.code == 0, ran.err
    names = ("confusion", "groups", "precision_recall", "reliability", "roc")
    assert sorted(path.name for path in Path("new").iterdir()) == sorted(
        f"{name}{suffix}" for name in names for suffix in (".pdf", ".png", ".svg")
    )
    assert Path("new/roc.pdf").read_bytes().startswith(b"%PDF")
    page = Path("e.html").read_text()
    assert "<title>Evaluation of p.csv</title>" in page
    assert "Truth: t.csv." in page
    again = trifuse(*command)
    assert (again.code, "exists already" in again.err) == (1, True)
    Path("new/roc.pdf").write_bytes(b"%PDF old")
    assert trifuse(*command, "--overwrite").code == 0
    assert Path("e.html").read_text() == page
    assert Path("new/roc.pdf").stat().st_size > 1000


def test_figures_are_refused_before_the_work(trifuse, written):
    Path("new").mkdir()
    Path("new/groups.svg").write_text("mine")
    ran = trifuse("evaluate", "p.csv", "t.csv", "--figures", "new", "--page", "e.html")
    assert (ran.code, "groups.svg exists already" in ran.err) == (1, True)
    assert not Path("e.html").exists()
    assert [path.name for path in Path("new").iterdir()] == ["groups.svg"]


def test_a_warning_is_on_the_page(trifuse, written):
    lines = Path("p.csv").read_text().splitlines()
    lines[1:3] = [line.replace(",,a,", ",training-image,a,") for line in lines[1:3]]
    Path("p.csv").write_text("\n".join(lines))
    ran = trifuse("evaluate", "p.csv", "t.csv", "--page", "e.html")
    assert ran.code == 0, ran.err
    page = Path("e.html").read_text()
    assert "Warning:</strong> the model was trained on 2 of the 4 images" in page
    assert "Figures of 2 images" in page


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--bands", "age=0,40"], 2, "--bands needs --by, which names columns."),
        (["--by", " ,"], 2, "'--by': names nothing."),
        (["--positive", ""], 2, "'--positive': names nothing."),
        (["--by", "age", "--bands", "age=1", "--bands", "age=2"], 2, "'age' has bands already."),
        (["--positive", "scc", "-o", "x"], 1, "'scc' is none of the classes of the predictions"),
        (["--by", "sex", "--bands", "age=0"], 2, "--bands names 'age', which --by does not."),
        (["--by", "age", "--bands", "age=40,0"], 2, "does not say where bands begin, the lowest"),
        (["--by", "age", "--bands", "age=nan"], 2, "does not say where bands begin"),
        (["--by", "race", "-o", "x"], 1, "there is no column 'race' to divide the images by"),
        (["--by", "sex", "--groups-from", "no.csv"], 1, "no.csv"),
        (["--page", "p.csv", "--overwrite"], 1, "p.csv is itself read and must not be replaced"),
        (["--page", "t.csv", "--overwrite"], 1, "t.csv is itself read and must not be replaced"),
        (["--page", "x/page.html"], 1, "x/page.html cannot be written: No such file"),
        (["--by", "sex", "-o", ".", "--page", "./groups.md"], 2, "the page has the name of anoth"),
        (["--figures", "p.csv"], 1, "p.csv"),
    ],
)
def test_refuses_what_cannot_be_done(trifuse, written, options, code, message):
    ran = trifuse("evaluate", "p.csv", "t.csv", *options)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert not Path("x").exists()


def test_without_a_reason_there_is_nothing_to_write(trifuse, written):
    ran = trifuse("evaluate", "p.csv", "t.csv", "-o", "x")
    assert ran.code == 0, ran.err
    assert "no image has a reason for a review: nothing is written to x." in ran.err
    assert not Path("x").exists()
