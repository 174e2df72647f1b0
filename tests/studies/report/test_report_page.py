"""The page in a browser: what it tells, its list, its filters, and what its keys do."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from trifuse.studies.report.night_page import Evidence

ORDER = ["broken.jpg", "cat.jpg", "dog.jpg", "many.jpg", "dark.jpg", "half.jpg", "fair.jpg",
         "sure.jpg"]  # fmt: skip


def press(browser, *keys):
    body = browser.find_element(By.TAG_NAME, "body")
    for key in keys:
        (browser.switch_to.active_element or body).send_keys(key)


def choose(browser, name, text):
    Select(browser.find_element(By.ID, name)).select_by_visible_text(text)


def current(browser):
    return browser.find_element(By.CSS_SELECTOR, ".detail h3").text


def count(browser):
    return browser.find_element(By.CSS_SELECTOR, "output.count").text


def said(browser):
    return browser.find_element(By.ID, "said").text


def decided(browser):
    """Give what was decided, by the rows of the file."""
    return browser.execute_script(
        "const decided = [...bench.corrections.records].filter(([, one]) => one.decision);"
        "return Object.fromEntries("
        "decided.map(([row, one]) => [row, `${one.decision} ${one.label}`]))"
    )


def test_the_head_tells_of_the_night(open_night, night):
    manifest = {
        "images": 8, "seconds": 2.0, "kept": 0,
        "attempts": [{"started": "2026-11-26T22:00:00.000+00:00"}],
        "finished": "2026-11-27T04:30:00.000+00:00",
        "options": {"model": "0123456789abcdef" * 4},
        "model": {"name": "ham.trifuse", "class_counts": {"nv": 3, "mel": 1}, "unfamiliar": 0.02},
    }  # fmt: skip
    browser = open_night(night, manifest)
    assert browser.title == "The night of 27 November 2026"
    text = " ".join(browser.find_element(By.TAG_NAME, "main").text.split())
    for part in (
        "2026-11-26 22:00 to 2026-11-27 04:30 UTC 4.0 images a second",
        "ham.trifuse SHA-256 0123456789abcdef…",
        "1 could not be read",
        "4 to be looked at",
        "nv 3 42.9% 75.0%",
        "unfamiliar 2 28.6% 2.0%",
        "it is empty 1",
    ):
        assert part in text
    assert len(browser.find_elements(By.CSS_SELECTOR, ".histogram rect")) == 20


def test_without_a_manifest_the_page_says_so(open_night, night):
    browser = open_night(night)
    assert "There is no manifest beside this file" in browser.find_element(By.TAG_NAME, "main").text


def test_the_doubtful_are_listed_first(open_night, night, names, picture):
    browser = open_night(night, pictures={1: picture, 6: picture})
    assert names(browser) == ORDER
    assert count(browser) == "8 of 8 images"
    rows = browser.find_elements(By.CSS_SELECTOR, ".row")
    assert [len(row.find_elements(By.TAG_NAME, "img")) for row in rows] == [0, 1, 1] + 5 * [0]
    assert rows[2].text.splitlines() == ["dog.jpg", "vasc 90.0 %", "unfamiliar low quality"]
    assert rows[0].text.splitlines() == ["broken.jpg", "could not be read"]


def test_an_image_is_shown_with_its_answers_and_reasons(open_night, night, picture):
    evidence = {6: Evidence("vasc", picture)}
    manifest = {"model": {"coverage": 0.9}}
    browser = open_night(night, manifest, {6: picture}, evidence)
    press(browser, "j", "j")
    assert current(browser) == "w/dog.jpg"
    text = browser.find_element(By.CSS_SELECTOR, ".detail").text
    for part in (
        "3 of 8", "vasc\n90.0 %\nnv\n10.0 %",
        "Prediction set\nvasc\nmade to hold the right class of 90 %",
        "unfamiliar It does not look like the training archive", "The picture has flaws: small.",
    ):  # fmt: skip
        assert part in text
    widths = [bar.size["width"] for bar in browser.find_elements(By.CSS_SELECTOR, ".meter span")]
    assert widths[0] == pytest.approx(9 * widths[1], rel=0.02)
    image = browser.find_element(By.CSS_SELECTOR, ".picture img")
    assert image.get_property("naturalWidth") == 40
    assert image.get_attribute("alt") == "The image w/dog.jpg"
    press(browser, "e")
    image = browser.find_element(By.CSS_SELECTOR, ".picture img")
    assert image.get_attribute("alt") == "The evidence in the image w/dog.jpg"
    press(browser, "l")
    dialog = browser.find_element(By.TAG_NAME, "dialog")
    assert dialog.is_displayed()
    press(browser, "j")  # no key acts behind it
    press(browser, Keys.ESCAPE)
    assert not dialog.is_displayed()
    assert current(browser) == "w/dog.jpg"


def test_what_could_not_be_read_says_why_and_cannot_be_accepted(open_night, night):
    browser = open_night(night)
    text = browser.find_element(By.CSS_SELECTOR, ".detail").text
    assert "cannot read the image: it is empty" in text
    assert "Accept" not in text
    press(browser, "a")
    assert (decided(browser), current(browser)) == ({}, "w/broken.jpg")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"label": "nv"}, ["dark", "fair", "sure"]),
        ({"reason": "unfamiliar"}, ["cat", "dog"]),
        ({"reason": "any reason"}, ["cat", "dog", "many", "dark"]),
        ({"reason": "no reason"}, ["broken", "half", "fair", "sure"]),
        ({"status": "could not be read"}, ["broken"]),
        ({"status": "to be decided", "label": "mel"}, ["cat", "half"]),
        ({"status": "decided"}, []),
        ({"sort": "least sure first", "status": "could be read"},
         ["many", "half", "cat", "fair", "dog", "dark", "sure"]),
        ({"sort": "surest first", "label": "nv"}, ["sure", "dark", "fair"]),
        ({"sort": "by name", "reason": "any reason"}, ["cat", "dark", "dog", "many"]),
        ({"sort": "as in the file"},
         ["sure", "cat", "broken", "half", "many", "dark", "dog", "fair"]),
    ],
)  # fmt: skip
def test_filters_and_orders(open_night, night, names, chosen, expected):
    browser = open_night(night)
    for name, text in chosen.items():
        choose(browser, name, text)
    found = [name.removesuffix(".jpg") for name in names(browser)]
    if chosen.get("sort") == "least sure first":  # equal ones stand as they stood
        assert sorted(found) == sorted(expected)
        assert found[:4] == expected[:4]
    else:
        assert found == expected
    n_shown = len(expected)
    assert count(browser) == f"{n_shown} of 8 images"
    if not expected:
        assert "No image fits" in browser.find_element(By.CSS_SELECTOR, ".detail").text


def test_alerts_are_shown_and_can_come_first(open_night, make_night, names):
    rows = [
        ("doubt.jpg", {"nv": 0.9}, ("nv",), ("unfamiliar",), ""),
        ("late.jpg", {"mel": 0.5}, ("mel",), ("uncertain",), "", 0.95),
        ("soon.jpg", {"mel": 0.9}, ("mel",), (), "", 0.9),
    ]
    browser = open_night(make_night(rows))
    assert names(browser) == ["doubt.jpg", "late.jpg", "soon.jpg"]
    choose(browser, "sort", "alerts first")
    assert names(browser) == ["soon.jpg", "late.jpg", "doubt.jpg"]
    chips = [row.text for row in browser.find_elements(By.CSS_SELECTOR, ".row .chips")]
    assert chips == ["alert 0.9", "alert 0.95 uncertain", "unfamiliar"]
    choose(browser, "label", "mel")
    detail = browser.find_element(By.CSS_SELECTOR, ".detail").text
    assert "alert 0.9\n" in detail
    assert "finds 90 % of what is to be found" in detail


def test_a_night_without_alerts_has_no_such_order(open_night, night):
    assert "alerts first" not in open_night(night).find_element(By.ID, "sort").text


def test_a_text_filters_by_name_and_the_image_looked_at_stays(open_night, night, names):
    browser = open_night(night)
    press(browser, "j", "j", "/")
    browser.switch_to.active_element.send_keys("D")
    assert names(browser) == ["dog.jpg", "dark.jpg"]
    assert current(browser) == "w/dog.jpg"
    browser.switch_to.active_element.send_keys("aj")
    assert names(browser) == []
    assert current_or_none(browser) is None
    press(browser, Keys.BACKSPACE)
    assert names(browser) == ["dark.jpg"]


def current_or_none(browser):
    found = browser.find_elements(By.CSS_SELECTOR, ".detail h3")
    return found[0].text if found else None


def test_by_keyboard_alone(open_night, night, names):
    """Next, previous, accept, another class, unsure, undo."""
    browser = open_night(night)
    press(browser, "j")
    assert current(browser) == "w/cat.jpg"
    press(browser, "k")
    assert current(browser) == "w/broken.jpg"
    press(browser, "u")
    assert said(browser) == "w/broken.jpg: unsure."
    press(browser, "a", "3")
    assert said(browser) == "w/dog.jpg: corrected to nv."
    assert decided(browser) == {"2": "unsure ", "1": "accept mel", "6": "change nv"}
    assert current(browser) == "w/many.jpg"
    press(browser, "9")  # there is no such class
    assert current(browser) == "w/many.jpg"
    press(browser, "z")
    assert current(browser) == "w/dog.jpg"
    press(browser, "Z")
    assert decided(browser) == {"2": "unsure "}
    press(browser, "z", "z")
    assert said(browser) == "There is nothing to take back."
    assert decided(browser) == {}
    press(browser, Keys.END)
    assert current(browser) == "w/sure.jpg"
    press(browser, Keys.ARROW_UP, Keys.HOME, Keys.ARROW_DOWN)
    assert current(browser) == "w/cat.jpg"


def test_undo_gives_back_the_decision_before(open_night, night):
    browser = open_night(night)
    press(browser, "j", "a", "k", "2", "k", "u")
    assert decided(browser) == {"1": "unsure "}
    press(browser, "z")
    assert decided(browser) == {"1": "change mel"}
    press(browser, "z")
    assert decided(browser) == {"1": "accept mel"}


def test_keys_are_letters_within_a_field_and_can_be_switched_off(open_night, night):
    browser = open_night(night)
    press(browser, "j", "r")
    press(browser, "jazz 3")
    assert decided(browser) == {}
    press(browser, Keys.ENTER)
    press(browser, "a")
    assert decided(browser) == {"1": "accept mel"}
    browser.find_element(By.ID, "keys").click()
    press(browser, "a", "u")
    assert decided(browser) == {"1": "accept mel"}
    browser.refresh()
    assert not browser.find_element(By.ID, "keys").is_selected()
    browser.find_element(By.ID, "keys").click()


def test_buttons_do_what_keys_do(open_night, night):
    browser = open_night(night)
    press(browser, "j")
    browser.find_element(By.CSS_SELECTOR, "[data-action=accept]").click()
    buttons = browser.find_elements(By.CSS_SELECTOR, "[data-action=change]")
    assert [button.text for button in buttons] == ["df1", "mel2", "nv3", "vasc4"]
    buttons[0].click()
    assert decided(browser) == {"1": "accept mel", "6": "change df"}
    marks = [one.text for one in browser.find_elements(By.CSS_SELECTOR, ".chip.decided")]
    assert marks == ["✓ accepted", "✓ corrected to df"]
    browser.find_elements(By.CSS_SELECTOR, ".row")[1].click()
    pressed = browser.find_elements(By.CSS_SELECTOR, "[aria-pressed=true]")
    assert [one.get_attribute("data-action") for one in pressed] == ["accept"]
    browser.find_element(By.CSS_SELECTOR, "[data-action=undo]").click()
    assert decided(browser) == {"1": "accept mel"}


def test_a_printer_gets_the_list_that_is_shown(open_night, night):
    browser = open_night(night)
    choose(browser, "reason", "unfamiliar")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        rows = browser.find_elements(By.CSS_SELECTOR, "#printed tr")
        assert [row.text for row in rows] == [
            "w/cat.jpg mel 60.0 % unfamiliar",
            "w/dog.jpg vasc 90.0 % unfamiliar, low quality",
        ]
        assert not browser.find_element(By.ID, "bench").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
