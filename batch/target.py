"""Where the rows of a job go: a new output, one that is gone on with, or one brought up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO

from trifuse.batch.inputs.items import Item, Record, SourceError
from trifuse.batch.job_options import STDOUT
from trifuse.batch.manifest import EventLog, describe_attempt, describe_run
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.outputs.ids import Clashes
from trifuse.batch.outputs.receipts import Checkpoint, Identifier, ListDigest, Receipt
from trifuse.batch.outputs.reopen import WholeOutput, begin_run, open_rows, read_whole, reopen_run
from trifuse.batch.outputs.run_file import Names, RunFile, StandardOutput
from trifuse.batch.plan import Plan
from trifuse.batch.updates import Shelf, Update, find_changes, skip_finished
from trifuse.classifiers.output import OutputError, writing
from trifuse.datasets.table import name_few


class Target:
    """Takes the rows of a job, and knows which inputs it needs none of any more.

    Parameters
    ----------
    plan : Plan
    log : EventLog
    clashes : Clashes
        Takes in what is listed and read.

    Attributes
    ----------
    listed : ListDigest
        Of all inputs, once they are listed.
    output : RunFile or StandardOutput, optional
        None where there is a whole output, whose inputs are to be checked and nothing else.
    update : Update, optional
        Where rows are kept.
    scored, kept : Checkpoint
        The inputs that were scored, by an interrupted run too, and those whose rows are kept.

    Raises
    ------
    OutputError
        If the output must not be replaced or cannot be written, or is not that of these options.
    """

    def __init__(self, plan: Plan, log: EventLog, clashes: Clashes) -> None:
        self.plan = plan
        self.log = log
        self.clashes = clashes
        self.identifier = Identifier(plan.form.key, verify=plan.options.verify)
        self.listed = ListDigest(self.identifier)
        self.output: RunFile | StandardOutput | None = None
        self.update: Update | None = None
        self.scored = Checkpoint()
        self._whole: WholeOutput | None = None
        self._stack = ExitStack()
        self._open()

    @property
    def kept(self) -> Checkpoint:
        """The inputs whose rows are kept, so far."""
        return self.update.kept if self.update else Checkpoint()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self.scored.rows + self.kept.rows

    @property
    def errors(self) -> int:
        """Rows so far that are errors."""
        return self.scored.errors + self.kept.errors

    @property
    def dropped(self) -> int:
        """Inputs of an output that is brought up to date that are not there any more."""
        return self.update.dropped if self.update else 0

    def leave(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave what is written as it is.

        Of inputs that cannot be listed no partial is left, so that the right ones can be named.
        """
        if kind is not None and issubclass(kind, SourceError | FormatError):
            self.discard()
        self._stack.close()

    def _open(self) -> None:
        options, form = self.plan.options, self.plan.form
        if options.output == STDOUT:
            self.output = StandardOutput(form.header())
            return
        path, decisive = Path(options.output), self.plan.decide_bytes()
        run = (
            reopen_run(path, form.header(), decisive, options.may_grow) if options.goes_on else None
        )
        base = None if run is None else run.journal.base
        if options.goes_on and path.exists() and (run is None or base):
            self._whole = read_whole(path, decisive, options.may_grow)
            if run is None and not options.updates:
                return
            base = self._whole.manifest["output_sha256"]
        if run is None:
            overwrite = options.overwrite or options.goes_on
            run = begin_run(path, form.header(), decisive, overwrite, base)
        self.output = run
        self._stack.callback(run.close)
        if options.updates or base:
            self.update = self._make_update(run)
        else:
            self.scored = run.journal.last

    def _make_update(self, run: RunFile) -> Update:
        options, form = self.plan.options, self.plan.form
        header = len(form.header())
        shelves = [Shelf(b"".join(map(Receipt.pack, run.journal.receipts())), header)]
        files: list[BinaryIO] = [self._stack.enter_context(Names(run.path).partial.open("rb"))]
        if self._whole is not None:
            shelves.append(Shelf(self._whole.receipts, header))
            files.append(self._stack.enter_context(open_rows(self._whole, form)))
            if shelves[-1].end != files[-1].seek(0, os.SEEK_END):
                msg = f"{run.path} has not the rows that its receipts tell of; use --overwrite."
                raise OutputError(msg)
        return Update(shelves, files, self.identifier, not options.retry_errors)

    def note(self, item: Item) -> None:
        """Take an input in that is listed, be it to be scored here or in another part."""
        self.listed.add(item)
        self.clashes.add(item)

    def check(self, items: Iterator[Item | None]) -> None:
        """Compare the inputs with those of the whole output.

        Raises
        ------
        OutputError
            If they differ, or those of other parts do.
        SourceError
            As `finish` does.
        """
        assert self._whole is not None
        manifest = self._whole.manifest
        self.scored = Checkpoint(rows=manifest["images"], errors=manifest["errors"])
        changes, went = find_changes(items, self._whole.receipts, self.identifier)
        self._reject_empty(went)
        if changes or not self._is_listed_alike():
            how = changes or "those of other parts came, went or changed places"
            msg = (
                f"The inputs of {self._whole.path} are not those it was made of: {how}; bring it "
                "up to date by --update, or begin anew by --overwrite."
            )
            raise OutputError(msg)

    def _is_listed_alike(self) -> bool:
        """Tell whether the inputs of all parts are those that the whole output was made of."""
        assert self._whole is not None
        return bool(self._whole.manifest.get("listed_sha256") == self.listed.hexdigest())

    def _reject_empty(self, gone: int) -> None:
        """Raise SourceError if inputs are gone, and what was named may be a share not mounted."""
        if gone and self.listed.empty and not self.plan.options.allow_empty:
            msg = (
                f"Nothing is found in {name_few(self.listed.empty)}, and inputs of "
                f"{self.plan.options.output} are gone ({gone:,}); mount what is not mounted, or "
                "say --allow-empty if that is right."
            )
            raise SourceError(msg)

    def begin(self, slots: int | None) -> None:
        """Note that the run is begun, or gone on with; on a cluster, with how many slots."""
        attempt = describe_attempt(self.plan.options, slots)
        self.log.add("start", **attempt, rows=self.rows)
        if isinstance(self.output, RunFile):
            with writing(self.output.path):
                self.output.journal.add_attempt(attempt)

    def choose(self, items: Iterator[Item | None]) -> Iterator[Item | None]:
        """Give the inputs that are to be scored, and None where nothing has come for a while."""
        if self.update is not None:
            return self.update.choose(items)
        if isinstance(self.output, RunFile):
            return skip_finished(items, self.output.journal.receipts(), self.identifier)
        return items

    def write(self, scored: Sequence[tuple[Item, list[Record]]]) -> None:
        """Write the rows of inputs, in the order in which they were chosen.

        Raises
        ------
        FormatError
            If two rows would call their images alike, in a format that must not.
        """
        assert self.output is not None
        rows, receipts = [], []
        for item, records in scored:
            self.clashes.add_rows(item, records)
            first = 1 + (self.update.number() if self.update else self.scored.rows)
            lines = [self.plan.form.row(item, one) for one in records]
            receipt = self.identifier.register(item, records, sum(map(len, lines)))
            if self.update is not None:
                self.update.note(receipt)
            self.scored = self.scored.after([receipt], b"", "")
            rows += lines
            receipts.append(receipt)
            for number, record in enumerate(records, first):
                if record.probabilities is None:
                    self.log.add("unread", row=number, message=record.message)
        if receipts:
            content = b"".join(rows)
            if isinstance(self.output, RunFile):
                self.output.append(content, receipts)
            else:
                self.output.append(content)
            self.log.add("chunk", rows=self.rows, errors=self.errors)

    def discard(self) -> None:
        """Leave nothing of a run that scored nothing: what was there before still is."""
        if isinstance(self.output, RunFile) and not self.output.journal.last.inputs:
            self.output.discard()

    def finish(self) -> bool:
        """Give a file its name; tell whether it had nothing to do.

        Raises
        ------
        SourceError
            If rows would be dropped, and what was named holds nothing: a share is not mounted.
        """
        if isinstance(self.output, StandardOutput):
            self.output.finish()
        if not isinstance(self.output, RunFile):
            return False
        self._reject_empty(self.dropped)
        if (
            self.update is not None
            and self._whole is not None
            and self.update.changes_nothing(self._whole.receipts)
            and self._is_listed_alike()
        ):
            self.output.discard()
            return True
        totals = {
            "images": self.rows,
            "errors": self.errors,
            "training_images": self.scored.training_images + self.kept.training_images,
            "inputs": self.scored.inputs + self.kept.inputs,
            "kept": self.kept.inputs,
            "listed": self.listed.total,
            "listed_sha256": self.listed.hexdigest(),
            "model": self.plan.promises,
        }
        describe = partial(describe_run, self.plan.options.inputs.part, self.output.journal, totals)
        self.output.finish(self.plan.form, describe, self.update.find_rows if self.update else None)
        return False
