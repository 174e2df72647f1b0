"""The page in a browser: both images of each pair, and what is said of them."""

from trifuse.datasets.duplicates import DuplicatePair
from trifuse.studies.duplicates_page import render_duplicates


def test_each_pair_is_shown(draw, make_archive, read_page, tmp_path):
    pictures = {"a&b.png": draw(0, (450, 600)), "b.png": draw(0), "c.png": draw(1)}
    table = make_archive(pictures, ["nv", "nv", "mel"], ["<1>", "2", "3"])
    pairs = [DuplicatePair(0, 1, "exact", 1.0), DuplicatePair(1, 2, "near", 0.456)]
    page = tmp_path / "pairs.html"
    page.write_text(render_duplicates(table, pairs), encoding="utf-8")
    browser = read_page(page)
    sections = browser.find_elements("css selector", "section")
    assert [section.text.splitlines() for section in sections] == [
        ["exact, 1.00", "a&b.png", "nv, group <1>", "b.png", "nv, group 2"],
        ["near, 0.46, two labels", "b.png", "nv, group 2", "c.png", "mel, group 3"],
    ]
    sizes = browser.execute_script(
        "return [...document.images].map(image => [image.naturalWidth, image.naturalHeight])"
    )
    assert sizes == [[240, 180]] * 4
    lead = browser.find_element("tag name", "p").text
    assert lead.startswith("2 pairs among 3 images; 1 pair with two labels. ")
    assert str(tmp_path) not in page.read_text(encoding="utf-8")


def test_no_pair(draw, make_archive, read_page, tmp_path):
    page = tmp_path / "pairs.html"
    page.write_text(render_duplicates(make_archive({"a.png": draw(0)}), []), encoding="utf-8")
    browser = read_page(page)
    assert (
        "0 pairs among 1 image; 0 pairs with two labels. "
        in browser.find_element("tag name", "p").text
    )
    assert browser.find_elements("tag name", "img") == []
