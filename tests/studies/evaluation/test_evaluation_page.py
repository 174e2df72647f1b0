"""The page of an evaluation in a browser: what it shows, to whom, and that names are text."""

import dataclasses

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from trifuse.datasets.corrections import Correction, Corrections
from trifuse.studies.evaluation.decided import evaluate_decided
from trifuse.studies.evaluation.evaluate import evaluate_predictions
from trifuse.studies.evaluation.evaluation_page import TEXTS, portray, render_evaluation
from trifuse.studies.evaluation.group_figures import measure_groups
from trifuse.studies.evaluation.group_tables import groups_result
from trifuse.studies.evaluation.groups import divide_images
from trifuse.studies.evaluation.positive_tables import positives_result
from trifuse.studies.evaluation.positives import measure_positives

HOSTILE = "</style><script>document.title = 1</script><img src=x onerror=alert(1)>\u202e$x{y}"


@pytest.fixture
def open_evaluation(read_page, tmp_path):
    """Write the page of an evaluation, with groups if there are cells, and open it."""

    def write_and_open(evaluation, cells=None, positive=(), warning=None, names=("p.csv", "t.csv")):
        images, groups, results = evaluation.images, [], []
        if cells:
            groups = measure_groups(images, divide_images([*cells], cells))
            results.append(groups_result(groups))
        if positive:
            results.append(positives_result(measure_positives(images, positive)))
        portrait = portray(evaluation, positive, groups)
        page = render_evaluation(portrait, portrait.draw(), names, results, warning)
        path = tmp_path / "evaluation.html"
        path.write_bytes(page)
        return read_page(path)

    return write_and_open


@pytest.fixture
def evaluation(scored, write, truth):
    return evaluate_predictions(write(scored[0]), truth)


@pytest.fixture
def cells(truth):
    return {"sex": ["mf"[int(image) % 2] for image in truth]}


def texts(element, selector):
    return [part.get_property("textContent").strip() for part in
            element.find_elements(By.CSS_SELECTOR, selector)]  # fmt: skip


def test_everything_has_its_place(open_evaluation, evaluation, cells):
    browser = open_evaluation(evaluation, cells, ["mel", "vasc"], "they are too good")
    assert browser.title == "Evaluation of p.csv"
    assert texts(browser, "main > p")[:3] == [
        "Warning: they are too good.", "60 images scored and compared with the truth.",
        "Truth: t.csv.",
    ]  # fmt: skip
    assert texts(browser, "h2") == [
        "Figures", "Reliability", "Confusion", "ROC, precision and recall", "Groups",
        "The price of finding them", "How it was done",
    ]  # fmt: skip
    tables = [table.get_attribute("id") for table in browser.find_elements(By.TAG_NAME, "table")]
    assert tables == [
        "figures", "classes", "reliability", "confusion", "areas", "groups", "group_differences",
        "positives", "work",
    ]  # fmt: skip
    images = browser.find_elements(By.TAG_NAME, "img")
    assert [image.get_attribute("alt") for image in images] == list(TEXTS.values())
    assert all(image.get_property("naturalWidth") > 200 for image in images)
    assert all(image.get_property("src").startswith("data:image/svg+xml;") for image in images)
    assert texts(browser, "#areas tbody th") == ["mel + vasc"]


def test_tables_tell_what_was_measured(open_evaluation, evaluation):
    browser, metrics = open_evaluation(evaluation), evaluation.metrics
    confusion = browser.find_element(By.ID, "confusion")
    counts = np.reshape([int(text) for text in texts(confusion, "td")], (4, 4))
    np.testing.assert_array_equal(counts, metrics.confusion)
    assert texts(confusion, "thead th") == ["truth", *metrics.classes]
    low, high = evaluation.whole.intervals["bma"]
    assert texts(browser, "#figures td")[0] == f"{metrics.bma:.3f}[{low:.3f}, {high:.3f}]"
    assert texts(browser, "#areas tbody th") == list(metrics.classes)
    images = [int(text) for text in texts(browser, "#reliability td:nth-child(2)")]
    assert sum(images) == 60


def test_the_top_alone_has_no_curves(open_evaluation, scored, write, truth):
    browser = open_evaluation(evaluate_predictions(write(scored[0], whole=False), truth))
    assert len(browser.find_elements(By.TAG_NAME, "img")) == 2
    assert "run predict with --probabilities" in browser.find_element(By.TAG_NAME, "main").text


def test_an_audit_tells_of_the_night(open_evaluation, scored, write):
    """Of 60 images 20 were drawn, and all of these decided."""
    probabilities, labels = scored
    names = ["df", "mel", "nv", "vasc"]
    rows = tuple(
        Correction("", f"photos/{row}.jpg", names[labels[row]], "change", audit=(20, 60))
        for row in range(20)
    )
    evaluation = evaluate_decided(write(probabilities), Corrections(rows))
    browser = open_evaluation(evaluation, warning=evaluation.warning)
    assert texts(browser, "h2")[0] == "The whole night"
    assert "Decisions: " in texts(browser, "main > p")[0]
    value, low, high = evaluation.night.alone["accuracy"]
    assert texts(browser, "#night td")[0] == f"{value:.3f}[{low:.3f}, {high:.3f}]"


def test_names_are_text_and_never_run(open_evaluation, evaluation, cells):
    classes = (HOSTILE, "\udcff\x01", "$\\frac{", "vasc")
    table = dataclasses.replace(evaluation.images.table, classes=classes)
    images = dataclasses.replace(evaluation.images, table=table)
    everything = images.measure(np.ones(60, dtype=bool))
    hostile = dataclasses.replace(evaluation, images=images, whole=everything)
    browser = open_evaluation(
        hostile, {HOSTILE: cells["sex"]}, [HOSTILE], HOSTILE, (HOSTILE, "\udcff")
    )
    assert browser.title == f"Evaluation of {HOSTILE}"
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.find_elements(By.CSS_SELECTOR, "[onerror], [src=x]") == []
    images = browser.find_elements(By.TAG_NAME, "img")
    assert len(images) == 5
    assert all(image.get_property("naturalWidth") > 200 for image in images)
    assert HOSTILE in texts(browser, "#confusion tbody th")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag(open_evaluation, evaluation, cells, looked_at, scheme, width):
    browser = open_evaluation(evaluation, cells, ["mel"], "they are too good")
    with looked_at(browser, scheme, width) as violations:
        assert violations() == []
        image = browser.find_element(By.TAG_NAME, "img")
        inverted = image.value_of_css_property("filter") != "none"
        assert inverted == (scheme == "dark")


def test_paper_is_white_whatever_the_scheme(open_evaluation, evaluation):
    browser = open_evaluation(evaluation)
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    emulate = browser.execute_cdp_cmd
    emulate("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    try:
        image = browser.find_element(By.TAG_NAME, "img")
        assert image.value_of_css_property("filter") == "none"
        body = browser.find_element(By.TAG_NAME, "body")
        assert body.value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"
    finally:
        emulate("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_the_same_evaluation_gives_the_same_page(evaluation):
    portrait = portray(evaluation)
    pages = [render_evaluation(portrait, portrait.draw(), ("p", "t")) for _ in range(2)]
    assert pages[0] == pages[1]
