"""Processes of their own: what they tell, on one thread, and what becomes of their errors."""

import importlib
import os
import re

import pytest

from trifuse.features.images import ImageError
from trifuse.training.networks.children import run_children
from trifuse.training.parallel import ProcessError

pytestmark = pytest.mark.slow

WORK = """
import os, signal, time
from trifuse.features.images import ImageError
from trifuse.training.networks.children import ONE_THREAD

def obey(task, tell):
    tell(os.getpid())
    if task == "image":
        raise ImageError("cannot read a.jpg: it is none")
    if task == "bug":
        raise RuntimeError("a fault")
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "wait":
        time.sleep(600)
    tell((os.getcwd(), [os.environ[name] for name in ONE_THREAD]))
"""


@pytest.fixture
def obey(tmp_path, monkeypatch):
    """A function of a module that children find, too."""
    (tmp_path / "child_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("child_work").obey


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_task_has_a_process_here_and_on_one_thread(obey, tmp_path):
    told = [[], [], []]
    for number, message in run_children(obey, ["", "", ""], 2):
        told[number].append(message)
    pids, places = zip(*told, strict=True)
    assert len({*pids, os.getpid()}) == 4
    assert set(map(str, places)) == {str((str(tmp_path), ["1", "1", "1"]))}


@pytest.mark.parametrize(
    ("task", "error", "sentence"),
    [
        ("image", ImageError, "cannot read a.jpg: it is none"),
        ("bug", ProcessError, "A process that trained a network failed; what it said stands above"),
        ("kill", ProcessError, "A process that trained a network was ended by signal 9, most lik"),
    ],
)
def test_an_error_ends_all(obey, task, error, sentence, capfd):
    pids = []
    with pytest.raises(error, match=f"^{re.escape(sentence)}"):
        pids.extend(told for _, told in run_children(obey, ["wait", task], 2))
    assert [pid for pid in pids if is_running(pid)] == []
    assert ("RuntimeError: a fault" in capfd.readouterr().err) == (task == "bug")


def test_who_stops_listening_stops_them(obey):
    told = run_children(obey, ["wait"], 1)
    _, pid = next(told)
    assert is_running(pid)
    told.close()
    assert not is_running(pid)
