"""A real Dask cluster on loopback: a scheduler, two workers, one of them killed midway."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace

import pytest

from trifuse.batch.inputs.items import Item
from trifuse.batch.workers.supervisor import WorkerError

pytestmark = pytest.mark.slow

pytest.importorskip("distributed", reason="the extra trifuse[dask] is not installed")

TRIFUSE = Path(sys.executable).with_name("trifuse")


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, of one thread and of two; `add_worker` starts another.

    They stand in a folder of their own, where no path of the tests is found.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    log = (tmp_path / "dask.log").open("wb")
    (tmp_path / "elsewhere").mkdir()

    def run(kind, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"],
            stdout=log, stderr=log, cwd=tmp_path / "elsewhere",
        )  # fmt: skip

    def add_worker(threads=1):
        folder = tmp_path / f"worker{len(workers)}"
        options = ("--nthreads", str(threads), "--no-nanny", "--local-directory", str(folder))
        workers.append(run("worker", address, *options))

    scheduler, workers = run("scheduler", "--host", "127.0.0.1", "--port", str(port)), []
    add_worker()
    add_worker(threads=2)
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
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing came")


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(cluster, here, archive):
    inputs = [f"{archive}/images"] * 24
    dask = start(inputs, "-o", "dask.csv", "--backend", "dask", "--scheduler", cluster.address)
    journal = Path("dask.csv.journal")
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"inputs"') > 2)
    assert len(models(here)) == 2
    cluster.workers[0].send_signal(signal.SIGKILL)
    cluster.add_worker()
    wait_for(lambda: models(here, 2) or dask.poll() is not None)  # it gets the model too
    assert dask.poll() is None
    assert finish(dask)[:2] == (0, b"")
    assert finish(start(inputs, "-o", "local.csv", "-j", "1"))[:2] == (0, b"")
    assert Path("dask.csv").read_bytes() == Path("local.csv").read_bytes()
    assert Path("dask.csv").read_bytes().count(b"\n") == 56 * 24 + 1
    # The cluster is left as it was: no model file, no process.
    assert models(here, 1) == models(here, 2) == plugins(cluster) == []
    wait_for(lambda: not children(cluster))


def models(folder, worker="*"):
    """The model files that the workers of a job have."""
    return list(folder.glob(f"worker{worker}/dask-scratch-space/worker-*/*.trifuse"))


def plugins(cluster):
    """What the scheduler has put on its workers, and puts on new ones."""
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        names = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.worker_plugins))
    return [name for name in names if name.startswith("trifuse")]


def children(cluster):
    """The processes of the cluster's workers that score."""
    found = []
    for worker in cluster.workers:
        for task in Path(f"/proc/{worker.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += task.read_text().split()
    return [child for child in found if _scores(child)]


def _scores(process):
    with contextlib.suppress(OSError):
        return b"trifuse.batch.workers.child_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


@pytest.mark.measured
def test_relative_paths_are_found_by_workers_elsewhere(cluster, here):
    Path("empty.jpg").touch()
    inputs = ["in", "b.jpg", "../" + here.name + "/a.jpg", "empty.jpg"]
    dask = start(inputs, "-o", "dask.csv", "--backend", "dask", "--scheduler", cluster.address)
    assert finish(dask)[:2] == (3, b"")
    assert finish(start(inputs, "-o", "local.csv", "-j", "1"))[0] == 3
    assert Path("dask.csv").read_bytes() == Path("local.csv").read_bytes()
    assert Path("dask.csv").read_bytes().count(b",ok,") == 3
    [attempt] = json.loads(Path("dask.csv.run.json").read_text())["attempts"]
    assert (attempt["backend"], attempt["jobs"]) == ("dask", 3)


def test_nothing_stays_where_the_command_is_killed(cluster, here, archive):
    inputs = [f"{archive}/images"] * 40
    dask = start(inputs, "-o", "o.csv", "--backend", "dask", "--scheduler", cluster.address)
    wait_for(lambda: len(children(cluster)) == 3)
    assert len(models(here)) == 2
    assert len(plugins(cluster)) == 1
    dask.kill()
    dask.communicate()
    began = time.monotonic()
    wait_for(lambda: not models(here) and not children(cluster))
    assert time.monotonic() - began < 60
    assert plugins(cluster) == []


def test_a_pool_that_begins_anew_has_one_model(cluster, here):
    from trifuse.batch.workers.dask_pool import DaskPool
    from trifuse.batch.workers.messages import WorkerSettings

    pool = DaskPool(cluster.address, WorkerSettings("m.trifuse", "0"))
    for _ in range(2):
        pool.reconnect(pool._client)
        assert plugins(cluster) == [pool._plugin.name]
        assert {path.stem for path in models(here)} == {pool._plugin.name}
    pool.close()
    assert plugins(cluster) == models(here) == []


def test_a_job_that_lives_keeps_its_model(cluster, here):
    from trifuse.batch.workers import dask_pool
    from trifuse.batch.workers.messages import WorkerSettings

    pool = dask_pool.DaskPool(cluster.address, WorkerSettings("m.trifuse", "0"))
    cluster.workers[0].kill()  # it may be that which held the sign of life
    time.sleep(3.5 * dask_pool.WATCH_SECONDS)
    assert plugins(cluster) == [pool._plugin.name]
    assert len(models(here, 1)) == 1
    pool.close()


@pytest.fixture
def fake_pool(monkeypatch):
    """A pool whose connections are counted, and whose tasks end as `ends` says, one by one."""
    from trifuse.batch.workers.dask_pool import DaskPool
    from trifuse.batch.workers.messages import WorkerSettings

    def submit(function, plugin, items, pure):
        return SimpleNamespace(result=lambda seconds: answer(items))

    def answer(items):
        end = pool.ends.pop(0)
        if isinstance(end, BaseException):
            raise end
        return end

    def connect(self):
        self._client, self._plugin = SimpleNamespace(submit=submit), SimpleNamespace(name="x")
        connections.append(self._client)
        if len(connections) > 5:
            raise WorkerError("the scheduler does not answer")

    connections = []
    monkeypatch.setattr(DaskPool, "_connect", connect)
    monkeypatch.setattr(DaskPool, "_disconnect", lambda self: None)
    pool = DaskPool("tcp://x:1", WorkerSettings("m", "0"))
    pool.connections = connections
    return pool


def test_what_is_lost_with_the_scheduler_is_scored_again(fake_pool):
    from distributed.comm import CommClosedError

    fake_pool.ends = [CancelledError(), TimeoutError(), "scored"]
    assert fake_pool.score([Item("a")]) == "scored"
    assert len(fake_pool.connections) == 2
    fake_pool.ends = [CommClosedError("in ConnectionPool.gather: Stream is closed"), "scored"]
    assert fake_pool.score([Item("a")]) == "scored"
    assert len(fake_pool.connections) == 3
    fake_pool.reconnect(fake_pool.connections[0])  # by another thread, that lost the same one
    assert len(fake_pool.connections) == 3


def test_a_chunk_that_is_lost_again_and_again_is_told(fake_pool):
    from trifuse.batch.workers.dask_pool import MOST_LOSSES

    fake_pool.ends = [CancelledError()] * (MOST_LOSSES + 1)
    message = r"^Worker processes die again and again, most likely because memory runs out; run it"
    with pytest.raises(WorkerError, match=message):
        fake_pool.score([Item("a")])
    assert fake_pool.ends == []


def test_a_pool_that_cannot_go_on_says_so_in_every_thread(fake_pool):
    for _ in range(5):
        fake_pool.ends = [CancelledError(), "scored"]
        with contextlib.suppress(WorkerError):
            fake_pool.score([Item("a")])
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"^the scheduler does not answer$"):
            fake_pool.score([Item("a")])
    assert len(fake_pool.connections) == 6


def test_a_pool_that_is_closed_scores_no_more(fake_pool):
    fake_pool.close()
    with pytest.raises(WorkerError, match=r"^The workers of this job were told to end\.$"):
        fake_pool.score([Item("a")])


def test_workers_of_another_version_are_refused(cluster, here, monkeypatch):
    from trifuse.batch.workers import dask_pool
    from trifuse.batch.workers.messages import WorkerSettings

    monkeypatch.setattr(dask_pool.metadata, "version", lambda _: "9.9")
    message = (
        rf"^The Dask workers of {cluster.address} cannot take the model: WorkerError: "
        r"trifuse \S+ is installed there, not 9\.9\.$"
    )
    with pytest.raises(WorkerError, match=message):
        dask_pool.DaskPool(cluster.address, WorkerSettings("m.trifuse", "0"))
    assert plugins(cluster) == models(here) == []


@pytest.mark.parametrize(("victim", "expected"), [("command", 143), ("scheduler", 1)])
def test_a_run_that_ends_early_goes_on_elsewhere(cluster, here, archive, victim, expected):
    inputs = [f"{archive}/images"] * 20
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
    assert finish(start(inputs, *options, "-j", "1"))[:2] == (0, b"")
    assert finish(start(inputs, "-o", "local.csv", "-j", "1"))[0] == 0
    assert Path("o.csv").read_bytes() == Path("local.csv").read_bytes()


def test_no_scheduler(here, monkeypatch):
    from trifuse.batch.workers import dask_pool
    from trifuse.batch.workers.messages import WorkerSettings

    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 0.3)
    message = r"^The Dask scheduler tcp://127\.0\.0\.1:9 does not answer or has no workers\.$"
    with pytest.raises(WorkerError, match=message):
        dask_pool.DaskPool("tcp://127.0.0.1:9", WorkerSettings("m.trifuse", "0"))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:9", " does not answer or has no workers"),
        ("nonsense", " cannot be reached: missing port number in address 'nonsense'"),
        ("tls://127.0.0.1:9", " cannot be reached: TLS expects a `ssl_context` argument "),
    ],
)
def test_an_unknown_scheduler_is_one_sentence(here, address, reason):
    options = ("-o", "o.csv", "--backend", "dask", "--scheduler", address)
    code, out, err = finish(start(["a.jpg"], *options))
    assert (code, out) == (1, b"")
    assert err.startswith(f"Error: The Dask scheduler {address}{reason}")
    assert err.count("\n") == 1
    assert not list(here.glob("o.csv*"))


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
