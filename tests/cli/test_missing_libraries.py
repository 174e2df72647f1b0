"""A library that cannot be loaded: one sentence with its remedy, before any work."""

import sys
from pathlib import Path

import pytest

from trifuse.cli.main import COMMANDS

GL = "libGL.so.1: cannot open shared object file: No such file or directory"
GOMP = GL.replace("GL", "gomp")
ARGUMENTS = {
    "train": "train archive -o n.trifuse",
    "predict": "predict a.jpg -m m.trifuse -o -",
    "report": "report p.csv -o night.html",
    "package": "package m.trifuse --name tiny -o packaged",
    "demo": "demo",
    "duplicates": "duplicates archive -o pairs.csv",
    "finetune": "finetune archive -o tuned",
    "compare": "compare archive -o compared",
    "tune": "tune archive -o tuned",
    "project": "project archive -m m.trifuse -o map.png",
    "explain": "explain a.jpg -m m.trifuse -o explained",
}


@pytest.fixture
def without(here, tmp_path):
    """Give the environment of a machine on which one library cannot be loaded."""

    def make(module, message):
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / f"{module}.py").write_text(f"raise ImportError({message!r}, name={module!r})")
        return {"PYTHONPATH": str(broken)}

    return make


@pytest.mark.parametrize("command", ARGUMENTS)
def test_opencv_without_its_libraries(shell, here, without, command):
    result = shell(f"trifuse {ARGUMENTS[command]}", here, **without("cv2", GL))
    sentences = result.stderr.decode().splitlines()
    assert result.returncode == 1
    assert len(sentences) == 1
    assert sentences[0].startswith("Error: The library libGL.so.1 of the system is missing; run")
    assert "apt-get install libgl1" in sentences[0]
    assert "opencv-contrib-python-headless" in sentences[0]
    assert not (here / "n.trifuse").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="makes a broken library as Linux names them")
@pytest.mark.parametrize("command", ["train", "demo", "compare", "tune"])
def test_lightgbm_without_openmp(shell, here, archive, tmp_path, command):
    package = tmp_path / "broken" / "lightgbm"
    (package / "lib").mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise OSError({GOMP!r})")
    (package / "lib" / "lib_lightgbm.so").write_bytes(b"no library")
    (here / "archive").symlink_to(archive)
    line = f"trifuse {ARGUMENTS[command]}"
    result = shell(line, here, PYTHONPATH=str(package.parent))
    assert result.returncode == 1
    assert result.stderr.decode().startswith("Error: LightGBM cannot be loaded: ")
    assert result.stderr.count(b"\n") == 1
    assert not Path(here, "demo").exists()


def test_all_commands_that_need_opencv_are_tried():
    others = {"evaluate", "agreement", "info", "models", "backbones", "merge", "split"}
    assert set(COMMANDS) - set(ARGUMENTS) <= others
