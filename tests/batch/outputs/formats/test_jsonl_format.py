"""The bytes of the JSON Lines."""

import json

import msgspec
import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.outputs.formats.jsonl_format import JsonlFormat
from trifuse.batch.outputs.rows import RowLayout

CLASSES = ("mel", "nv", "df")
FULL = RowLayout(CLASSES, 2, probabilities=True, extra=("site",))
ITEM = Item("in/é.jpg", columns=("left",))


def test_the_bytes_of_a_scored_image():
    record = Record((0.1, 0.7, 0.2), unfamiliar=True, flaws=("dark",), prediction_set=(1, 2, 0))
    assert JsonlFormat(FULL).row(ITEM, record).decode() == (
        '{"image":"in/é.jpg","status":"ok","labels":["nv","df"],"probabilities":[0.7,0.2],'
        '"class_probabilities":{"mel":0.1,"nv":0.7,"df":0.2},'
        '"review":["unfamiliar","uncertain","low-quality"],"prediction_set":["nv","df","mel"],'
        '"columns":{"site":"left"},"message":"dark"}\n'
    )


def test_the_bytes_of_an_error():
    assert JsonlFormat(FULL).row(ITEM, Record(None, "It is empty.")).decode() == (
        '{"image":"in/é.jpg","status":"error","labels":[],"probabilities":[],'
        '"class_probabilities":{"mel":null,"nv":null,"df":null},'
        '"review":[],"prediction_set":[],"columns":{"site":"left"},"message":"It is empty."}\n'
    )


def test_the_shortest_layout():
    to_jsonl = JsonlFormat(RowLayout(("a", "b"), 1))
    assert to_jsonl.header() == b""
    assert to_jsonl.row(Item("x"), Record((1.0, 1e-9))) == (
        b'{"image":"x","status":"ok","labels":["a"],"probabilities":[1.0],"review":[],'
        b'"prediction_set":[],"message":""}\n'
    )


def test_every_line_has_the_same_keys():
    to_jsonl = JsonlFormat(FULL)
    records = [Record((0.1, 0.7, 0.2)), Record(None, "gone")]
    keys = [list(json.loads(to_jsonl.row(ITEM, record))) for record in records]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("name", ["\udcff.jpg", "\ud800", r"\udcff.jpg", "a\nb\u2028c\x00", '"\\'])
def test_a_strict_parser_takes_any_name(name):
    to_jsonl = JsonlFormat(RowLayout((name, "b"), 1, True, extra=(name,)))
    record = Record((1.0, 0.0), prediction_set=(0,), flaws=(name,))
    line = to_jsonl.row(Item(name, columns=(name,)), record)
    assert line.index(b"\n") == len(line) - 1
    assert msgspec.json.decode(line, strict=True) == json.loads(line.decode("utf-8", "strict"))


def test_names_that_are_no_text_are_told_from_those_that_look_so():
    to_jsonl = JsonlFormat(RowLayout(("a", "b"), 1))
    rows = [to_jsonl.row(Item(name), Record(None, "")) for name in ("\udcff", r"\udcff")]
    assert [json.loads(row)["image"] for row in rows] == [r"\udcff", r"\\udcff"]


def test_a_carried_column_may_have_any_name_but_only_once():
    JsonlFormat(RowLayout(("a", "b"), 1, extra=("image", "message")))
    with pytest.raises(FormatError, match="Two columns of the output would be named 'site'"):
        JsonlFormat(RowLayout(("a", "b"), 1, extra=("site", "age", "site")))
