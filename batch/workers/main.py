"""The process that decodes and scores images, one at a time, under its supervisor.

It may be killed by an image at any moment: it writes no file, and nothing is lost with it.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from trifuse.batch.workers.lifetime import belong_to
from trifuse.batch.workers.messages import Reply, Request, receive, send
from trifuse.batch.workers.settings import WorkerSettings

IDLE_SECONDS = 600
"""After so long without work it ends: its supervisor may have been forgotten on a cluster."""


def main() -> None:
    """Serve requests from standard input to standard output until the supervisor is gone."""
    requests, replies = _take_pipes()
    belong_to(int(sys.argv[1]))
    with suppress(EOFError, BrokenPipeError):
        settings = receive(requests, WorkerSettings)
        limit_memory(settings.memory)
        serve(settings, requests, replies)


def serve(settings: WorkerSettings, requests: Connection, replies: Connection) -> None:
    """Load the model, say so, and answer requests."""
    try:
        from trifuse.batch.workers.scorer import Scorer
        from trifuse.features.threads import limit_threads

        limit_threads()
        scorer = Scorer.load(settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor must be told
        own = type(error).__module__.startswith("trifuse.")
        text = str(error) if own else f"A worker cannot start: {type(error).__name__}: {error}."
        send(replies, Reply(error=text))
        return
    send(replies, Reply())
    while requests.poll(IDLE_SECONDS):
        for record in scorer.score(receive(requests, Request)):
            send(replies, Reply(record))
        send(replies, Reply())


def limit_memory(megabytes: int) -> None:
    """Bound the data of this process, so that a bursting image costs itself and not the machine.

    Data is what a process writes to: its heap and its private memory (Linux 4.7 or newer; macOS
    takes the limit and ignores it).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * 2**20
    with suppress(ValueError, OSError):  # not above what somebody else has set
        resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, hard) if hard > 0 else wanted, hard))


def _take_pipes() -> tuple[Connection, Connection]:
    """Keep the pipes to ourselves: what libraries print would damage the replies."""
    requests = Connection(os.dup(0), writable=False)
    replies = Connection(os.dup(1), readable=False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return requests, replies


if __name__ == "__main__":
    main()
