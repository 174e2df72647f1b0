"""The batch job: inputs become rows, in order, and nothing is lost."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.inputs.digest import InputDigest, skip
from trifuse.batch.inputs.item import Item
from trifuse.batch.inputs.stream import is_countable, iterate_items
from trifuse.batch.manifest import describe_attempt, describe_plan, describe_run
from trifuse.batch.options import STDOUT, PredictionOptions
from trifuse.batch.outputs.journal import Checkpoint
from trifuse.batch.outputs.run_file import (
    RunFile,
    RunOutput,
    StandardOutput,
    begin_run,
    read_manifest,
    resume_run,
)
from trifuse.batch.plan import Plan, make_plan
from trifuse.batch.progress import EventLog, Progress
from trifuse.batch.stop import StoppedError, StopSignals
from trifuse.batch.workers.child import Child
from trifuse.batch.workers.chunk_size import ChunkSize
from trifuse.batch.workers.mapping import ChunkMap
from trifuse.batch.workers.pools import InlinePool, LokyPool, Pool
from trifuse.batch.workers.record import Record
from trifuse.batch.workers.scoring import ScoreChunk, close_supervisors
from trifuse.batch.workers.supervisor import WorkerError

FEW = 8
"""Inputs for which starting processes would take longer than the work."""


@dataclass(frozen=True)
class Outcome:
    """How many rows were written, and how many of them are of images that could not be scored.

    Attributes
    ----------
    images, errors : int
    was_whole : bool
        The output was whole before, and is as it was.
    """

    images: int
    errors: int
    was_whole: bool = False


def run_prediction(
    options: PredictionOptions,
    stdin: BinaryIO,
    warn: Callable[[str], None],
    child: Child | None = None,
) -> Outcome:
    """Score images and write the output; rows stand in the order of the inputs.

    The bytes of the output depend on the model, the inputs and those options that say what is
    written; not on the jobs, the backend, or how often the run was interrupted.

    Parameters
    ----------
    options : PredictionOptions
    stdin : binary file
        The list of inputs, where they ask for it.
    warn : callable
        Told of what was passed over in each folder.
    child : Child, optional
        A worker that is starting already.

    Raises
    ------
    OptionsError
        If more classes a row are asked for than the model has.
    trifuse.batch.stop.StoppedError
        If it was asked to end; what it had is safe.
    trifuse.classifiers.output.OutputError
        If the output must not be replaced or cannot be written, or is not that of these options.
    trifuse.classifiers.archive.ModelFileError, trifuse.classifiers.prior.PriorError,
    trifuse.batch.inputs.item.SourceError, trifuse.batch.outputs.format.FormatError,
    trifuse.batch.outputs.ids.KeyFileError
        If what they name cannot be used.
    trifuse.batch.workers.supervisor.WorkerError
        If workers cannot work.
    """
    with ExitStack() as stack:
        stack.callback(close_supervisors)
        return _Job(make_plan(options, child)).run(stdin, warn)


class _Job:
    """A job that is being done.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.options = plan.options

    def run(self, stdin: BinaryIO, warn: Callable[[str], None]) -> Outcome:
        """Score everything."""
        log = EventLog(self.options.log)
        try:
            outcome = self._run(stdin, warn, log)
        except BaseException as error:
            log.add("failed", error=type(error).__name__)
            raise
        else:
            log.add("end", rows=outcome.images, errors=outcome.errors)
        finally:
            log.close()
        return outcome

    def _run(self, stdin: BinaryIO, warn: Callable[[str], None], log: EventLog) -> Outcome:
        options = self.options
        with ExitStack() as stack:
            stopping = stack.enter_context(StopSignals())
            cluster = self._open_cluster(stack)
            output = self._open_output()
            if output is None:
                manifest = read_manifest(Path(options.output))
                return Outcome(manifest.get("images", 0), manifest.get("errors", 0), was_whole=True)
            stack.callback(output.close)
            attempt = describe_attempt(options)
            log.add("start", **attempt, rows=output.last.rows)
            if isinstance(output, RunFile):
                output.journal.add_attempt(attempt)
            progress = Progress(output.last.inputs, self._counter(), options.quiet)
            stack.callback(progress.close)
            digest = InputDigest()
            done = output.last
            items = iterate_items(options.inputs, stdin, warn)
            items = skip(items, done.inputs, done.digest, digest)
            pool, items = (cluster, items) if cluster else self._open_pool(items, stack)
            size = ChunkSize()
            chunks = ChunkMap(ScoreChunk(self.plan.settings), pool, size.is_full, stopping)
            for chunk, result in chunks(items):
                before = output.last.errors
                size.learn(len(chunk), result.seconds)
                self._write(output, chunk, result.records, digest, log)
                progress.advance(len(chunk), output.last.errors - before)
            if not chunks.whole:
                raise self._stopped(stopping, output)
            if isinstance(output, RunFile):
                output.finish(self.plan.form, partial(describe_run, output.journal))
            return Outcome(output.last.rows, output.last.errors)

    def _open_output(self) -> RunOutput | None:
        """Begin the output, or go on with it; None where it is whole."""
        header = self.plan.form.header()
        if self.options.output == STDOUT:
            return StandardOutput(header)
        path, decisive = Path(self.options.output), describe_plan(self.plan)
        if self.options.resume:
            return resume_run(path, header, decisive)
        return begin_run(path, header, decisive, self.options.overwrite)

    def _open_cluster(self, stack: ExitStack) -> Pool | None:
        """Connect to Dask, if it is asked for, before anything is written."""
        if self.options.backend != "dask":
            return None
        try:
            from trifuse.batch.workers.dask_pool import DaskPool
        except ImportError as error:
            msg = "--backend dask needs the library distributed; run pip install 'trifuse[dask]'."
            raise WorkerError(msg) from error
        return _closed_by(stack, DaskPool(self.options.scheduler or "", self.plan.settings))

    def _open_pool(
        self, items: Iterator[Item | None], stack: ExitStack
    ) -> tuple[Pool, Iterator[Item | None]]:
        """Choose who works; a few inputs are scored before processes would have started."""
        head: list[Item | None] = []
        few = False
        while self.options.jobs > 1 and len(head) <= FEW and None not in head:
            if (item := next(items, _END)) is _END:
                few = True
                break
            head.append(item)
        items = chain(head, items)
        if few or self.options.jobs == 1:
            return InlinePool(), items
        close_supervisors()
        return _closed_by(stack, LokyPool(self.options.jobs)), items

    def _write(
        self,
        output: RunOutput,
        chunk: Sequence[Item],
        records: Sequence[Sequence[Record]],
        digest: InputDigest,
        log: EventLog,
    ) -> None:
        """Write the rows of a chunk."""
        last = output.last
        rows, errors, number = [], 0, last.rows
        for item, frames in zip(chunk, records, strict=True):
            digest.add(item)
            for record in frames:
                number += 1
                rows.append(self.plan.form.row(item, record, number))
                if record.probabilities is None:
                    errors += 1
                    log.add("unread", row=number, message=record.message)
        inputs = last.inputs + len(chunk)
        output.append(
            b"".join(rows),
            Checkpoint(inputs, number, last.errors + errors, 0, digest.hexdigest()),
        )
        log.add("chunk", rows=number, errors=last.errors + errors)

    def _stopped(self, stopping: StopSignals, output: RunOutput) -> StoppedError:
        rows = output.last.rows
        message = f"Interrupted after {rows:,} rows."
        if isinstance(output, RunFile):
            message = f"Interrupted after {rows:,} rows; go on with the same command and --resume."
        return StoppedError(stopping.received or signal.SIGINT, message)

    def _counter(self) -> Callable[[], int] | None:
        """Give what counts the inputs, where that costs little beside scoring them."""
        inputs = self.options.inputs
        if not is_countable(inputs):
            return None
        return lambda: sum(1 for _ in iterate_items(inputs, io.BytesIO(), lambda _: None))


_END: Any = object()


def _closed_by(stack: ExitStack, pool: Pool) -> Pool:
    """Have a pool closed at the end, without waiting for it after an error."""
    stack.push(lambda kind, *_: pool.close(now=kind is not None))
    return pool
