"""Methods are found by the files of their folder."""

import sys

import pytest

from trifuse.recipes.registry import blocks, descriptors, discover, encodings, encodings_by_stream

FILE = "from types import SimpleNamespace\nMETHOD = SimpleNamespace(name={!r}, factor={})\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "methods_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "b.py").write_text(FILE.format("second", 2))
    (folder / "a.py").write_text(FILE.format("first", 1))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]
    discover.cache_clear()


def test_each_file_is_a_method(package):
    methods = discover(package)
    assert [(name, method.factor) for name, method in methods.items()] == [
        ("first", 1),
        ("second", 2),
    ]
    assert discover(package) is methods


def test_a_file_without_a_method_is_a_fault(package, tmp_path):
    (tmp_path / package / "c.py").write_text("")
    with pytest.raises(AttributeError, match="METHOD"):
        discover(package)


def test_blocks_are_streams_in_encodings_and_embeddings():
    pairs = {(block.stream, block.encoding) for block in blocks().values()}
    embeddings = {(name, None) for name, one in descriptors().items() if one.embedding}
    assert pairs == embeddings | {(one, other) for one in descriptors() for other in encodings()}
    assert len(pairs) == len(blocks())


def test_streams_are_found_in_the_blocks_table():
    names = ["cnn_fisher", "sift_vlad", "cnn", "sift_fisher", "color_vlad"]
    assert encodings_by_stream(names) == {
        "cnn": {"fisher": "cnn_fisher"},
        "sift": {"vlad": "sift_vlad", "fisher": "sift_fisher"},
        "color": {"vlad": "color_vlad"},
    }
    assert encodings_by_stream(["cnn"]) == {}
    with pytest.raises(KeyError):
        encodings_by_stream(["sift"])
