"""Thumbnails of images, made where scores are: in children that a hostile image may kill."""

from __future__ import annotations

from collections.abc import Iterator

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.inputs.stream import load
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.pool import ChunkedScoring, Supervisors, count_jobs

SIDE = 300
"""Pixels of a thumbnail's longest side: half of HAM10000's, to which JPEGs are decoded fast."""
TIMEOUT_SECONDS = 20.0
"""What an image may take."""


def draw_thumbnails(items: Iterator[Item], jobs: int) -> Iterator[tuple[Item, list[Record]]]:
    """Give each item with a record a frame, which holds its thumbnail or says why there is none.

    Parameters
    ----------
    items : iterator of Item
        Members of archives are loaded here.
    jobs : int
        Processes.

    Raises
    ------
    trifuse.batch.workers.supervisor.WorkerError
        If workers cannot work.
    """
    workers = Supervisors(WorkerSettings("", "", thumbnail=SIDE, timeout=TIMEOUT_SECONDS))
    jobs, todo = count_jobs(jobs, map(load, items))
    try:
        for chunk, records in ChunkedScoring(workers, jobs)(todo):
            for item, of_item in zip(chunk, records, strict=True):
                yield item._replace(content=None), of_item
    finally:
        workers.close()
