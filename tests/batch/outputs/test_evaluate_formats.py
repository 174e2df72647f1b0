"""What is written in any format, under any kind of id, is read back and matched to the truth."""

import sys

import numpy as np
import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import find_formats
from trifuse.batch.outputs.rows import RowLayout
from trifuse.datasets.ham10000 import HAM10000_CLASSES as HAM
from trifuse.datasets.predictions import read_predictions
from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.evaluate import evaluate_predictions

FORMATS = find_formats()
FLAT = [name for name, one in FORMATS.items() if not one.asked_for]


@pytest.fixture
def write(tmp_path):
    def write_rows(name, rows, layout, id_kind=None):
        to_format = FORMATS[name](layout, id_kind)
        lines = (to_format.row(*row) for row in rows)
        path, final = tmp_path / f"partial.{name}", tmp_path / f"predictions.{name}"
        path.write_bytes(to_format.header() + b"".join(lines))
        if not to_format.converts:
            return path
        to_format.finish(path, final)
        return final

    return write_rows


def draw_rows(names, n_classes):
    values = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(names))
    rows = [
        (
            Item(name, columns=("error", "0.5")),
            Record(tuple(map(float, one)), "", True, ("dark",), (1, 0)),
        )
        for name, one in zip(names, values, strict=True)
    ]
    rows.insert(2, (Item("@broken.jpg", columns=("ok", "")), Record(None, "It is truncated.")))
    return rows, values


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", FLAT)
def test_what_predict_writes_comes_back(write, name, whole):
    classes = ("-", "b;c", "'c")
    names = ("=1+1.jpg", "\ta, b.jpg", "'quoted'.jpg", "\udcff.jpg", "x\ny", "'=x", "''-y", "x\ry")
    names += (r"\udcff.jpg", r"C:\a.jpg")
    rows, values = draw_rows(names, 3)
    layout = RowLayout(classes, 3, whole, extra=("label_4", "probability_4"))
    table = read_predictions(write(name, rows, layout))
    assert (table.images, table.unread) == (names, ("@broken.jpg",))
    assert set(table.classes) == set(classes)
    columns = [table.classes.index(one) for one in classes]
    np.testing.assert_allclose(table.probabilities[:, columns], values, rtol=1e-15)
    assert table.complete


@pytest.mark.parametrize("name", FLAT)
def test_classes_may_be_numbers(write, name):
    classes = ("4", "3", "2", "1", "0")
    rows, values = draw_rows([f"{number}.jpg" for number in range(20)], 5)
    table = read_predictions(write(name, rows, RowLayout(classes, 3, probabilities=True)))
    assert table.classes == classes
    np.testing.assert_array_equal(table.probabilities, values)


@pytest.mark.parametrize("name", FLAT)
def test_the_top_alone_comes_back(write, name):
    rows, values = draw_rows([f"{number}.jpg" for number in range(30)], 4)
    table = read_predictions(write(name, rows, RowLayout(tuple("abcd"), 2)))
    assert table.classes == tuple("abcd")
    assert (np.isnan(table.probabilities).sum(1) == 2).all()
    np.testing.assert_array_equal(np.nanmax(table.probabilities, 1), values.max(1))


def test_a_submission_comes_back(write):
    rows, values = draw_rows(["in/a.jpg", "in/b.c.png", "=d.jpg"], 7)
    table = read_predictions(write("isic", rows, RowLayout(HAM, 1)))
    assert (table.images, table.unread) == (("a", "b.c", "=d"), ("@broken",))
    places = [HAM.index(name.lower()) for name in table.classes]
    np.testing.assert_allclose(table.probabilities, values[:, places], rtol=1e-15)


@pytest.mark.parametrize("id_kind", ["path", "name"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_same_figures(write, name, id_kind):
    names = [f"scans.zip/in/ISIC_{number:07}.jpg" for number in range(40)]
    rows, values = draw_rows(names, 7)
    truth = {f"ISIC_{number:07}": HAM[number % 7] for number in range(40)} | {"@broken": "nv"}
    layout = RowLayout(HAM, 3, probabilities=True)
    evaluation = evaluate_predictions(write(name, rows, layout, id_kind), truth)
    right = values.argmax(1) == np.arange(40) % 7
    assert evaluation.metrics.accuracy == pytest.approx(right.mean())
    assert (evaluation.metrics.n_images, evaluation.n_unread) == (40, 1)
    assert (evaluation.n_without_truth, evaluation.n_without_prediction) == (0, 0)
    assert evaluation.complete


def test_parquet_needs_its_library(write, monkeypatch):
    path = write("parquet", draw_rows(["a", "b"], 3)[0], RowLayout(("a", "b", "c"), 1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"needs pyarrow: run pip install 'trifuse\[parquet\]'"):
        read_predictions(path)


def test_a_broken_parquet_file_is_told(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match="is no readable Parquet file"):
        read_predictions(path)


def test_a_parquet_file_of_another_program_is_told(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"image": ["a"]}), path)
    with pytest.raises(DatasetError, match=r"is no predictions\.csv of trifuse"):
        read_predictions(path)
