"""The page holds everything, by itself, and tells it in words."""

from dataclasses import replace

import numpy as np
import pytest

from trifuse.studies.comparison.measured import Estimate
from trifuse.studies.comparison.page import confusion, leakage_sentences, render_comparison
from trifuse.studies.comparison.statistics import LeakageEstimate
from trifuse.studies.comparison.tables import make_tables


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
        counts = confusion(method, scores, balanced)
        expected = np.zeros((7, 7))
        for repeat in probabilities:
            for label, row in zip(scores.labels, repeat, strict=True):
                expected[label, row.argmax()] += 1 / len(probabilities)
        np.testing.assert_allclose(counts, expected)


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
