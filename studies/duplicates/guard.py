"""Before an archive is split: duplicates in different groups are told, or their groups merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trifuse.classifiers.training import Mapper, plain_map
from trifuse.datasets.duplicates import DuplicatePair, merge_groups
from trifuse.datasets.table import LabelledTable, count
from trifuse.studies.duplicates.find import find_duplicates


def guard_groups(
    table: LabelledTable,
    merge: bool,
    mapper: Mapper = plain_map,
    say: Callable[[str], None] = lambda _: None,
) -> LabelledTable:
    """Look for images of different groups that show the same thing, before folds are made.

    A split keeps groups together, so it can train on one image of such a pair and test on the
    other, and its figures are then too good.

    Parameters
    ----------
    table : LabelledTable
    merge : bool
        Merge the groups of each pair, see `trifuse.datasets.duplicates.merge_groups`; else the
        pairs are only told of.
    mapper : Mapper
    say : callable
        Told what is found, in one line; pairs with two labels, which cannot be merged, in another.

    Returns
    -------
    LabelledTable
        The table itself, or one with merged groups.
    """
    pairs = find_duplicates(table, mapper)
    if not pairs:
        return table
    if not merge:
        say(
            f"warning: {_name(pairs, table)} in different groups, which folds can separate; say "
            "--merge-duplicates to keep them together, or see them with trifuse duplicates"
        )
        return table
    merged, contradictions = merge_groups(table, pairs)
    n_before, n_after = len(set(table.groups)), len(set(merged.groups))
    say(f"merged the groups of duplicates: {n_before:,} groups became {n_after:,}")
    if contradictions:
        say(
            f"warning: {_name(contradictions, table)} under two labels and cannot be merged; "
            "correct the labels, or leave the images out"
        )
    return merged


def _name(pairs: Sequence[DuplicatePair], table: LabelledTable) -> str:
    # As literals: what strangers name files must not command the terminal.
    first, second = (repr(table.paths[row].name) for row in pairs[0][:2])
    verb = "shows" if len(pairs) == 1 else "show"
    return f"{count(pairs, 'pair')} of images (such as {first} and {second}) {verb} the same thing"
