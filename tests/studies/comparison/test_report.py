"""The files of a comparison: whole, the page last, the same bytes each time."""

import re
from dataclasses import replace

import pytest

from trifuse.classifiers.output import OutputError
from trifuse.studies.comparison import report
from trifuse.studies.comparison.markup import to_latex, to_markdown
from trifuse.studies.comparison.methods import MethodsError
from trifuse.studies.comparison.page import leakage_sentences
from trifuse.studies.comparison.report import FILES, check_report, write_report
from trifuse.studies.comparison.statistics import compute_statistics
from trifuse.studies.comparison.tables import csv_files, make_tables


@pytest.fixture(scope="module")
def measured(scores, curves, leakage):
    """Two methods, one with a learning curve and one with its leakage."""
    methods = {name: scores.methods[name] for name in ("color_fisher", "cnn")}
    less = replace(scores, methods=methods)
    return less, {"cnn": curves["cnn"]}, {"color_fisher": leakage["color_fisher"]}


@pytest.fixture(scope="module")
def folder(measured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    write_report(folder, *measured)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_there(folder, measured):
    found, scores, statistics = contents(folder), measured[0], compute_statistics(*measured)
    assert sorted(found) == sorted(FILES)
    for name, content in csv_files(scores, statistics).items():
        assert found[name] == content
    for table in make_tables(scores, statistics):
        assert to_markdown(table) in found["comparison.md"].decode()
        assert to_latex(table) in found["comparison.tex"].decode()
    for sentence in leakage_sentences(statistics):
        assert sentence in found["comparison.md"].decode()
    assert found["comparison.pdf"].startswith(b"%PDF")
    assert found["comparison.png"].startswith(b"\x89PNG")
    assert found["report.html"].rstrip().endswith(b"</html>")


def test_the_same_bytes_each_time(folder, measured, tmp_path):
    write_report(tmp_path, *measured)
    assert contents(tmp_path) == contents(folder)


def test_no_file_tells_when_or_where(folder):
    for name, content in contents(folder).items():
        assert str(folder).encode() not in content, name
        assert re.search(rb"CreationDate|dc:date|tIME|20\d\d-\d\d-\d\d", content) is None, name


def test_the_page_comes_last(measured, tmp_path, monkeypatch):
    written, open_output = [], report.open_output
    monkeypatch.setattr(
        report, "open_output", lambda path: written.append(path.name) or open_output(path)
    )
    write_report(tmp_path, *measured)
    assert written == list(FILES)


def test_it_gives_the_statistics(measured, tmp_path):
    statistics = write_report(tmp_path, *measured, baseline="cnn", primary="bma")
    assert (statistics.baseline, statistics.primary) == ("cnn", "bma")
    assert b",bma," in (tmp_path / "differences.csv").read_bytes()
    assert "on BMA; corrected" in (tmp_path / "report.html").read_text("utf-8")


def test_files_of_an_earlier_comparison_go(measured, tmp_path):
    for name in ("learning.csv", "leakage.csv", "mine.csv"):
        (tmp_path / name).write_text("old")
    write_report(tmp_path, measured[0], {}, {})
    assert sorted(contents(tmp_path)) == sorted(
        {*FILES, "mine.csv"} - {"learning.csv", "leakage.csv"}
    )


def test_a_bad_baseline_leaves_no_file(measured, tmp_path):
    with pytest.raises(MethodsError, match="There is no method 'x'"):
        write_report(tmp_path, *measured, baseline="x")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError) as error:
        check_report(tmp_path, overwrite=False)
    assert str(error.value) == (
        f"{tmp_path / name} exists already; name another output, or say --overwrite to replace it."
    )
    check_report(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"comparison\.csv cannot be written: No such file"):
        check_report(tmp_path / "none", overwrite=False)
