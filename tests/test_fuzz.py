"""A small run of the fuzzer finds nothing, and what is planted it finds, case by case."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "fuzz.py"

PLANT = """
import os, signal, time
from trifuse.features import images

def plant(content, **_):
    {fault}

images.read_image = plant
"""
FAULTS = {
    "raises": ("raise KeyError('planted')", "KeyError: 'planted'"),
    "dies": ("os.kill(os.getpid(), signal.SIGSEGV)", "its process ended with code -11"),
    "ends": ("os._exit(3)", "its process ended with code 3"),
    "hangs": ("time.sleep(60)", "it took longer than 0.5 s"),
    "gives nonsense": ("import numpy; return numpy.zeros((2, 2, 4))", "AssertionError"),
}


@pytest.fixture
def fuzz(model_file):
    """Run the script; gives its exit code, its lines, and the rows of its table by kind."""

    def run(*arguments, **environment):
        command = [sys.executable, SCRIPT, "--model", model_file, *arguments]
        ran = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert ran.returncode in {0, 1}, ran.stderr
        assert "Traceback" not in ran.stderr, ran.stderr
        lines = ran.stdout.splitlines()
        table = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
        return ran.returncode, lines, {row[0]: row[1:] for row in table[2:]}

    return run


def test_a_small_run_finds_nothing(fuzz):
    code, lines, table = fuzz("--cases", "400", "--scored", "30")
    assert [line for line in lines if line.startswith("FINDING")] == []
    assert code == 0
    for cases, accepted, refused, contained, findings, peak, _ in table.values():
        assert (contained, findings) == ("0", "0")
        assert int(cases) == int(accepted) + int(refused)
        assert 20 < int(peak) < 4096
    assert len(table) == 13  # this model has no network
    assert sum(int(row[2]) for row in table.values()) > 100
    assert sum(int(row[1]) for row in table.values()) > 50
    assert re.match(r"trifuse predict: 30 images, 3\d rows, \d+ of errors, exit code 3,", lines[-1])


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_planted_is_found(fuzz, tmp_path, fault):
    code, text = FAULTS[fault]
    (tmp_path / "sitecustomize.py").write_text(PLANT.format(fault=code))
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    options = ["--kinds", "bmp", "--cases", "3", "--first", "7", "--seconds", "0.5"]
    options += ["--scored", "6" if fault == "raises" else "0"]
    code, lines, table = fuzz(*options, PYTHONPATH=path)
    assert code == 1
    assert table["bmp"][:5] == ["3", "0", "0", "0", "3"]
    found = sorted(line for line in lines if line.startswith("FINDING bmp"))
    assert [line.split()[1] for line in found] == ["bmp:7", "bmp:8", "bmp:9"]
    assert all(text in line for line in found)
    if fault == "raises":
        reason = "cannot score the image: trifuse failed at it (KeyError); please report"
        assert f"FINDING predict jpeg:12 {reason}" in lines


def test_a_case_is_always_the_same_bytes(fuzz, tmp_path):
    contents = []
    for name in ("one", "two"):
        options = ["--case", "png:5", "--write", tmp_path / name]
        code, _, table = fuzz(*options)
        assert (code, table["png"][0]) == (0, "1")
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert contents[0][:4] == b"\x89PNG"
