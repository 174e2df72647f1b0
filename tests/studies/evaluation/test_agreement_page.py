"""The page of two readers: how far they agree, where they do not, and that names are text."""

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.evaluation.agreement import Agreement, TwoReadings
from trifuse.studies.evaluation.agreement_page import render_agreement

HOSTILE = "</style><script>document.title = 1</script><img src=x onerror=alert(1)>\u202e$x{y}"
KAPPA, SHARE = Estimate(0.5, 0.4, 0.6), Estimate(0.8, 0.7, 0.9)


@pytest.fixture
def open_agreement(read_page, tmp_path):
    def write_and_open(classes, differences, names=("a.csv", "b.csv")):
        confusion = np.array([[3, 1], [0, 1234]])
        agreement = Agreement(classes, confusion, KAPPA, SHARE, differences, 2, 3)
        path = tmp_path / "agreement.html"
        path.write_bytes(render_agreement(agreement, names))
        return read_page(path)

    return write_and_open


def texts(element, selector):
    return [part.get_property("textContent").strip() for part in
            element.find_elements(By.CSS_SELECTOR, selector)]  # fmt: skip


def test_it_tells_what_was_compared(open_agreement):
    differences = (TwoReadings("1.jpg", "mel", "nv"), TwoReadings("2.jpg", "unsure", "nv"))
    browser = open_agreement(("mel", "nv"), differences)
    assert texts(browser, "main > p")[0] == "First: a.csv. Second: b.csv."
    assert "label of both readers: 1,238; of both, but unsure: 2;" in texts(browser, "main > p")[1]
    assert texts(browser, "#figures td") == ["0.500[0.400, 0.600]", "0.800[0.700, 0.900]"]
    assert texts(browser, "#confusion td") == ["3", "1", "0", "1,234"]
    rows = browser.find_elements(By.CSS_SELECTOR, "#differences tbody tr")
    assert [texts(row, "th, td") for row in rows] == [
        ["1.jpg", "mel", "nv"], ["2.jpg", "unsure", "nv"],
    ]  # fmt: skip
    (image,) = browser.find_elements(By.TAG_NAME, "img")
    assert image.get_property("naturalWidth") > 100


def test_names_are_text_and_never_run(open_agreement):
    differences = (TwoReadings(f"{HOSTILE}\udcff", HOSTILE, "\x01"),)
    browser = open_agreement((HOSTILE, "\x01$"), differences, (HOSTILE, HOSTILE))
    assert browser.title == "Agreement of two readers"
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.find_elements(By.CSS_SELECTOR, "[onerror], [src=x]") == []
    assert browser.find_element(By.TAG_NAME, "img").get_property("naturalWidth") > 100
    assert texts(browser, "#differences td")[0] == HOSTILE


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag(open_agreement, looked_at, scheme):
    browser = open_agreement(("mel", "nv"), (TwoReadings("1.jpg", "mel", "nv"),))
    with looked_at(browser, scheme, 400) as violations:
        assert violations() == []
