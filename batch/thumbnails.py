"""Thumbnails of images, made where scores are: in children that a hostile image may kill."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trifuse.batch.inputs.items import Item
from trifuse.batch.inputs.stream import load
from trifuse.batch.scored_inputs import Places, ScoredInputs
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.pool import ChunkedScoring, Supervisors, count_jobs

SIDE = 300
"""Pixels of a thumbnail's longest side: half of HAM10000's, to which JPEGs are decoded fast."""
TIMEOUT_SECONDS = 20.0
"""What an image may take, or a frame of one."""


def draw_thumbnails(scored: ScoredInputs, rows: Collection[int], jobs: int) -> dict[int, bytes]:
    """Make the thumbnails of rows; those whose images are not found or cannot be read have none.

    Parameters
    ----------
    scored : ScoredInputs
    rows : collection of int
    jobs : int
        Processes.

    Returns
    -------
    dict of int to bytes
        JPEGs, by rows.

    Raises
    ------
    trifuse.batch.workers.supervisor.WorkerError
        If workers cannot work.
    trifuse.classifiers.output.OutputError
        As `ScoredInputs.find` does.
    """
    places: list[Places] = []

    def number() -> Iterator[Item]:
        for item, frames in scored.find(rows):
            places.append(frames)
            yield item._replace(ordinal=len(places) - 1)

    thumbnails = {}
    workers = Supervisors(WorkerSettings("", "", thumbnail=SIDE, timeout=TIMEOUT_SECONDS))
    jobs, items = count_jobs(jobs, map(load, number()))
    try:
        for chunk, records in ChunkedScoring(workers, jobs)(items):
            for item, of_item in zip(chunk, records, strict=True):
                for record in filter(lambda one: one.thumbnail, of_item):
                    for row in places[item.ordinal].get(record.frame, ()):
                        thumbnails[row] = record.thumbnail
    finally:
        workers.close()
    return thumbnails
