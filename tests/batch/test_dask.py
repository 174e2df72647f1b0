"""A real Dask cluster on loopback: a scheduler, two workers, one of them killed midway."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra trifuse[dask] is not installed")

TRIFUSE = Path(sys.executable).with_name("trifuse")


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and its two workers, each with one thread."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    log = (tmp_path / "dask.log").open("wb")
    quiet = {"stdout": log, "stderr": log, "cwd": tmp_path}
    dask = [sys.executable, "-m", "distributed.cli"]
    scheduler = subprocess.Popen(
        [f"{dask[0]}", "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
         "--port", str(port), "--no-dashboard"],
        **quiet,
    )  # fmt: skip
    workers = [
        subprocess.Popen(
            [dask[0], "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
             "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / f"worker{n}")],
            **quiet,
        )
        for n in range(2)
    ]  # fmt: skip
    yield address, workers
    for process in (*workers, scheduler):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
    log.close()


def start(arguments, *options):
    return subprocess.Popen(
        [TRIFUSE, "predict", *arguments, "-m", "m.trifuse", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err.decode()


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing came")


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(cluster, here, archive):
    address, workers = cluster
    inputs = [f"{archive}/images"] * 12
    dask = start(inputs, "-o", "dask.csv", "--backend", "dask", "--scheduler", address)
    local = start(inputs, "-o", "local.csv", "-j", "1")
    journal = Path("dask.csv.journal")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"inputs"') > 2)
    assert len(list(here.glob("worker*/dask-scratch-space/worker-*/*.trifuse"))) == 2
    workers[0].send_signal(signal.SIGKILL)
    assert finish(dask) == (0, b"", "")
    assert finish(local) == (0, b"", "")
    assert Path("dask.csv").read_bytes() == Path("local.csv").read_bytes()
    assert Path("dask.csv").read_bytes().count(b"\n") == 56 * 12 + 1
    # The worker that lives is left as it was: no model file, no process.
    assert not list(here.glob("worker1/dask-scratch-space/worker-*/*.trifuse"))
    children = Path(f"/proc/{workers[1].pid}/task/{workers[1].pid}/children")
    if children.exists():
        wait_for(lambda: not _scoring(children.read_text().split()))


def _scoring(children):
    commands = []
    for child in children:
        with contextlib.suppress(OSError):
            commands.append(Path(f"/proc/{child}/cmdline").read_bytes())
    return [command for command in commands if b"trifuse.batch.workers.main" in command]


def test_a_scheduler_that_dies_leaves_a_run_to_resume(cluster, here, archive):
    address, _ = cluster
    inputs = [f"{archive}/images"] * 6
    options = ("-o", "o.csv", "--resume")
    dask = start(inputs, *options, "--backend", "dask", "--scheduler", address)
    journal = Path("o.csv.journal")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"inputs"') > 1)
    dask.send_signal(signal.SIGTERM)
    code, _, err = finish(dask)
    assert code == 143
    assert "go on with the same command and --resume" in err
    assert finish(start(inputs, *options, "-j", "1")) == (0, b"", "")
    assert finish(start(inputs, "-o", "local.csv", "-j", "1"))[0] == 0
    assert Path("o.csv").read_bytes() == Path("local.csv").read_bytes()


def test_no_scheduler(here, monkeypatch):
    from trifuse.batch.workers import dask_pool
    from trifuse.batch.workers.settings import WorkerSettings
    from trifuse.batch.workers.supervisor import WorkerError

    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 0.3)
    message = r"^The Dask scheduler tcp://127\.0\.0\.1:9 does not answer or has no workers\.$"
    with pytest.raises(WorkerError, match=message):
        dask_pool.DaskPool("tcp://127.0.0.1:9", WorkerSettings("m.trifuse", "0"))


def test_dask_is_an_extra(trifuse, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "trifuse.batch.workers.dask_pool", raising=False)
    options = ("--backend", "dask", "--scheduler", "tcp://127.0.0.1:9", "-o", "o.csv")
    result = trifuse("predict", "a.jpg", "-m", "m.trifuse", *options)
    assert (result.code, result.err) == (
        1,
        "Error: --backend dask needs the library distributed; run pip install 'trifuse[dask]'.\n",
    )
    assert not list(here.glob("o.csv*"))
