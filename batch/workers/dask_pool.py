"""A pool of the workers of a Dask cluster: the way beyond one machine."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from distributed import Client, Worker, WorkerPlugin, get_worker
from distributed.scheduler import KilledWorker

from trifuse.batch.workers.scoring import ScoreChunk, close_supervisors
from trifuse.batch.workers.settings import WorkerSettings
from trifuse.batch.workers.supervisor import WorkerError

Result = TypeVar("Result")

CONNECT_SECONDS = 15


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """Puts the model on each worker once, also on those that join later.

    Its name is its own: another job on the cluster may use the same model.

    Parameters
    ----------
    settings : WorkerSettings
        Its `model` is read here and now.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.name = f"trifuse-{uuid.uuid4()}"
        self.content = Path(settings.model).read_bytes()

    def setup(self, worker: Worker) -> None:
        """Write the model file."""
        _model_on(worker, self.name).write_bytes(self.content)

    def teardown(self, worker: Worker) -> None:
        """Remove it, and end the processes that have loaded it."""
        path = _model_on(worker, self.name)
        close_supervisors(str(path))
        path.unlink(missing_ok=True)


class DaskPool:
    """The workers of an existing cluster; each thread of theirs scores a chunk at a time.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``.
    settings : WorkerSettings

    Raises
    ------
    WorkerError
        If the scheduler does not answer or has no workers.
    """

    losses: tuple[type[BaseException], ...] = (CancelledError, KilledWorker)

    def __init__(self, scheduler: str, settings: WorkerSettings) -> None:
        _silence()
        self.scheduler = scheduler
        self.settings = settings
        self._connect()

    def submit(self, function: Callable[..., Result], chunk: list[Any]) -> Future[Result]:
        """Have a worker call the function; a chunk of a worker that is lost goes to another."""
        future: Future[Result] = self._executor.submit(_call, function, self._plugin.name, chunk)
        return future

    def restart(self) -> None:
        """Connect anew."""
        self._client.close()
        self._connect()

    def close(self, *, now: bool) -> None:  # noqa: ARG002 - what was asked for was cancelled
        """Take the model off the workers and leave the cluster as it was."""
        with suppress(Exception):  # of a cluster that is gone, which nothing is left on
            self._client.unregister_worker_plugin(self._plugin.name)
        self._client.close()

    def _connect(self) -> None:
        try:
            self._client = Client(self.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            msg = f"The Dask scheduler {self.scheduler} does not answer or has no workers."
            raise WorkerError(msg) from error
        self._plugin = ModelPlugin(self.settings)
        self._client.register_plugin(self._plugin)
        self.slots = sum(self._client.nthreads().values())
        self._executor = self._client.get_executor(pure=False)


def _silence() -> None:
    """Keep Dask from logging what we tell in a sentence, or what costs nothing.

    It warns of each chunk of a lost worker, which is scored again, and of a lost scheduler at
    length.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _call(function: Callable[..., Any], plugin: str, chunk: list[Any]) -> Any:
    """Call a function on a worker, with the model where the worker has it."""
    if not isinstance(function, ScoreChunk):
        return function(chunk)
    path = _model_on(get_worker(), plugin)
    return ScoreChunk(replace(function.settings, model=str(path)))(chunk)


def _model_on(worker: Worker, plugin: str) -> Path:
    return Path(worker.local_directory) / f"{plugin}.trifuse"
