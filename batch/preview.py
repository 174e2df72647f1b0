"""What a job would score: told, and nothing is scored or written."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import BinaryIO

from trifuse.batch.inputs.items import Item
from trifuse.batch.inputs.stream import list_items
from trifuse.batch.job_options import PredictionOptions
from trifuse.batch.plan import check_files, make_plan
from trifuse.batch.workers.supervisor import Child
from trifuse.datasets.table import name_few

SHOWN = 5
"""Names of inputs that are shown."""


def preview(
    options: PredictionOptions, stdin: BinaryIO, child: Child | None = None
) -> tuple[list[str], int]:
    """Say which inputs there are, and what is passed over and why; score and write nothing.

    Parameters
    ----------
    options : PredictionOptions
    stdin : binary file
        The list of inputs, where they ask for it.
    child : Child, optional
        A worker that is starting already.

    Returns
    -------
    lines : list of str
    listed : int
        How many inputs there are, those of other parts included.

    Raises
    ------
    OutputError, SourceError, FormatError
        If the output must not be written, the inputs cannot be listed, or the format cannot hold
        their ids; and as `make_plan` does.
    """
    passed: list[str] = []
    kinds: Counter[str] = Counter()
    first: list[str] = []
    unsound: list[str] = []
    check_files(options)
    plan = make_plan(options, child)
    plan.supervisors.close()
    clashes, listed = plan.make_clashes(), 0

    def note(item: Item) -> None:
        nonlocal listed
        listed += 1
        clashes.add(item)

    for item in list_items(options.inputs, stdin, passed.append, note):
        if item is None:
            continue
        kinds[_find_kind(item)] += 1
        if len(first) < SHOWN:
            first.append(item.name)
        if fault := item.fault or ("" if item.stamp else "there is no such file"):
            unsound.append(f"{item.name}: {fault}")
    lines = [f"{sum(kinds.values()):,} inputs would be scored."]
    if kinds:
        by_kind = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
        lines += [f"By kind: {by_kind}.", f"First: {', '.join(first)}."]
    if unsound:
        lines.append(f"Cannot be read: {len(unsound):,}: {name_few(unsound)}.")
    return [*lines, *passed, *clashes.tell()], listed


def _find_kind(item: Item) -> str:
    if item.fault:
        return "that cannot be read"
    suffix = posixpath.splitext(item.name)[1].lower() or "without a suffix"
    return suffix if item.unpack is None else f"{suffix} in archives"
