"""The parts of a job become the output that one run would have written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from heapq import merge
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any, TypeVar

from trifuse.batch.job_options import OptionsError
from trifuse.batch.manifest import describe_run
from trifuse.batch.outputs.formats import Format, find_formats, list_suffixes
from trifuse.batch.outputs.receipts import Receipt, unpack_receipts
from trifuse.batch.outputs.reopen import (
    WholeOutput,
    begin_run,
    open_rows,
    read_manifest,
    read_whole,
)
from trifuse.batch.outputs.rows import RowLayout
from trifuse.batch.outputs.run_file import Names
from trifuse.batch.plan import check_run_files
from trifuse.classifiers.output import OutputError
from trifuse.datasets.table import name_few

SUMMED = ("images", "errors", "training_images", "inputs", "kept")
"""Counts of a manifest that are those of all parts together."""
UPDATE = "bring them up to date, each by its trifuse predict command with --update"
"""What to do about parts that do not fit together."""
SHARED = ("listed", "listed_sha256")
"""What the manifests of parts say of all inputs of their job."""
Source = TypeVar("Source")


def merge_parts(paths: Sequence[Path], output: Path, overwrite: bool) -> dict[str, Any]:
    """Write the rows of all parts of a job, in the order of its inputs.

    Parameters
    ----------
    paths : sequence of Path
        The outputs of the parts, in any order, each with its manifest and receipts beside it.
    output : Path
        Gets the bytes, the manifest and the receipts of a run of all inputs.
    overwrite : bool
        Replace an existing output.

    Returns
    -------
    dict
        The sums of the parts' counts, by `SUMMED`.

    Raises
    ------
    OptionsError
        If the output's name is that of another format.
    OutputError
        If they are not all the parts of one job, if one is damaged, or if the output must not be
        replaced or cannot be written.
    """
    names = [name for path in paths for name in (path, *Names(path))]
    manifests = [_read_manifest(path) for path in paths]
    _check_parts(paths, manifests)
    options = manifests[0]["options"]
    form = _make_format(options)
    suffix = output.suffix.lower()
    if suffix and suffix in list_suffixes() and suffix not in form.suffixes:
        msg = f"The parts are of the format {form.name}; {output} has the suffix of another."
        raise OptionsError(msg)
    check_run_files(output, overwrite, names, form.mark)
    parts = [read_whole(path, options) for path in paths]
    _check_ordinals(parts, manifests[0]["listed"])
    sums = {name: sum(manifest[name] for manifest in manifests) for name in SUMMED}
    shared = {name: manifests[0][name] for name in SHARED}
    totals = {**sums, **shared, "model": manifests[0].get("model")}
    with ExitStack() as stack:
        files = [stack.enter_context(open_rows(part, form)) for part in parts]
        run = begin_run(output, form.header(), options, overwrite)
        run.journal.attempts = [one for manifest in manifests for one in manifest["attempts"]]
        try:
            describe = partial(describe_run, None, run.journal, totals)
            run.finish(form, describe, partial(_find_rows, parts, files, len(form.header())))
        except BaseException:
            run.discard()
            raise
    return sums


def _find_rows(
    parts: Sequence[WholeOutput], sources: Iterable[Source], start: int = 0
) -> Iterator[tuple[Source, int, Receipt]]:
    """Give of each input, in their order, its part's source, where its rows begin, its receipt."""
    found = []
    for source, part in zip(sources, parts, strict=True):
        sizes = (receipt.size for receipt in unpack_receipts(part.receipts))
        starts = accumulate(sizes, initial=start)
        found.append(zip(repeat(source), starts, unpack_receipts(part.receipts), strict=False))
    return merge(*found, key=lambda one: one[2].ordinal)


def _read_manifest(path: Path) -> dict[str, Any]:
    manifest = read_manifest(path)
    needed = {"options": dict, "attempts": list, "listed": int, "listed_sha256": str}
    if not all(isinstance(manifest.get(name), kind) for name, kind in needed.items()):
        msg = f"{path} has no sound manifest {Names(path).manifest}: it is no whole part of a job."
        raise OutputError(msg)
    if not isinstance(manifest.get("part"), list):
        msg = f"{path} is no part of a job: it was made without --part."
        raise OutputError(msg)
    return manifest


def _check_parts(paths: Sequence[Path], manifests: Sequence[dict[str, Any]]) -> None:
    """Raise OutputError unless these are all the parts of one job, each once."""
    first = manifests[0]
    found: dict[int, Path] = {}
    for path, manifest in zip(paths, manifests, strict=True):
        part, n_parts = manifest["part"]
        this, other = (
            {**one["options"], "number of parts": one["part"][1]} for one in (manifest, first)
        )
        for name in {**this, **other}:
            if this.get(name) != other.get(name):
                what = name.replace("_", " ")
                msg = f"{path} is of another job than {paths[0]}: it was made with other {what}."
                raise OutputError(msg)
        if part in found:
            msg = f"{found[part]} and {path} are both part {part} of {n_parts}; name one of them."
            raise OutputError(msg)
        found[part] = path
    _check_listed(paths, manifests)
    n_parts = first["part"][1]
    if missing := [part for part in range(1, n_parts + 1) if part not in found]:
        noun = "Part" if len(missing) == 1 else "Parts"
        verb = "is" if len(missing) == 1 else "are"
        msg = f"{noun} {name_few(missing, 10)} of {n_parts} {verb} missing."
        raise OutputError(msg)


def _check_listed(paths: Sequence[Path], manifests: Sequence[dict[str, Any]]) -> None:
    """Raise OutputError unless all inputs were the same when each part was made."""
    listed = [[manifest[name] for name in SHARED] for manifest in manifests]
    alike = [path for path, one in zip(paths, listed, strict=True) if one == listed[0]]
    if others := [path for path in paths if path not in alike]:
        msg = (
            f"The inputs were others when {name_few(others)} was made than for {name_few(alike)}; "
            f"{UPDATE}."
        )
        raise OutputError(msg)


def _check_ordinals(parts: Sequence[WholeOutput], listed: int) -> None:
    """Raise OutputError unless every input of the job is in one part, and in its order there."""
    wrong, before, n_inputs = [part.path for part in parts], 0, 0
    for place, _, receipt in _find_rows(parts, range(len(parts))):
        if receipt.ordinal <= n_inputs:
            wrong = [parts[one].path for one in sorted({before, place})]
        if receipt.ordinal != n_inputs + 1:
            break
        before, n_inputs = place, receipt.ordinal
    else:
        if n_inputs == listed:
            return
    msg = f"{name_few(wrong)} do not hold each of the inputs once; {UPDATE}."
    raise OutputError(msg)


def _make_format(options: dict[str, Any]) -> Format:
    """Make the format of the parts; it writes no row, and so needs no kind of id and no key."""
    layout = RowLayout(
        tuple(options["classes"]),
        options["top"],
        options["probabilities"],
        tuple(options["columns"]),
        alerts=options.get("alerts", False),
    )
    return find_formats()[options["format"]](layout, "path")
