"""The command line in a shell: pipes, full disks, interrupts, and no network."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest


def test_find_and_head(shell, here, pictures):
    many = "for i in $(seq 300); do echo a.jpg; done"
    found = shell("find . -name '*.jpg' | sort | trifuse predict - -m m.trifuse -o -", here)
    assert (found.returncode, found.stderr) == (0, b"")
    names = [line.split(b",")[0] for line in found.stdout.splitlines()]
    assert names == [b"image", b"./a.jpg", b"./b.jpg", b"./in/c.jpg"]
    for jobs in (1, 2):
        head = shell(f"({many}) | trifuse predict - -m m.trifuse -o - -j {jobs} | head -n 2", here)
        assert head.stderr == b""
        assert head.stdout.count(b"\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_stdout(shell, here):
    for line in ("trifuse predict a.jpg -m m.trifuse -o -", "trifuse info m.trifuse"):
        result = shell(f"{line} > /dev/full", here)
        assert result.returncode == 1
        assert result.stderr == b"Error: No space left on device.\n"


def test_a_full_disk(shell, here):
    # The limit would stop coverage's own file too, so this process is not measured.
    line = (
        "unset COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START; ulimit -f 1; "
        "yes a.jpg | head -n 40 | trifuse predict - -m m.trifuse -o o.csv -j 1"
    )
    result = shell(line, here)
    assert result.returncode == 1
    assert result.stderr == b"Error: o.csv cannot be written: File too large.\n"
    assert not list(here.glob("o.csv*"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt(here, jobs):
    command = [Path(sys.executable).with_name("trifuse"), "predict", "-", "-m", "m.trifuse"]
    process = subprocess.Popen(
        [*command, "-o", "-", "-j", str(jobs)], start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(b"a.jpg\n" * 200)  # and the list goes on
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"image,")
    assert process.stdout.readline().startswith(b"a.jpg,ok,")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.decode().strip() == "Interrupted."
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("worker processes outlived the command")


NO_NETWORK = """
import socket

def refuse(*_, **__):
    raise AssertionError("the network was used")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


@pytest.fixture
def offline(tmp_path_factory):
    """A folder for PYTHONPATH, in which Python finds the network forbidden."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    return str(folder)


def test_light_commands_import_nothing_heavy_and_need_no_network(shell, here, offline):
    code = textwrap.dedent("""
        import sys
        from trifuse.batch.cli import main
        try:
            main()
        except SystemExit as exit:
            assert not exit.code, exit.code
        heavy = "tensorflow", "keras", "sklearn", "lightgbm", "pandas", "scipy", "joblib"
        print([name for name in heavy if name in sys.modules], file=sys.stderr)
    """)
    Path("run.py").write_text(code)
    for arguments in ("predict a.jpg -m m.trifuse -o -", "info m.trifuse", "backbones", "--help"):
        result = shell(f"python run.py {arguments}", here, PYTHONPATH=offline)
        assert (result.returncode, result.stderr) == (0, b"[]\n")


def test_train_gives_the_same_bytes_with_more_jobs_and_without_a_network(
    shell, here, archive, recipe_file, model_file, offline
):
    line = f"trifuse train {archive} -o new.trifuse --recipe {recipe_file} --jobs 2"
    result = shell(line, here, PYTHONPATH=offline)
    assert result.returncode == 0
    assert result.stderr.decode().splitlines() == [
        "sampling descriptors: 56 images",
        "encoding images: 56 images",
        "fitting the ensemble: 56 images, 2 folds",
    ]
    assert result.stdout.decode().splitlines()[0].startswith("| member ")
    assert len(result.stdout.decode().splitlines()) == 5
    assert Path("new.trifuse").read_bytes() == model_file.read_bytes()
