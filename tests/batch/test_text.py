"""Names that are no text survive as bytes and as Unicode, and stay apart."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trifuse.batch.text import to_bytes, to_unicode
from trifuse.datasets.prediction_files import restore_text

ODD = st.text(st.sampled_from("\\udcf8x\udcff\ud800\udfffé"), max_size=12)


@given(st.binary())
def test_bytes_of_a_name_come_back(content):
    assert to_bytes(content.decode("utf-8", "surrogateescape")) == content


def test_half_a_pair_is_written_as_its_code_point():
    assert to_bytes("\ud800.jpg") == b"\xed\xa0\x80.jpg"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\udcff.jpg", r"\udcff.jpg"),
        (r"\udcff.jpg", r"\\udcff.jpg"),
        ("a\\\udcff", r"a\\\udcff"),
        (r"C:\new\a.jpg", r"C:\new\a.jpg"),
        (r"\ud7ff", r"\ud7ff"),
        ("é", "é"),
        ("\ud83d\ude00", r"\ud83d\ude00"),
    ],
)
def test_what_is_written(text, written):
    assert to_unicode(text) == written


@given(ODD | st.text())
@example("\\\udcff")
@example(r"\udcff")
def test_unicode_can_be_turned_back(text):
    written = to_unicode(text)
    assert written.encode().decode() == written
    assert restore_text(written) == text
    assert json.loads(json.dumps(written)) == written


@given(ODD, ODD)
def test_two_texts_stay_two(one, other):
    assert (to_unicode(one) == to_unicode(other)) == (one == other)
