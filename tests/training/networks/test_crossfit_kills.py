"""A training with networks that is stopped goes on, and ends in the bytes of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trifuse.classifiers.model_file import load_model, read_about

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

NETWORKS = """
[networks]
per_fold = 1
[networks.network]
side = 32
frozen = "norm_1"
[networks.schedule]
epochs = 2
images_per_epoch = 12
batch = 4
stored = true
[networks.export]
rows = 32
columns = 40
views = 2
"""
TRIFUSE = Path(sys.executable).parent / "trifuse"
LONG = 300
"""Seconds in which something must happen, however busy the machine."""


@pytest.fixture
def start(archive, recipe_file, few_layers_folder, tmp_path, monkeypatch):
    """Start `trifuse train` in a process group of its own; networks have few layers."""
    path = os.pathsep.join(filter(None, [str(few_layers_folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONPATH", path)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe_file.read_text() + NETWORKS)

    def run(output, *options):
        command = [TRIFUSE, "train", archive, "-o", output, "--recipe", recipe, *options]
        return subprocess.Popen(
            list(map(str, command)),
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return run


def stop_when(path, process, stop):
    """Stop the command when there is a file; its children must end with it. Gives its last line."""
    began = time.monotonic()
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - began < LONG
        time.sleep(0.01)
    process.send_signal(stop)  # the command alone
    _, err = process.communicate(timeout=LONG)  # waits for all who hold its stderr
    return process.returncode, err.splitlines()[-1]


def test_stopped_twice(start, tmp_path):
    whole, stopped = tmp_path / "whole.trifuse", tmp_path / "stopped.trifuse"
    out, err = (process := start(whole, "-j", "2")).communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert " network " in out
    assert "fine-tuning 2 networks" in err

    work, command = Path(f"{stopped}.work"), (stopped, "-j", "1", "--keep-work")
    first, second = (work / f"network-{number}.checkpoint.npz" for number in (1, 2))
    code, _ = stop_when(first, start(*command), signal.SIGKILL)
    assert code == -signal.SIGKILL
    code, last = stop_when(second, start(*command), signal.SIGINT)
    assert (code, last) == (130, "Interrupted; the same command goes on with what is done.")
    assert (work / "network-1.tflite").exists()
    assert not stopped.exists()
    _, err = (process := start(*command)).communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert "fine-tuning 1 network (" in err
    assert stopped.read_bytes() == whole.read_bytes()
    assert list(tmp_path.glob("*.work")) == [work]  # which was to be kept
    assert len(load_model(whole).networks) == 1  # which is the mean of all
    training = read_about(whole)["training"]
    assert training["held_out"][0] == training["images"] == 56
    assert [network["backbone"] for network in training["networks"]] == ["efficientnet-lite0"] * 2
