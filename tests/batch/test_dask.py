"""A real Dask cluster on loopback: a scheduler, two workers, one of them killed midway."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("distributed", reason="the extra trifuse[dask] is not installed")

TRIFUSE = Path(sys.executable).with_name("trifuse")


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each with one thread; `add_worker` starts another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    log = (tmp_path / "dask.log").open("wb")

    def run(kind, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"],
            stdout=log, stderr=log, cwd=tmp_path,
        )  # fmt: skip

    def add_worker():
        folder = tmp_path / f"worker{len(workers)}"
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        workers.append(run("worker", address, *options))

    scheduler, workers = run("scheduler", "--host", "127.0.0.1", "--port", str(port)), []
    add_worker()
    add_worker()
    yield SimpleNamespace(
        address=address, scheduler=scheduler, workers=workers, add_worker=add_worker
    )
    for process in (*workers, scheduler):
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
    inputs = [f"{archive}/images"] * 12
    dask = start(inputs, "-o", "dask.csv", "--backend", "dask", "--scheduler", cluster.address)
    journal = Path("dask.csv.journal")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"inputs"') > 2)
    assert len(models(here)) == 2
    cluster.workers[0].send_signal(signal.SIGKILL)
    cluster.add_worker()
    wait_for(lambda: models(here, 2) or dask.poll() is not None)  # it gets the model too
    assert dask.poll() is None
    assert finish(dask) == (0, b"", "")
    assert finish(start(inputs, "-o", "local.csv", "-j", "1")) == (0, b"", "")
    assert Path("dask.csv").read_bytes() == Path("local.csv").read_bytes()
    assert Path("dask.csv").read_bytes().count(b"\n") == 56 * 12 + 1
    # The workers that live are left as they were: no model file, no process.
    assert models(here, 1) == models(here, 2) == []
    for worker in cluster.workers[1:]:
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        if children.exists():
            wait_for(lambda children=children: not _scoring(children.read_text().split()))


def models(folder, worker="*"):
    """The model files that the workers of a job have."""
    return list(folder.glob(f"worker{worker}/dask-scratch-space/worker-*/*.trifuse"))


def _scoring(children):
    commands = []
    for child in children:
        with contextlib.suppress(OSError):
            commands.append(Path(f"/proc/{child}/cmdline").read_bytes())
    return [command for command in commands if b"trifuse.batch.workers.main" in command]


@pytest.mark.parametrize(("victim", "expected"), [("command", 143), ("scheduler", 1)])
def test_a_run_that_ends_early_goes_on_elsewhere(cluster, here, archive, victim, expected):
    inputs = [f"{archive}/images"] * 6
    options = ("-o", "o.csv", "--resume")
    dask = start(inputs, *options, "--backend", "dask", "--scheduler", cluster.address)
    journal = Path("o.csv.journal")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"inputs"') > 1)
    if victim == "command":
        dask.send_signal(signal.SIGTERM)
    else:
        cluster.scheduler.kill()
    code, _, err = finish(dask)
    assert code == expected
    assert err.count("\n") == 1, err
    told = "with the same command and --resume"
    if victim == "scheduler":
        told = f"Error: The Dask scheduler {cluster.address} does not answer or has no workers."
    assert told in err
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
