"""What is told of stages on stderr."""

import re
import sys
import time

import pytest

from trifuse.cli.say import show_stages
from trifuse.features import stages
from trifuse.features.stages import say_where, stage
from trifuse.training.parallel import map_images


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(stages, "LINE_SECONDS", 0.1)
    monkeypatch.setattr(stages, "LONG_SECONDS", 0.05)
    show_stages()
    show_stages()  # which changes nothing


def wait(capfd, pattern):
    """Wait for a line; gives all that was written until then."""
    text, end = "", time.monotonic() + 20
    while not re.search(pattern, text):
        assert time.monotonic() < end, text
        time.sleep(0.02)
        text += capfd.readouterr().err
    return text


def test_a_stage_that_takes_long(shown, capfd):
    with stage("fitting the codebooks: sift, color"):
        assert wait(capfd, "so far").splitlines()[:2] == [
            "fitting the codebooks: sift, color",
            "fitting the codebooks: 0 s so far",
        ]
        say_where("color, 2 of 2")
        wait(capfd, r"\nfitting the codebooks: color, 2 of 2, \d+ s so far\n")
    assert wait(capfd, "done").endswith("s\n")
    time.sleep(0.3)
    assert capfd.readouterr().err == ""


def test_the_next_stage_does_not_begin_where_the_last_was(shown, capfd):
    with stage("one"):
        say_where("the end")
    with stage("two"):
        assert "the end" not in wait(capfd, r"two: \d+ s so far")


def test_a_terminal_gets_no_line_a_minute(shown, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with stage("fitting"):
        time.sleep(0.4)
    assert re.fullmatch(r"fitting\nfitting: done in \d+ s\n", capfd.readouterr().err)


@pytest.mark.parametrize("jobs", [1, 2])
def test_passes_over_images_say_how_far_they_are(shown, capfd, jobs):
    results = map_images(abs, list(range(40)), "encoding images", jobs)
    next(results)
    next(results)
    wait(capfd, r"^encoding images: 40 images\n(.*\n)*encoding images: 2 of 40 images, .* left, ")
    assert list(results) == list(range(2, 40))
    assert re.search(r"^encoding images: done in \d+ s$", capfd.readouterr().err, re.MULTILINE)
