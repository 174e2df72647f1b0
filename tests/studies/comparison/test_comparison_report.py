"""A comparison leaves its files, each whole, and a page that says what they say."""

import re
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.output import OutputError
from trifuse.studies.comparison import comparison_report as report
from trifuse.studies.comparison.comparison_report import (
    COMPARISON_FILES,
    check_comparison,
    confusion,
    leakage_sentences,
    render_comparison,
    write_comparison,
)
from trifuse.studies.comparison.comparison_tables import csv_files, make_tables
from trifuse.studies.comparison.methods import MethodsError
from trifuse.studies.comparison.statistics import LeakageEstimate, compute_statistics
from trifuse.studies.result_tables import to_latex, to_markdown

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(scores, curves, leakage):
    """Two methods, one with a learning curve and one with its leakage."""
    methods = {name: scores.methods[name] for name in ("color_fisher", "cnn")}
    less = replace(scores, methods=methods)
    return less, {"cnn": curves["cnn"]}, {"color_fisher": leakage["color_fisher"]}


@pytest.fixture(scope="module")
def folder(measured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    write_comparison(folder, *measured)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_there(folder, measured):
    found, scores, statistics = contents(folder), measured[0], compute_statistics(*measured)
    assert sorted(found) == sorted(COMPARISON_FILES)
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
    write_comparison(tmp_path, *measured)
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
    write_comparison(tmp_path, *measured)
    assert written == list(COMPARISON_FILES)


def test_it_gives_the_statistics(measured, tmp_path):
    statistics = write_comparison(tmp_path, *measured, baseline="cnn", primary="bma")
    assert (statistics.baseline, statistics.primary) == ("cnn", "bma")
    assert b",bma," in (tmp_path / "differences.csv").read_bytes()
    assert "on BMA; corrected" in (tmp_path / "report.html").read_text("utf-8")


def test_files_of_an_earlier_comparison_go(measured, tmp_path):
    for name in ("learning.csv", "leakage.csv", "mine.csv"):
        (tmp_path / name).write_text("old")
    write_comparison(tmp_path, measured[0], {}, {})
    assert sorted(contents(tmp_path)) == sorted(
        {*COMPARISON_FILES, "mine.csv"} - {"learning.csv", "leakage.csv"}
    )


def test_a_bad_baseline_leaves_no_file(measured, tmp_path):
    with pytest.raises(MethodsError, match="There is no method 'x'"):
        write_comparison(tmp_path, *measured, baseline="x")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", COMPARISON_FILES)
def test_no_file_is_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError) as error:
        check_comparison(tmp_path, overwrite=False)
    assert str(error.value) == (
        f"{tmp_path / name} exists already; name another output, or say --overwrite to replace it."
    )
    check_comparison(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"comparison\.csv cannot be written: No such file"):
        check_comparison(tmp_path / "none", overwrite=False)


@pytest.fixture
def opened(read_page, tmp_path):
    def show(scores, statistics):
        path = tmp_path / "report.html"
        path.write_text(render_comparison(scores, statistics), encoding="utf-8")
        return read_page(path)

    return show


def texts(element, selector):
    return [part.get_property("textContent").strip() for part in
            element.find_elements("css selector", selector)]  # fmt: skip


def test_it_holds_every_table(opened, scores, statistics):
    browser = opened(scores, statistics)
    assert browser.title == "Comparison of methods"
    assert texts(browser, "h2") == [
        "Answers, size and time", "Probabilities", "Recall of each class",
        "Differences from the baseline", "Learning curves", "Leakage",
        "Confusion matrices", "How it was done",
    ]  # fmt: skip
    for table in make_tables(scores, statistics):
        element = browser.find_element("id", table.name)
        assert texts(element, "thead th") == list(table.header)
        assert texts(element, "tbody th") == [name for name, _ in table.rows]
        cells = [cell for _, row in table.rows for cell in row]
        assert texts(element, "tbody td") == [cell.value + cell.interval for cell in cells]
        best = [cell.value + cell.interval for cell in cells if cell.best]
        assert texts(element, "td.best") == best


def test_the_figure_is_in_it(opened, scores, statistics):
    browser = opened(scores, statistics)
    (image,) = browser.find_elements("tag name", "img")
    assert image.get_property("naturalWidth") > 500
    assert image.get_property("src").startswith("data:image/svg+xml;base64,")
    assert image.get_attribute("alt") == ("Methods with their intervals, learning curves, leakage")


def test_it_runs_no_script(scores, statistics):
    page = render_comparison(scores, statistics)
    assert "<script" not in page
    assert "script-src" not in page


def test_it_says_how_it_was_done(opened, scores, statistics):
    lines = texts(opened(scores, statistics), "main > ul li")
    assert lines[0] == f"{len(scores.labels)} images of 250 lesions in 7 classes."
    assert lines[1].startswith("Cross-validation of 5 folds, 2 times with other folds; no lesion")
    assert "2,000 resamples of whole lesions" in lines[2]
    assert "two-sided, on BMA, balanced prior; corrected" in lines[3]
    assert lines[4] == "Fingerprint of data and recipe: 0a1b2c3d4e5f"


def test_its_first_sentence_names_the_best(opened, scores, statistics):
    best, first = "sift_fisher & cnn", texts(opened(scores, statistics), "main > p")[0]
    value, low, high = statistics.figures[best]["balanced_bma"]
    difference = statistics.differences[best]
    change = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*difference.figures["balanced_bma"])
    assert first == (
        f"{best} has the best BMA, balanced prior: {value:.3f} [{low:.3f}, {high:.3f}]; difference "
        f"from the baseline, color_fisher: {change}, p = {difference.p:.4f}, corrected for all "
        f"methods {difference.corrected_p:.4f}."
    )
    itself = texts(opened(scores, replace(statistics, baseline=best)), "main > p")[0]
    assert itself.endswith("; it is the baseline.")


def test_confusions_count_every_answer(scores):
    method = scores.methods["cnn"]
    for balanced, probabilities in ((True, method.balanced), (False, method.probabilities)):
        expected = np.zeros((7, 7))
        for repeat in probabilities:
            for label, row in zip(scores.labels, repeat, strict=True):
                expected[label, row.argmax()] += 1 / len(probabilities)
        expected *= 100 / expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(confusion(method, scores, balanced), expected)


def test_confusions_are_shown_in_percent(opened, scores, statistics):
    browser = opened(scores, statistics)
    assert texts(browser, "summary") == list(scores.methods)
    tables = browser.find_elements("css selector", ".heat")
    assert [table.is_displayed() for table in tables] == [True, False, False, False]
    percent = np.reshape([int(text) for text in texts(tables[0], "td")], (7, 7))
    recalls = [
        statistics.figures["color_fisher"][f"balanced_recall_{name}"].value
        for name in scores.classes
    ]
    np.testing.assert_allclose(percent.diagonal(), 100 * np.array(recalls), atol=0.51)
    np.testing.assert_allclose(percent.sum(axis=1), 100, atol=4)
    cells = tables[2].find_elements("css selector", "td")
    colors = {
        int(cell.get_property("textContent")) > 85: cell.value_of_css_property("color")
        for cell in cells
    }
    assert colors == {True: "rgba(255, 255, 255, 1)", False: "rgba(26, 26, 26, 1)"}


def test_names_are_escaped(opened, new_archive):
    from trifuse.studies.comparison.statistics import compute_statistics

    classes = ("<b>a</b>", "b&b", "c")
    archive = new_archive(60, 0, classes, np.full(3, 1 / 3))
    methods = {name: archive.score(1.0) for name in ('<img src="x">', "$two$")}
    scores = archive.scores(methods)
    browser = opened(scores, compute_statistics(scores, {}, {}))
    assert texts(browser.find_element("id", "answers"), "tbody th") == list(methods)
    assert texts(browser.find_element("css selector", ".heat"), "tbody th") == list(classes)
    assert len(browser.find_elements("tag name", "img")) == 1


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.05, "make cnn look better than it is"),
        (-0.01, 0.07, "change nothing of cnn that these images can show"),
        (-0.09, -0.01, "make cnn look worse here"),
    ],
)
def test_the_leak_in_words(statistics, low, high, verdict):
    pair = LeakageEstimate(
        {"balanced_bma": Estimate(0.5, 0.4, 0.6)},
        {"balanced_bma": Estimate(0.53, 0.43, 0.63)},
        {"balanced_bma": Estimate(0.03, low, high)},
    )
    (sentence,) = leakage_sentences(replace(statistics, leakage={"cnn": pair}))
    assert sentence == (
        "Folds over images, which put images of one lesion on both sides of a split, "
        f"{verdict} (BMA, balanced prior: 0.530 instead of 0.500, difference "
        f"+0.030 [{low:+.3f}, {high:+.3f}])."
    )
