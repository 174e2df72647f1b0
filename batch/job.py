"""The batch job: inputs become rows, in order, and nothing is lost."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trifuse.batch.ending import StoppedError, StopSignals
from trifuse.batch.group_table import write_groups
from trifuse.batch.guards import EndedError, ErrorLimit, StorageGuard
from trifuse.batch.inputs.items import STDIN, Item
from trifuse.batch.inputs.stream import ListedAhead, can_list_ahead, list_items, load
from trifuse.batch.job_options import STDOUT, PredictionOptions
from trifuse.batch.manifest import EventLog
from trifuse.batch.outputs.ids import Clashes
from trifuse.batch.plan import Plan, check_files, make_plan
from trifuse.batch.progress import Progress
from trifuse.batch.target import Target
from trifuse.batch.workers.pool import ChunkedScoring, Workers, count_jobs
from trifuse.batch.workers.supervisor import Child, WorkerError


@dataclass(frozen=True)
class Outcome:
    """How many rows were written, and how many of them are of images that could not be scored.

    Attributes
    ----------
    images, errors : int
    was_whole : bool
        The output was whole before, and is as it was.
    is_empty : bool
        There is nothing to score, which was not allowed: no output was written.
    kept, dropped : int
        Inputs whose rows were kept, and those that were not there any more, where an output was
        brought up to date.
    """

    images: int
    errors: int
    was_whole: bool = False
    is_empty: bool = False
    kept: int = 0
    dropped: int = 0


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
    trifuse.batch.ending.StoppedError, trifuse.batch.guards.EndedError
        If it was asked to end, or its storage is gone, or too many images could not be read; what
        it had is safe.
    trifuse.classifiers.output.OutputError
        If the output must not be replaced or cannot be written, or is not that of these options.
    trifuse.classifiers.archive.ModelFileError, trifuse.classifiers.prior.PriorError,
    trifuse.batch.inputs.items.SourceError, trifuse.batch.outputs.formats.FormatError,
    trifuse.batch.outputs.ids.KeyFileError
        If what they name cannot be used.
    trifuse.batch.workers.supervisor.WorkerError
        If workers cannot work.
    """
    check_files(options)
    private = [name for name in options.inputs.inputs if name != STDIN]
    with EventLog(options.log, private) as log, ExitStack() as stack:
        plan = make_plan(options, child)
        stack.callback(plan.supervisors.close)
        if plan.warning:
            warn(plan.warning)
        clashes = plan.make_clashes()
        outcome = _Job(plan, log, clashes).run(stdin, warn)
        for sentence in clashes.tell():
            warn(sentence)
        if plan.groups is not None and options.groups is not None and not outcome.is_empty:
            warn(write_groups(Path(options.output), Path(options.groups), plan.groups))
        counts = {"kept": outcome.kept, "dropped": outcome.dropped}
        log.add("end", rows=outcome.images, errors=outcome.errors, **counts)
    return outcome


class _Job:
    """A job that is being done."""

    def __init__(self, plan: Plan, log: EventLog, clashes: Clashes) -> None:
        self.plan = plan
        self.log = log
        self.clashes = clashes
        self.options = plan.options
        self.guard = StorageGuard(plan.options.inputs.inputs)
        self.limit = ErrorLimit(plan.options.max_errors)

    def run(self, stdin: BinaryIO, warn: Callable[[str], None]) -> Outcome:
        """Score everything."""
        inputs = self.options.inputs
        with ExitStack() as stack:
            stopping = stack.enter_context(StopSignals())
            workers, slots = self._find_workers()  # before anything is written
            stack.callback(workers.close)
            self._reject_clashes()
            target = Target(self.plan, self.log, self.clashes)
            stack.push(target.leave)
            items = list_items(inputs, stdin, warn, target.note, target.listed.empty.append)
            ahead = ListedAhead(items) if can_list_ahead(inputs) else None
            items = self.guard.watch(iter(ahead or items))
            if target.output is None:
                target.check(items)
                return Outcome(target.rows, target.errors, was_whole=True)
            target.begin(slots)
            # No variable holds an item: the content of an archive's member would outlive its use.
            todo: Iterator[Item | None] = map(load, target.choose(items))
            jobs = slots
            if jobs is None:
                jobs, todo = count_jobs(self.options.jobs, todo)
            progress = Progress(target.scored.inputs, self.options.quiet)
            stack.callback(progress.close)
            scoring = ChunkedScoring(workers, jobs, stopping)
            for chunk, records in stack.enter_context(closing(scoring(todo))):
                before = target.scored.errors
                target.write(self.guard.sift(zip(chunk, records, strict=True)))
                self._end_early(target)
                total = ahead.total if ahead else None
                errors = target.scored.errors - before
                progress.advance(len(chunk), errors, total, target.kept.inputs)
            if not scoring.whole:
                message = f"Interrupted after {target.rows:,} rows{self._advise('')}."
                raise StoppedError(stopping.received or signal.SIGINT, message)
            return self._finish(target)

    def _find_workers(self) -> tuple[Workers, int | None]:
        """Connect to Dask, and say how many images it scores at a time; else take this machine."""
        if self.options.backend != "dask":
            return self.plan.supervisors, None
        self.plan.supervisors.close()  # they have shown that the model can be used
        try:
            from trifuse.batch.workers.dask_pool import DaskPool
        except ImportError as error:
            msg = "--backend dask needs the library distributed; run pip install 'trifuse[dask]'."
            raise WorkerError(msg) from error
        pool = DaskPool(self.options.scheduler or "", self.plan.supervisors.settings)
        return pool, pool.slots

    def _reject_clashes(self) -> None:
        """Find out before anything is written what a format that wants unique ids cannot hold."""
        inputs = self.options.inputs
        if self.plan.form.unique and STDIN not in inputs.inputs:
            clashes = self.plan.make_clashes()
            for _ in list_items(inputs, io.BytesIO(), lambda _: None, clashes.add):
                pass

    def _finish(self, target: Target) -> Outcome:
        target.write(self.guard.release())
        self._end_early(target, at_end=True)
        if not (target.listed.total or self.options.allow_empty):
            target.discard()
            return Outcome(0, 0, is_empty=True)
        was_whole = target.finish()
        kept, dropped = target.kept.inputs, target.dropped
        return Outcome(target.rows, target.errors, was_whole, kept=kept, dropped=dropped)

    def _end_early(self, target: Target, *, at_end: bool = False) -> None:
        """Raise EndedError where the storage is gone or too many rows are errors."""
        rows = f"Stopped after {target.rows:,} rows"
        if self.guard.problem:
            advice = self._advise(" when it is there again")
            msg = f"{rows}: {self.guard.problem}, which is no image's fault{advice}."
            raise EndedError(msg)
        if self.limit.is_passed(target.errors, target.rows, at_end=at_end):
            advice = self._advise(" and a higher limit, or with --retry-errors")
            limit = self.options.max_errors
            msg = f"{rows}: {target.errors:,} are errors, more than --max-errors {limit}{advice}."
            raise EndedError(msg)

    def _advise(self, more: str) -> str:
        """Say how to go on."""
        if self.options.output == STDOUT:
            return ""
        resume = "" if self.options.updates else " and --resume"
        return f"; go on with the same command{resume}{more}"
