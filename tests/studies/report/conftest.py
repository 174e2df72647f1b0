"""Nights of drawn rows, and their pages in a browser."""

import cv2
import numpy as np
import pytest

from trifuse.classifiers.reasons import LOW_QUALITY, UNCERTAIN, UNFAMILIAR
from trifuse.studies.night import Night
from trifuse.studies.report.night_page import render_night
from trifuse.studies.report.night_summary import Manifest

CLASSES = ("df", "mel", "nv", "vasc")


@pytest.fixture(scope="session")
def make_night():
    """Make a night; each row is (image, {class: probability}, set, reasons, message, alert)."""

    def make(rows, classes=CLASSES):
        labels, probabilities = np.full((len(rows), 3), -1), np.full((len(rows), 3), np.nan)
        for place, (_, scores, *_) in enumerate(rows):
            for rank, (name, value) in enumerate(list(scores.items())[:3]):
                labels[place, rank], probabilities[place, rank] = classes.index(name), value
        return Night(
            tuple(classes),
            tuple(row[0] for row in rows),
            labels,
            probabilities,
            tuple(tuple(map(classes.index, row[2])) for row in rows),
            tuple(row[3] for row in rows),
            tuple(row[4] for row in rows),
            tuple((*row, None)[5] for row in rows),
        )

    return make


@pytest.fixture(scope="session")
def night(make_night):
    """Eight images: one that was not read, four with reasons, three without."""
    return make_night(
        [
            ("w/sure.jpg", {"nv": 0.98, "mel": 0.01, "df": 0.01}, ("nv",), (), ""),
            ("w/cat.jpg", {"mel": 0.6, "nv": 0.3, "df": 0.1}, ("mel", "nv"), (UNFAMILIAR,), ""),
            ("w/broken.jpg", {}, (), (), "cannot read the image: it is empty"),
            ("w/half.jpg", {"mel": 0.5, "nv": 0.4, "df": 0.1}, ("mel", "nv"), (), ""),
            ("w/many.jpg", {"df": 0.3, "nv": 0.3, "mel": 0.3}, CLASSES, (UNCERTAIN,), ""),
            ("w/dark.jpg", {"nv": 0.9, "mel": 0.1}, ("nv",), (LOW_QUALITY,), "too dark"),
            ("w/dog.jpg", {"vasc": 0.9, "nv": 0.1}, ("vasc",), (UNFAMILIAR, LOW_QUALITY), "small"),
            ("w/fair.jpg", {"nv": 0.8, "mel": 0.2}, ("nv",), (), ""),
        ]
    )


ORDER = ["broken", "cat", "dog", "many", "dark", "half", "fair", "sure"]
"""How a person should look at them."""


@pytest.fixture(scope="session")
def picture():
    """The bytes of a JPEG of 40 x 30 pixels."""
    return cv2.imencode(".jpg", np.full((30, 40, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture
def open_night(read_page, tmp_path):
    """Write the page of a night and open it; what was decided is this test's own."""

    def write_and_open(night, manifest=None, pictures=None, evidence=None, **options):
        path = tmp_path / "night.html"
        source = ("predictions.csv", str(tmp_path))
        page = render_night(
            night, Manifest(manifest or {}), source, pictures or {}, evidence or {}, **options
        )
        path.write_text(page, encoding="utf-8")
        return read_page(path)

    return write_and_open


@pytest.fixture
def names():
    """Give the names in sight in the list, in its order."""

    def read(browser):
        return browser.execute_script(
            "return [...document.querySelectorAll('.row .name')].map(one => one.textContent)"
        )

    return read


@pytest.fixture
def corrections():
    """Give corrections.csv as the page would save it."""

    def read(browser):
        codes = browser.execute_async_script(
            "const done = arguments[0];"
            "bench.corrections.write().arrayBuffer().then(one => done([...new Uint8Array(one)]));"
        )
        return bytes(codes)

    return read
