"""The page in a browser: every point, pictures under the pointer, colours by class or error."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trifuse.features.libraries import ExtraError
from trifuse.studies.figures import MARKERS
from trifuse.studies.projection.plane_page import BOKEH_MARKERS, render_map

# Bokeh draws within shadow roots, where selectors of the document do not look.
FIND = """
const find = (root, selector, text) => {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches(selector) && element.textContent.includes(text)) return element;
    const found = element.shadowRoot && find(element.shadowRoot, selector, text);
    if (found) return found;
  }
  return null;
};
const done = arguments[arguments.length - 1], started = Date.now();
const wait = () => {
  const found = find(document, arguments[0], arguments[1]);
  if (found || Date.now() - started > 5000) done(found); else setTimeout(wait, 20);
};
wait();
"""
MODELS = "const models = [...Bokeh.documents[0]._all_models.values()];"
SOURCE = MODELS + "const data = models.find(model => model.type === 'ColumnDataSource').data;"
PLACE = (
    SOURCE
    + """
const views = [], walk = view => { views.push(view); (view.child_views ?? []).forEach(walk); };
[...Bokeh.index.roots].forEach(walk);
const plot = views.find(view => view.model.type === "Figure");
plot.el.scrollIntoView();
const corner = plot.el.getBoundingClientRect(), {x_scale, y_scale} = plot.frame;
const row = arguments[0];
return [corner.left + x_scale.compute(data.x[row]), corner.top + y_scale.compute(data.y[row])];
"""
)


@pytest.fixture
def open_map(read_page, tmp_path):
    """Write the page of a map and open it."""

    def write_and_open(image_map):
        path = tmp_path / "map.html"
        path.write_text(render_map(image_map), encoding="utf-8")
        return read_page(path)

    return write_and_open


def find(browser, selector, text=""):
    element = browser.execute_async_script(FIND, selector, text)
    assert element is not None, f"no {selector} with {text!r}"
    return element


def shown_renderers(browser):
    return browser.execute_script(
        MODELS + "return models.filter(model => model.type === 'GlyphRenderer' && model.visible)"
        ".map(model => model.view.filter.group);"
    )


def test_every_image_is_a_point(open_map, image_map):
    browser = open_map(image_map)
    assert browser.title == "t-SNE of cnn"
    assert browser.find_element("tag name", "p").text == image_map.caption
    x, names, outcomes = browser.execute_script(
        SOURCE + "return [Array.from(data.x), data.name, data.outcome];"
    )
    assert x == pytest.approx(image_map.points[:, 0].tolist())
    assert names == [f"{row:03d}" for row in range(90)]
    # Each tenth is taken for a: right for the three of class a.
    wrong = [row for row, outcome in enumerate(outcomes) if outcome == "wrong"]
    assert wrong == [39, 49, 59, 69, 79, 89]
    for text in ("a (30)", "b (30)", "c (30)"):
        find(browser, ".bk-label", text)


def test_the_pointer_shows_the_image_and_the_prediction(open_map, image_map):
    from selenium.webdriver.common.actions.action_builder import ActionBuilder

    browser = open_map(image_map)
    find(browser, ".bk-label", "a (30)")
    actions = ActionBuilder(browser)
    actions.pointer_action.move_to_location(*map(round, browser.execute_script(PLACE, 39)))
    actions.perform()
    text = find(browser, "div", "wrong: a").get_property("textContent")
    assert text.split() == ["039bwrong:", "a"]
    image = find(browser, "img")
    assert image.get_attribute("src") == image_map.images.thumbnails[39]
    assert image.get_property("naturalWidth") == 12
    assert browser.get_log("browser") == []


def test_colours_can_be_those_of_errors(open_map, image_map):
    browser = open_map(image_map)
    assert find(browser, ".bk-tab.bk-active").text == "Colour by class"
    assert not find(browser, ".bk-label", "wrong (6)").is_displayed()
    find(browser, ".bk-tab", "Colour by error").click()
    assert find(browser, ".bk-label", "right (84)").is_displayed()
    assert find(browser, ".bk-label", "wrong (6)").is_displayed()
    assert not find(browser, ".bk-label", "a (30)").is_displayed()
    assert browser.get_log("browser") == []


def test_the_legend_hides_a_class(open_map, image_map):
    browser = open_map(image_map)
    label = find(browser, ".bk-label", "b (30)")
    assert shown_renderers(browser) == ["a", "b", "c", "right", "wrong"]
    label.click()
    assert shown_renderers(browser) == ["a", "c", "right", "wrong"]


def test_names_are_text_and_never_run(open_map, image_map):
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    table = image_map.images.table
    labels = tuple(hostile if label == "a" else label for label in table.labels)
    paths = (Path(hostile.replace("/", "\\")), Path("\udcff.jpg"), *table.paths[2:])
    images = replace(
        image_map.images,
        table=replace(table, paths=paths, labels=labels, classes=("b", "c", hostile)),
    )
    browser = open_map(replace(image_map, images=images))
    assert find(browser, ".bk-label", hostile).text == f"{hostile} (30)"
    assert browser.execute_script(SOURCE + "return data.name[1].charCodeAt(0);") == 0xDCFF


def test_only_its_own_scripts_may_run(open_map, image_map):
    page = render_map(image_map)
    policy = page.partition("Content-Security-Policy")[2].partition(">")[0]
    assert policy.count("'sha256-") == page.count("<script>") == 2
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy
    browser = open_map(image_map)
    blocked = browser.execute_async_script(
        "const done = arguments[0], script = document.createElement('script');"
        "document.addEventListener('securitypolicyviolation', event => done(event.blockedURI));"
        "script.textContent = 'document.title = 1'; document.body.append(script);"
    )
    assert (blocked, browser.title) == ("inline", "t-SNE of cnn")


def test_the_same_map_gives_the_same_page(image_map):
    assert render_map(image_map) == render_map(image_map)


def test_without_an_error_the_legend_names_none(open_map, image_map):
    images = replace(image_map.images, predicted=image_map.images.table.labels)
    browser = open_map(replace(image_map, images=images))
    find(browser, ".bk-tab", "Colour by error").click()
    assert find(browser, ".bk-label", "right (90)").is_displayed()
    assert shown_renderers(browser) == ["a", "b", "c", "right"]


def test_every_marker_of_the_figures_has_one_of_bokehs():
    assert tuple(BOKEH_MARKERS) == MARKERS


def test_without_bokeh_a_sentence_says_what_to_install(monkeypatch, image_map):
    monkeypatch.setitem(sys.modules, "bokeh.embed", None)
    with pytest.raises(ExtraError, match=r'^this needs bokeh.embed, .* "trifuse\[studies\]"$'):
        render_map(image_map)
