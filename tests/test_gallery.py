"""The page of the encodings: its figures can be drawn, its numbers and its code hold."""

import re
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.features.cells import CellGrid
from trifuse.features.grid import PatchGrid

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "benchmarks" / "gallery"
FIGURES = ROOT / "docs" / "figures"
PAGE = (ROOT / "docs" / "encodings.md").read_text(encoding="utf-8")
NAMED = re.findall(r"\]\(figures/(\w+)\.png\)", PAGE)
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Products this small only lose time to threads, most of all beside other tests."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def gallery():
    """The command's module; its neighbours are importable by name, as `python FOLDER` has it."""
    pytest.importorskip("matplotlib")
    spec = spec_from_file_location("gallery", SCRIPTS / "__main__.py")
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(SCRIPTS)
        spec.loader.exec_module(module)
        yield module
    for path in SCRIPTS.glob("[a-z]*.py"):
        del sys.modules[path.stem]


def draw(gallery, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gallery", *map(str, arguments)])
    gallery.main()


@pytest.fixture(scope="module")
def drawn(gallery, tmp_path_factory):
    """The folder of all figures, drawn small, and what was printed."""
    folder = tmp_path_factory.mktemp("figures")
    printed = []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("builtins.print", printed.append)
        draw(gallery, monkeypatch, "--output", folder, "--dpi", 50)
    return folder, "\n".join(printed)


def read(path):
    """Read a figure whole; grey, (rows, columns)."""
    assert path.read_bytes().startswith(PNG)
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def check_picture(pixels):
    """A figure is wider than high, on white paper, and neither blank nor all ink."""
    rows, columns = pixels.shape
    assert 0.2 < rows / columns < 0.7
    assert (pixels[0] == 255).mean() > 0.5
    assert 0.02 < (pixels < 250).mean() < 0.9
    assert len(np.unique(pixels)) > 30


def numbers(table):
    """The numbers of the table of normalisations, by encoding and normalisation."""
    rows = re.findall(r"^\| ([A-Z]\w+[^|]*) \| ([a-z_, ]+) \| (\d.*) \|$", table, re.MULTILINE)
    return {row[:2]: [float(number) for number in row[2].split(" | ")] for row in rows}


def test_every_figure_is_drawn(drawn):
    folder, _ = drawn
    assert sorted(path.stem for path in folder.iterdir()) == sorted(NAMED)
    for path in folder.iterdir():
        pixels = read(path)
        assert pixels.shape[1] == 350
        check_picture(pixels)


@pytest.mark.parametrize("name", NAMED)
def test_the_committed_figures_are_whole_and_small(name):
    path = FIGURES / f"{name}.png"
    assert path.stat().st_size < 300_000
    pixels = read(path)
    assert 1000 < pixels.shape[1] < 2000
    check_picture(pixels)


def test_every_figure_is_shown_once():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    shown = re.findall(r"\]\(figures/([\w-]+)\.png\)", pages)
    assert sorted(shown) == sorted(path.stem for path in FIGURES.iterdir())


def test_the_page_shows_the_printed_table(drawn):
    shown, printed = numbers(PAGE), numbers(drawn[1])
    assert shown.keys() == printed.keys()
    assert len(shown) == 6
    for key, row in shown.items():  # k-means and mixtures differ a little between machines
        np.testing.assert_allclose(row, printed[key], rtol=0.15, atol=0.02)


def test_the_page_links_to_files_that_exist():
    targets = [part.split(")")[0] for part in PAGE.split("](")[1:]]
    local = [target for target in targets if not target.startswith(("http", "#"))]
    assert [name for name in local if not (ROOT / "docs" / name).exists()] == []


def test_pictures_of_ones_own(gallery, drawn, pictures, tmp_path, monkeypatch):
    chosen = ("descriptor", "codebook")
    monkeypatch.setattr(gallery, "FIGURES", {name: gallery.FIGURES[name] for name in chosen})
    monkeypatch.setattr("material.compute_pictures", None)  # nothing else is needed
    for folder in ("once", "again"):
        options = ["--image", pictures[0], "--codebook", *pictures[1:5]]
        draw(gallery, monkeypatch, "--output", tmp_path / folder, "--dpi", 50, *options)
    for name in chosen:
        once, again = (tmp_path / folder / f"{name}.png" for folder in ("once", "again"))
        assert once.read_bytes() == again.read_bytes()
        check_picture(read(once))
        assert once.read_bytes() != (drawn[0] / f"{name}.png").read_bytes()


def test_a_picture_that_is_too_narrow_is_told(gallery, pictures, tmp_path, monkeypatch, capsys):
    path = tmp_path / "narrow.png"
    cv2.imwrite(str(path), np.zeros((90, 500, 3), np.uint8))  # shrunk, it is 54 pixels high
    with pytest.raises(SystemExit):
        draw(gallery, monkeypatch, "--output", tmp_path, "--image", path, "--codebook", *pictures)
    assert "narrow.png is too narrow: 64 of 300 pixels at least" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--image", "none.png"], ["--codebook", "none.png"]])
def test_an_unreadable_picture_is_told(gallery, arguments, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_:
        draw(gallery, monkeypatch, "--output", tmp_path / "new", *arguments)
    assert exit_.value.code == 2
    assert "cannot read none.png: there is no such file" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("bin_size", [4, 7])
@pytest.mark.parametrize("window", ["flat", "gauss"])
@pytest.mark.usefixtures("gallery")
def test_the_weights_shown_are_those_of_the_cells(bin_size, window):
    windows = import_module("windows")
    side = 5 * bin_size - 1
    bounds = (bin_size - 1, bin_size - 1, side - 1, side - 1)
    cells = CellGrid(
        PatchGrid((side, side), 100, bin_size, bounds), 2.0 if window == "gauss" else None
    )
    plane = np.random.default_rng(0).random((1, side, side), dtype=np.float32)
    out = np.empty((1, 16), dtype=np.float32)
    cells.gather(cells.sample(plane, 0), 0, out)
    if window == "flat":
        means = windows.window(bin_size, 2.0).mean(axis=1)
        out *= np.outer(means, means).ravel()
    weights = windows.cell_weights(bin_size, window)
    np.testing.assert_allclose(out[0], (weights @ plane[0] @ weights.T).ravel(), rtol=1e-5)


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    """It runs in one namespace, on a small archive under the name that the page uses."""
    write_synthetic_archive(tmp_path / "HAM10000", images_per_class=2, size=(34, 40))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS:
        exec(compile(block, "docs/encodings.md", "exec"), names)
    assert len(BLOCKS) == 5
    assert names["vectors"].shape == (14, 5 * 16 * 32)
    assert names["fisher_vectors"].shape == (14, 2 * 8 * 128)
    assert names["fisher_vector"].shape == (2 * 8 * 128,)
    assert names["model"][:-1].transform(names["paths"]).shape == (14, 16_384)
