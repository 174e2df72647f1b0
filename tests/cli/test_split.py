"""Splits: by lesion and stratified, in tables that every command reads."""

import csv
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_holdout, original_holdout
from trifuse.datasets.table import DatasetError

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path, monkeypatch, archive):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(archive, "data")
    return tmp_path


def load(name):
    table = load_dataset(name)
    return {path.resolve(): row for path, *row in zip(
        table.paths, table.labels, table.groups, strict=True)}  # fmt: skip


def test_two_tables_with_each_lesion_in_one_and_each_class_in_both(trifuse, here):
    result = trifuse("split", "data", "--hold-out", "0.25", "--seed", "3", "-o", "split", "-j", "1")
    assert result.code == 0
    whole, train, held_out = map(load, ("data", "split/train.csv", "split/held_out.csv"))
    assert train | held_out == whole
    assert not train.keys() & held_out.keys()
    groups = [{group for _, group in part.values()} for part in (train, held_out)]
    assert not groups[0] & groups[1]
    lesions = [Counter(dict(map(reversed, part.values())).values()) for part in (train, held_out)]
    assert set(lesions[0]) == set(lesions[1]) == {label for label, _ in whole.values()}
    for name, number in lesions[1].items():
        assert number == max(round(0.25 * (lesions[0][name] + number)), 1)
    counts = [Counter(label for label, _ in part.values()) for part in (train, held_out)]
    numbers = [part["synthetic_a"] for pair in zip(counts, lesions, strict=True) for part in pair]
    assert result.out.decode().splitlines()[1].split() == ["synthetic_a", *map(str, numbers)]


def test_the_seed_alone_decides(trifuse, here):
    def split(folder, seed, data="data"):
        trifuse("split", data, "--seed", str(seed), "-o", folder, "-j", "1")
        return [Path(folder, name).read_bytes() for name in ("train.csv", "held_out.csv")]

    assert split("one", 1) == split("two", 1) != split("three", 2)
    with Path("data/metadata.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    with Path("data/metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows[::-1]])
    backwards = split("four", 1)
    assert sorted(backwards[1].splitlines()) == sorted(split("five", 1)[1].splitlines())


@pytest.mark.parametrize("absolute", [True, False])
def test_train_predict_and_evaluate_read_the_tables(trifuse, here, recipe_file, absolute):
    data = here / "data" if absolute else "data"
    assert trifuse("split", data, "-o", "split", "-j", "1").code == 0
    paths = [line.split(",")[0] for line in Path("split/train.csv").read_text().splitlines()[1:]]
    assert all(os.path.isabs(path) == absolute for path in paths)  # noqa: PTH117
    train = ("train", "split/train.csv", "-o", "m.trifuse", "--recipe", recipe_file, "-j", "1")
    assert trifuse(*train).code == 0
    predict = ("predict", "split/held_out.csv", "-m", "m.trifuse", "-o", "p.csv", "-j", "1")
    assert trifuse(*predict, "--probabilities").code == 0
    result = trifuse("evaluate", "p.csv", "split/held_out.csv")
    n_held_out = len(Path("split/held_out.csv").read_text().splitlines()) - 1
    assert result.code == 0
    assert result.err == ""  # none of them is a training image
    assert result.out.decode().startswith(f"{n_held_out} images scored and compared")
    result = trifuse("predict", "data/images", "-m", "m.trifuse", "-o", "all.csv", "-j", "1")
    result = trifuse("evaluate", "all.csv", "data/metadata.csv")
    assert f"the model was trained on {len(paths)} of the 56 images" in result.err


def test_a_folder_behind_a_link(trifuse, here):
    Path("deep/er").mkdir(parents=True)
    Path("link").symlink_to("deep/er")
    assert trifuse("split", "data", "-o", "link", "-j", "1").code == 0
    assert len(load("link/train.csv")) + len(load("link/held_out.csv")) == 56


def test_paths_that_could_be_formulas_are_none(trifuse, here):
    shutil.move("data", "=data")
    assert trifuse("split", "=data", "-o", ".", "-j", "1").code == 0
    assert Path("train.csv").read_text().splitlines()[1].startswith("./=data/images/")
    assert len(load("train.csv")) + len(load("held_out.csv")) == 56


def test_duplicates_of_two_lesions_are_told_or_kept_together(trifuse, here):
    rows = Path("data/metadata.csv").read_text()
    shutil.copy("data/images/synthetic_a_0000.jpg", "data/images/copy.jpg")
    Path("data/metadata.csv").write_text(f"{rows}images/copy.jpg,synthetic_a,another\n")
    result = trifuse("split", "data", "-o", "split", "-j", "1")
    assert "show the same thing in different groups" in result.err.replace("shows", "show")
    merged = ("split", "data", "-o", "split", "--overwrite", "--merge-duplicates", "-j", "1")
    assert trifuse(*merged).code == 0
    parts = [load(f"split/{name}.csv") for name in ("train", "held_out")]
    pair = {Path(f"data/images/{name}.jpg").resolve() for name in ("copy", "synthetic_a_0000")}
    assert [len(pair & part.keys()) for part in parts] in ([2, 0], [0, 2])


def test_the_original_kind(trifuse, here):
    rows = Path("data/metadata.csv").read_text().splitlines()
    alone = [f"{row},{number}" if not number else f"{row.rsplit(',', 1)[0]},{number}"
             for number, row in enumerate(rows)]  # fmt: skip
    Path("data/metadata.csv").write_text("\n".join(["path,label,group", *alone[1:]]))
    assert trifuse("split", "data", "-o", "split", "--original", "-j", "1").code == 0
    table = load_dataset("data")
    train, test = original_holdout(table.labels, table.groups)
    assert len(load("split/train.csv")) == len(train)
    assert set(load("split/held_out.csv")) == {table.paths[row].resolve() for row in test}
    result = trifuse("split", "data", "-o", "new", "--original", "--seed", "1")
    assert result.code == 2
    assert "--original has its own share and seed" in result.err


def test_refusals_leave_nothing(trifuse, here):
    Path("split").mkdir()
    Path("split/held_out.csv").write_text("mine")
    assert "exists already" in trifuse("split", "data", "-o", "split").err
    result = trifuse("split", "split/train.csv", "-o", "split")
    assert (result.code, "there is no split/train.csv" in result.err) == (1, True)
    assert [path.name for path in Path("split").iterdir()] == ["held_out.csv"]
    for share in ("0", "1", "nan", "2"):
        assert trifuse("split", "data", "-o", "new", "--hold-out", share).code == 2
    trifuse("split", "data", "-o", "new", "-j", "1")
    before = Path("new/train.csv").read_bytes()
    result = trifuse("split", "new/train.csv", "-o", "new", "--overwrite", "-j", "1")
    assert (result.code, Path("new/train.csv").read_bytes()) == (1, before)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_each_class_is_on_both_sides_and_no_group_is(share):
    labels = ["a"] * 2 + ["b"] * 30 + ["c"] * 5
    groups = [
        f"{label}{number // 2 if label == 'b' else number}" for number, label in enumerate(labels)
    ]
    train, test = grouped_holdout(labels, groups, share, 0)
    assert sorted([*train, *test]) == list(range(37))
    for part in (train, test):
        assert {labels[row] for row in part} == {"a", "b", "c"}
    assert not {groups[row] for row in train} & {groups[row] for row in test}


def test_a_class_of_one_lesion_cannot_be_split():
    with pytest.raises(DatasetError, match=r"the class b has 1 group .*cannot be on both sides"):
        grouped_holdout(list("aab"), list("123"), 0.5, 0)
    with pytest.raises(DatasetError, match="1 group with images in more than one class"):
        grouped_holdout(list("ab"), list("11"), 0.5, 0)
