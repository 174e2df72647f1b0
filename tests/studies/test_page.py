"""Pages escape what they are given, and are whole by themselves."""

import base64
import sys

import cv2
import numpy as np
import pytest

from trifuse.features.libraries import ExtraError
from trifuse.studies.page import _environment, picture_uri, render_page, thumbnail_uri


def test_what_is_filled_in_is_escaped():
    page = render_page("base.html", title="<script>alert(1)</script>")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_forbids_the_network(read_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(render_page("base.html", title="A & B"), encoding="utf-8")
    browser = read_page(path)
    assert browser.title == "A & B"
    assert browser.find_element("tag name", "h1").text == "A & B"
    blocked = browser.execute_async_script(
        "const done = arguments[0], image = new Image();"
        "document.addEventListener('securitypolicyviolation', event => done(event.blockedURI));"
        "image.src = 'http://192.0.2.1/x.png'; document.body.append(image);"
    )
    assert blocked.startswith("http://192.0.2.1")


@pytest.mark.parametrize("shape", [(40, 80, 3), (300, 90, 3), (5, 5, 3)])
def test_a_thumbnail_is_the_image_made_small(shape):
    image = np.full(shape, (200, 30, 90), dtype=np.uint8)
    uri = thumbnail_uri(image, 40)
    start, _, content = uri.partition(",")
    assert start == "data:image/jpeg;base64"
    small = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)
    assert max(small.shape) == min(40, max(shape))
    assert np.abs(small[..., ::-1].astype(int) - image[0, 0]).max() < 8


def test_a_picture_keeps_its_bytes():
    assert base64.b64decode(picture_uri(b"\x00\xff").partition(",")[2]) == b"\x00\xff"


def test_without_jinja_a_sentence_says_what_to_install(monkeypatch):
    _environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(
        ExtraError, match=r'^this needs jinja2, .* pip install "trifuse\[studies\]"$'
    ):
        render_page("base.html", title="")
