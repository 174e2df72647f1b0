"""``trifuse backbones``: the table, its JSON, and the figure."""

import json
import re
from dataclasses import asdict

import pytest

from trifuse.features.backbones import BACKBONES

pytestmark = pytest.mark.slow

USAGE = "Usage: trifuse backbones [OPTIONS]\nTry 'trifuse backbones --help' for help.\n\n"


def test_the_table(trifuse):
    result = trifuse("backbones")
    assert (result.code, result.err) == (0, "")
    header, *lines = result.out.decode().splitlines()
    assert header.split() == [
        "name", "input", "embedding", "parameters", "MACs", "top-1", "weights",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines] == list(BACKBONES)
    assert lines[0].split("  ")[-1].strip() == BACKBONES["efficientnet-lite0"].weights_source
    assert re.match(r"\S+ +224 x 224 +1280 +3\.4 M +0\.38 G +75\.1 ", lines[0])


def test_the_json_holds_every_fact(trifuse):
    rows = json.loads(trifuse("backbones", "--json").out)
    assert rows == [json.loads(json.dumps(asdict(row))) for row in BACKBONES.values()]
    assert (rows[0]["macs"], rows[0]["top1"]) == (383_907_552, 75.1)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_figure(trifuse, tmp_path, suffix):
    files = [tmp_path / f"{name}.{suffix}" for name in ("one", "other")]
    results = [trifuse("backbones", "--plot", file) for file in files]
    assert [(result.code, result.err) for result in results] == [(0, "")] * 2
    assert results[0].out == trifuse("backbones").out
    one, other = (file.read_bytes() for file in files)
    assert one == other
    assert len(one) > 10_000


def test_the_figure_beside_json(trifuse, tmp_path):
    result = trifuse("backbones", "--json", "--plot", tmp_path / "a.svg")
    assert len(json.loads(result.out)) == len(BACKBONES)
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("name", ["a.gif", "a", "a.PNG.txt"])
def test_a_figure_of_another_kind(trifuse, tmp_path, name):
    path = tmp_path / name
    result = trifuse("backbones", "--plot", path)
    assert (result.code, result.out) == (2, b"")
    assert result.err == (
        f"{USAGE}Error: Invalid value for '--plot': "
        f"a figure ends in .png, .pdf, .svg; {path} does not.\n"
    )
    assert not path.exists()


def test_a_figure_is_replaced_on_request(trifuse, tmp_path):
    path = tmp_path / "a.svg"
    path.write_text("old")
    result = trifuse("backbones", "--plot", path)
    assert (result.code, result.out) == (1, b"")
    assert result.err == (
        f"Error: {path} exists already; name another output, or say --overwrite to replace it.\n"
    )
    assert path.read_text() == "old"
    assert trifuse("backbones", "--plot", path, "--overwrite").code == 0
    assert path.read_text(encoding="utf-8").startswith("<?xml")


def test_a_folder_that_is_not_there(trifuse, tmp_path):
    path = tmp_path / "none" / "a.png"
    result = trifuse("backbones", "--plot", path)
    assert (result.code, result.out) == (1, b"")
    assert result.err == f"Error: {path} cannot be written: No such file or directory.\n"
