"""A pool of the workers of a Dask cluster: the way beyond one machine."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from distributed import Client, Future, Worker, WorkerPlugin, get_worker
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker
from tornado.ioloop import PeriodicCallback

from trifuse.batch.inputs.items import Item
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.pool import ChunkResult, Supervisors
from trifuse.batch.workers.supervisor import CLOSED, WorkerError

CONNECT_SECONDS = 15
WATCH_SECONDS = 5
"""How often a worker looks whether the job lives; twice without it, and the model goes."""
LOOK_SECONDS = 5.0
"""How often a thread that waits for a chunk looks whether it was told to end."""
MOST_LOSSES = 3
"""Times that a chunk is worked on again when it was lost with its workers, or with the scheduler.

Dask itself gives a chunk of a worker that is lost to another.
"""


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """Puts the model on each worker once, also on those that join later, while the job lives.

    Its name is its own: another job on the cluster may use the same model. The name is also the
    key of a task whose result the job keeps: the scheduler forgets it when it loses the job, and a
    worker that finds it forgotten takes the model off all workers.

    Parameters
    ----------
    settings : WorkerSettings
        Its `model` is read here and now.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.name = f"trifuse-{uuid.uuid4()}"
        self.settings = settings
        self.content = Path(settings.model).read_bytes()
        self.version = metadata.version("trifuse")

    def setup(self, worker: Worker) -> None:
        """Write the model file, and begin to look whether the job lives."""
        self._n_missed = 0
        self._watch = PeriodicCallback(partial(self._look, worker), WATCH_SECONDS * 1000)
        if (version := metadata.version("trifuse")) != self.version:
            msg = f"trifuse {version} is installed there, not {self.version}"
            raise WorkerError(msg)
        self._path = Path(worker.local_directory) / f"{self.name}.trifuse"
        self._path.write_bytes(self.content)
        self.supervisors = Supervisors(replace(self.settings, model=str(self._path)))
        self._watch.start()

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Remove it, and end the processes that have loaded it."""
        self._watch.stop()
        self._path.unlink(missing_ok=True)
        self.supervisors.close()

    async def _look(self, worker: Worker) -> None:
        """Take the model off all workers where the job was not there twice."""
        with suppress(OSError):  # a worker that loses its scheduler ends
            state = await worker.scheduler.get_task_status(keys=[self.name])
            self._n_missed = self._n_missed + 1 if state[self.name] is None else 0
        if self._n_missed > 1:
            with suppress(Exception):  # another worker was faster
                await worker.scheduler.unregister_worker_plugin(name=self.name)
            if self.name in worker.plugins:
                await worker.plugin_remove(name=self.name)


class DaskPool:
    """The workers of an existing cluster; each thread of theirs scores a chunk at a time.

    joblib has a backend for Dask, but one that waits for ever for a task that failed with its
    workers, or was lost with its scheduler. So joblib's threads wait for tasks of Dask's own
    client here, as they wait for processes on one machine.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``.
    settings : WorkerSettings

    Attributes
    ----------
    slots : int
        How many chunks are scored at the same time.

    Raises
    ------
    WorkerError
        If the scheduler does not answer or has no workers, or they cannot take the model.
    """

    def __init__(self, scheduler: str, settings: WorkerSettings) -> None:
        for name in list(logging.root.manager.loggerDict):
            # Dask warns of each chunk of a lost worker, which is scored again, and of a lost
            # scheduler at length; what matters is told in a sentence.
            if name.startswith("distributed"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self.scheduler = scheduler
        self.settings = settings
        self._folder = Path.cwd()
        self._lock = threading.Lock()
        self._end: WorkerError | None = None
        self._connect()

    def score(self, items: Sequence[Item]) -> ChunkResult:
        """Have a worker score items; what is lost with it is scored by another.

        Raises
        ------
        WorkerError
            If workers or the scheduler are lost again and again, or it was told to end.
        """
        anywhere = [  # a file is found from every working folder
            item if item.content is not None else item._replace(name=str(self._folder / item.name))
            for item in items
        ]
        lost = None
        for _ in range(MOST_LOSSES + 1):
            with self._lock:
                self._raise_end()
                client, plugin = self._client, self._plugin.name
                future = client.submit(_score, plugin, anywhere, pure=False)
            try:
                return self._wait_for(future)
            except KilledWorker as error:
                lost = error
            except (CancelledError, CommClosedError) as error:  # the scheduler is lost
                lost = error
                self.reconnect(client)
        msg = (
            "Worker processes die again and again, most likely because memory runs out; run it "
            "again on workers with fewer threads."
        )
        raise WorkerError(msg) from lost

    def reconnect(self, lost: Client) -> None:
        """Connect anew, unless another thread has since this connection was lost."""
        with self._lock:
            self._raise_end()
            if self._client is lost:
                self._disconnect()
                try:
                    self._connect()
                except WorkerError as error:
                    self._end = error
                    raise

    def close(self) -> None:
        """Take the model off the workers and leave the cluster as it was."""
        with self._lock:
            if self._end is None:
                self._end = WorkerError(CLOSED)
                self._disconnect()

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end

    def _wait_for(self, future: Future) -> ChunkResult:
        while True:
            try:
                scored: ChunkResult = future.result(LOOK_SECONDS)
            except TimeoutError:
                self._raise_end()
            else:
                return scored

    def _connect(self) -> None:
        no_answer = f"The Dask scheduler {self.scheduler} does not answer or has no workers."
        try:
            self._client = _Client(self.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except OSError as error:  # TimeoutError is one
            raise WorkerError(no_answer) from error
        except Exception as error:  # of an address: ValueError, TypeError, …
            msg = f"The Dask scheduler {self.scheduler} cannot be reached: {error}."
            raise WorkerError(msg) from error
        self._plugin = ModelPlugin(self.settings)
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            self._life = self._client.submit(int, key=self._plugin.name)
            self._client.register_plugin(self._plugin)
            self.slots = sum(self._client.nthreads().values())
        except OSError as error:
            self._disconnect()
            raise WorkerError(no_answer) from error
        except Exception as error:  # whatever a worker raised
            self._disconnect()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            msg = f"The Dask workers of {self.scheduler} cannot take the model: {reason}."
            raise WorkerError(msg) from error

    def _disconnect(self) -> None:
        with suppress(Exception):  # of a cluster that is gone, which nothing is left on
            self._client.unregister_worker_plugin(self._plugin.name)
        with suppress(Exception):
            self._client.close()


class _Client(Client):  # type: ignore[misc]
    """A client that is closed where it cannot be made: else it complains when Python ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            with suppress(Exception):
                self.close()
            raise


def _score(plugin: str, items: Sequence[Item]) -> ChunkResult:
    """Score items on a worker, by the processes that have the job's model there."""
    supervisors: Supervisors = get_worker().plugins[plugin].supervisors
    return supervisors.score(items)
