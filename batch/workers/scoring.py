"""What a pool is given to do: a chunk of items becomes their records."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trifuse.batch.inputs.item import Item
from trifuse.batch.workers.child import Child
from trifuse.batch.workers.record import Record
from trifuse.batch.workers.settings import WorkerSettings
from trifuse.batch.workers.supervisor import Supervisor


class ChunkResult(NamedTuple):
    """What became of a chunk.

    Attributes
    ----------
    records : list of list of Record
        For each item, for each of its frames.
    seconds : float
        That it took.
    """

    records: list[list[Record]]
    seconds: float


@dataclass(frozen=True)
class ScoreChunk:
    """Scores a chunk of items in a child process, one for each thread that does so.

    The child, and with it the model, stays from chunk to chunk.

    Attributes
    ----------
    settings : WorkerSettings
    """

    settings: WorkerSettings

    def __call__(self, items: Sequence[Item]) -> ChunkResult:
        """Score items.

        Raises
        ------
        trifuse.batch.workers.supervisor.WorkerError
            If no child can be started.
        """
        supervisor = get_supervisor(self.settings)
        started = time.perf_counter()
        records = [supervisor.score(item) for item in items]
        return ChunkResult(records, time.perf_counter() - started)


_supervisors: dict[tuple[int, WorkerSettings], Supervisor] = {}
_lock = threading.Lock()


def get_supervisor(settings: WorkerSettings, spare: Child | None = None) -> Supervisor:
    """Give this thread's supervisor for these settings, its child ready.

    Parameters
    ----------
    settings : WorkerSettings
    spare : Child, optional
        A child that is starting already.

    Raises
    ------
    trifuse.batch.workers.supervisor.WorkerError
        If no child can be started, or the model cannot be loaded.
    """
    key = threading.get_ident(), settings
    with _lock:
        if key not in _supervisors:
            _supervisors[key] = Supervisor(settings, spare)
        supervisor = _supervisors[key]
    supervisor.start()
    return supervisor


def close_supervisors(model: str | None = None) -> None:
    """End the children of this process, or those of one model."""
    with _lock:
        for key in [key for key in _supervisors if model in {None, key[1].model}]:
            _supervisors.pop(key).close()
