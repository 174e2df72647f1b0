"""The tables tell the statistics, and the CSV files give them back."""

import csv
import io
import math
import re
from dataclasses import replace

import pytest

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.comparison.comparison_tables import csv_files, make_tables
from trifuse.studies.comparison.statistics import COMPARED
from trifuse.studies.measured import FIGURES
from trifuse.studies.result_tables import to_latex


@pytest.fixture
def tables(scores, statistics):
    return {table.name: table for table in make_tables(scores, statistics)}


def columns(table):
    """Cells of each column by its title, in the order of the rows."""
    titles = table.header[1:]
    return {title: [cells[i] for _, cells in table.rows] for i, title in enumerate(titles)}


def written(estimate, sign=""):
    value, low, high = (f"{number:{sign}.3f}" for number in estimate)
    return value, f"[{low}, {high}]"


def test_there_is_a_row_for_everything(tables, scores, curves, leakage):
    methods = list(scores.methods)
    rows = {name: [row for row, _ in table.rows] for name, table in tables.items()}
    assert rows == {
        "answers": methods,
        "probabilities": methods,
        "recall": methods,
        "differences": methods[1:],
        "learning": [name for name in curves for _ in range(3)],
        "leakage": [name for name in leakage for _ in COMPARED],
    }


def test_rows_are_as_long_as_the_header(tables):
    for table in tables.values():
        assert {len(cells) for _, cells in table.rows} == {len(table.header) - 1}


def test_every_figure_is_in_one_table(tables, statistics):
    found = columns(tables["answers"]) | columns(tables["probabilities"])
    for figure, title in FIGURES.items():
        assert [(cell.value, cell.interval) for cell in found[title]] == [
            written(method[figure]) for method in statistics.figures.values()
        ]
    assert [cell.value for cell in found["dimensions"]] == ["1,000", "2,000", "3,000", "4,000"]
    assert [cell.value for cell in found["seconds an image"]] == [
        "0.050", "0.100", "0.150", "0.200",
    ]  # fmt: skip


def test_recalls_are_those_that_the_primary_figure_averages(tables, scores, statistics):
    titles = list(columns(tables["recall"]))
    counts = [(scores.labels == c).sum() for c in range(7)]
    assert titles == [f"{name} ({n})" for name, n in zip(scores.classes, counts, strict=True)]
    assert (
        columns(tables["recall"])[titles[4]][0].value
        == written(statistics.figures["color_fisher"]["balanced_recall_mel"])[0]
    )
    plain = replace(statistics, primary="bma")
    recall = next(table for table in make_tables(scores, plain) if table.name == "recall")
    assert (
        columns(recall)[titles[4]][0].value
        == written(statistics.figures["color_fisher"]["recall_mel"])[0]
    )


def test_the_best_is_bold_also_where_two_print_alike(scores, statistics):
    values = {
        "bma": [0.5, 0.7004, 0.6996, 0.1], "log_loss": [0.5, 0.4, 0.7, math.nan],
        "ece": [0.0, 0.1, 0.2, 0.9],
    }  # fmt: skip
    figures = {
        name: estimates | {key: Estimate(values[key][row], 0.0, 1.0) for key in values}
        for row, (name, estimates) in enumerate(statistics.figures.items())
    }
    changed = {t.name: t for t in make_tables(scores, replace(statistics, figures=figures))}
    bma, loss = columns(changed["answers"])["BMA"], columns(changed["probabilities"])["log loss"]
    assert [cell.best for cell in bma] == [False, True, True, False]
    assert [cell.best for cell in loss] == [False, True, False, False]
    assert loss[3].value == "-"
    # What always gives the class shares is perfectly calibrated, and worth nothing.
    assert not any(cell.best for cell in columns(changed["probabilities"])["ECE"])


def test_differences_have_signs_and_p_values(tables, statistics):
    found = columns(tables["differences"])
    differences = statistics.differences.values()
    assert [(c.value, c.interval) for c in found["accuracy"]] == [
        written(difference.figures["accuracy"], "+") for difference in differences
    ]
    for title, values in {
        "p": [difference.p for difference in differences],
        "corrected p": [difference.corrected_p for difference in differences],
    }.items():
        expected = ["<0.001" if p < 0.001 else f"{p:.3f}" for p in values]
        assert [cell.value for cell in found[title]] == expected


def test_of_one_method_nothing_is_compared(new_archive):
    from trifuse.studies.comparison.statistics import compute_statistics

    archive = new_archive(30, seed=0)
    scores = archive.scores({"alone": archive.score(1.0)})
    tables = make_tables(scores, compute_statistics(scores, {}, {}))
    assert [table.name for table in tables] == ["answers", "probabilities", "recall"]
    assert not any(cell.best for table in tables for _, cells in table.rows for cell in cells)


def test_latex_needs_booktabs_alone(tables):
    text = "\n".join(map(to_latex, tables.values()))
    commands = set(re.findall(r"\\([a-z]+)", text))
    assert commands == {
        "begin", "end", "centering", "caption", "label", "footnotesize", "setlength", "tabcolsep",
        "toprule", "midrule", "bottomrule", "scriptsize", "textbf",
    }  # fmt: skip
    assert text.count("{") == text.count("}")
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert labels == [f"tab:{name}" for name in tables]
    for table in text.split(r"\end{table}")[:-1]:
        width = len(re.search(r"tabular\}\{(l[r]+)\}", table)[1])
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {width - 1}


def read(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_csv_has_every_figure_of_every_method(scores, statistics):
    rows = read(csv_files(scores, statistics)["comparison.csv"])
    assert [row["method"] for row in rows] == list(scores.methods)
    recalls = [f"{p}recall_{name}" for p in ("", "balanced_") for name in scores.classes]
    ends = ("", "_low", "_high")
    assert list(rows[0]) == [
        "method", "dimensions", "seconds", *(f + end for f in [*FIGURES, *recalls] for end in ends),
    ]  # fmt: skip
    for row in rows:
        for figure, estimate in statistics.figures[row["method"]].items():
            given = [float(row[figure + end]) for end in ends]
            assert given == pytest.approx(estimate, abs=5.1e-7)
    assert (rows[1]["dimensions"], rows[1]["seconds"]) == ("2000", "0.100000")


def test_the_other_csv_files(scores, statistics):
    files = {name: read(content) for name, content in csv_files(scores, statistics).items()}
    for row in files["differences.csv"]:
        difference = statistics.differences[row["method"]]
        assert (row["baseline"], row["tested"]) == ("color_fisher", "balanced_bma")
        assert float(row["p"]) == pytest.approx(difference.p, abs=1e-6)
        assert float(row["corrected_p"]) == pytest.approx(difference.corrected_p, abs=1e-6)
        assert float(row["macro_auc_low"]) == pytest.approx(
            difference.figures["macro_auc"].low, abs=1e-6
        )
    points = [(row["method"], int(row["lesions"])) for row in files["learning.csv"]]
    assert points == [(name, n) for name in ("color_fisher", "cnn") for n in (50, 100, 200)]
    assert list(files["learning.csv"][0])[2:] == [
        "balanced_bma", "balanced_bma_low", "balanced_bma_high",
    ]  # fmt: skip
    for row in files["leakage.csv"]:
        by_image, by_lesion, change = (
            float(row[f"{part}_accuracy"]) for part in ("by_image", "by_lesion", "difference")
        )
        assert change == pytest.approx(by_image - by_lesion, abs=2e-6)


def test_what_is_undefined_is_empty(scores, statistics):
    first, *others = statistics.figures.items()
    undefined = {first[0]: first[1] | {"ece": Estimate(*[math.nan] * 3)}}
    changed = replace(statistics, figures=undefined | dict(others))
    row = read(csv_files(scores, changed)["comparison.csv"])[0]
    assert (row["ece"], row["ece_low"], row["ece_high"]) == ("", "", "")


def test_what_was_not_measured_has_no_file(scores, statistics):
    less = replace(statistics, curves={}, leakage={})
    assert list(csv_files(scores, less)) == ["comparison.csv", "differences.csv"]


def test_a_time_that_was_not_measured(scores, statistics):
    methods = {name: replace(method, seconds=math.nan) for name, method in scores.methods.items()}
    unmeasured = replace(scores, methods=methods)
    (answers, *_) = make_tables(unmeasured, statistics)
    assert {cell.value for cell in columns(answers)["seconds an image"]} == {"-"}
    rows = read(csv_files(unmeasured, statistics)["comparison.csv"])
    assert {row["seconds"] for row in rows} == {""}


def test_a_spreadsheet_runs_no_name(scores, statistics):
    name = next(iter(scores.methods))
    formula = "=HYPERLINK(1)"
    methods = {formula if known == name else known: m for known, m in scores.methods.items()}
    figures = {formula if known == name else known: f for known, f in statistics.figures.items()}
    renamed = replace(statistics, figures=figures, baseline=formula)
    files = csv_files(replace(scores, methods=methods), renamed)
    assert read(files["comparison.csv"])[0]["method"] == f"'{formula}"
    assert {row["baseline"] for row in read(files["differences.csv"])} == {f"'{formula}"}
