"""What is missing of the optional libraries is told before long work."""

import sys

import pytest

from trifuse.studies.extra import ExtraError, require_modules


def test_what_is_there_is_no_matter():
    require_modules("studies", "json", "jinja2")


def test_the_first_missing_one_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(
        ExtraError, match=r'^this needs bokeh, .*; run: pip install "trifuse\[x\]"$'
    ):
        require_modules("x", "json", "bokeh", "no_such_module")
