"""What was decided outlives a reload, and is saved as a CSV like any other of trifuse."""

import csv
import io
import re
import time

from selenium.webdriver.common.by import By

from trifuse.classifiers.text_tables import csv_line

COLUMNS = ["image", "predicted", "label", "decision", "by", "at", "remark"]


def act(browser, *actions):
    for action, *value in actions:
        browser.execute_script("bench.act(...arguments)", action, *value)


def read(content):
    return list(csv.reader(io.StringIO(content.decode())))


def test_a_reload_keeps_decisions_and_undo(open_night, night, corrections):
    browser = open_night(night)
    act(browser, ["next"], ["accept"], ["change", 0], ["unsure"])
    before = corrections(browser)
    browser.refresh()
    assert corrections(browser) == before
    assert "3 decided" in browser.find_element(By.CSS_SELECTOR, ".counts").text
    act(browser, ["undo"])
    assert [row[0] for row in read(corrections(browser))[1:]] == ["w/cat.jpg", "w/dog.jpg"]
    browser.refresh()
    act(browser, ["undo"], ["undo"], ["undo"])
    browser.refresh()
    assert read(corrections(browser)) == [COLUMNS]


def test_the_file_that_is_saved(open_night, night, tmp_path, corrections):
    browser = open_night(night)
    folder = tmp_path / "saved"
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )
    browser.find_element(By.ID, "by").send_keys(" Dr. A, B\t")
    act(browser, ["unsure"])
    browser.find_element(By.ID, "remark").send_keys('=1+1, "so"')
    act(browser, ["accept"], ["change", 2])
    browser.find_element(By.ID, "save").click()
    path = folder / "corrections.csv"
    for _ in range(100):
        if path.exists():
            break
        time.sleep(0.05)
    content = path.read_bytes()
    assert content == corrections(browser)
    header, *rows = read(content)
    assert header == COLUMNS
    # In the order of the file.
    assert [[*row[:5], row[6]] for row in rows] == [
        ["w/cat.jpg", "mel", "mel", "accept", "Dr. A, B", '\'=1+1, "so"'],
        ["w/broken.jpg", "", "", "unsure", "Dr. A, B", ""],
        ["w/dog.jpg", "vasc", "nv", "change", "Dr. A, B", ""],
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[5]) for row in rows)
    assert browser.find_element(By.ID, "said").text == "3 decisions saved in corrections.csv."
    assert browser.get_log("browser") == []


def test_cells_are_written_as_by_every_other_command(open_night, night):
    browser = open_night(night)
    cells = ["a", "", "=1", "'=x", "'x'", "-1.5", "+1,5e3", "-a", "@", "\tx", "\rx", 'a"b', "a,b",
             "a\nb", "é 😀", "a b ", ";"]  # fmt: skip
    script = "return arguments[0].map(writeCell).join(',') + '\\n'"
    assert browser.execute_script(script, cells) == csv_line(cells)


def test_names_that_are_no_text_keep_their_bytes(open_night, make_night, corrections):
    names = ["\udcff.jpg", "a\udcc3\udca9b", "é😀", "\ud800x"]
    rows = [(name, {"nv": 0.9}, ("nv",), (), "") for name in names]
    browser = open_night(make_night(rows))
    act(browser, *[["accept"]] * 4)
    images = [line.split(b",")[0] for line in corrections(browser).splitlines()[1:]]
    assert images == [b"\xff.jpg", b"a\xc3\xa9b", "é😀".encode(), b"\xed\xa0\x80x"]


def test_a_remark_alone_is_no_correction_and_stays(open_night, night, corrections):
    browser = open_night(night)
    act(browser, ["next"], ["remark", "odd"])
    assert read(corrections(browser)) == [COLUMNS]
    browser.refresh()
    act(browser, ["next"])
    assert browser.find_element(By.ID, "remark").get_attribute("value") == "odd"
    act(browser, ["accept"], ["undo"])
    assert browser.find_element(By.ID, "remark").get_attribute("value") == "odd"
    act(browser, ["accept"])
    assert read(corrections(browser))[1][-1] == "odd"


def test_where_a_browser_keeps_nothing_the_page_says_so(open_night, night, corrections):
    browser = open_night(night)
    browser.execute_script(
        "bench.corrections.store = { setItem() { throw new DOMException('full'); } };"
    )
    act(browser, ["next"], ["accept"])
    assert "This browser keeps nothing" in browser.find_element(By.ID, "said").text
    assert len(read(corrections(browser))) == 2
    blocked = "return !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert browser.execute_script(blocked)
    browser.execute_script("bench.corrections.unsaved = 0")
    assert not browser.execute_script(blocked)


def test_other_nights_do_not_mix(open_night, night, make_night, corrections, tmp_path):
    browser = open_night(night)
    act(browser, ["next"], ["accept"])
    browser.execute_script(
        "window.other = new Corrections('other', localStorage); window.same = "
        "new Corrections(night.digest, localStorage);"
    )
    assert browser.execute_script("return [other.count, same.count]") == [0, 1]


def test_what_others_left_in_the_store_is_passed_over(open_night, night, corrections):
    browser = open_night(night)
    act(browser, ["next"], ["accept"])
    for number, left in enumerate(("{", "null", "[1]", '{"decision": {}}', "5")):
        script = "localStorage.setItem(bench.corrections.prefix + arguments[0], arguments[1])"
        browser.execute_script(script, str(100 + number), left)
    before = corrections(browser)
    browser.refresh()
    assert corrections(browser) == before
    assert browser.execute_script("return bench.corrections.keeps")
