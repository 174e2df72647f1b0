"""Before an archive is split: what cannot be read, and duplicates in different groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from trifuse.datasets.duplicates import DuplicatePair, merge_groups
from trifuse.datasets.table import DatasetError, LabelledTable, count, name_few
from trifuse.features.images import ImageError
from trifuse.training.duplicates.find import look_at_all, pair_images
from trifuse.training.duplicates.keypoints import Look, Unread

Say = Callable[[str], None]
CheckSize = Callable[[tuple[int, ...]], None]


class Inspection(NamedTuple):
    """What a first look at every image of an archive found.

    Attributes
    ----------
    table : LabelledTable
        The readable images; groups may be merged.
    images : tuple of str
        SHA-256 of their files, in hexadecimal.
    unread : tuple of Unread
        The others.
    flaws : tuple of tuple of str
        What is wrong with each picture, see `trifuse.features.quality.find_flaws`; none where
        nobody looked.
    metadata : tuple of str
        Columns of the table of which the model is to make use.
    """

    table: LabelledTable
    images: tuple[str, ...]
    unread: tuple[Unread, ...]
    flaws: tuple[tuple[str, ...], ...] = ()
    metadata: tuple[str, ...] = ()


def inspect_archive(
    table: LabelledTable,
    *,
    merge: bool = False,
    skip: bool = False,
    checks: Iterable[CheckSize] = (),
    jobs: int | None = None,
    say: Say = lambda _: None,
) -> Inspection:
    """Look at every image once, before hours of work on it, and before folds are made.

    All images that cannot be read are told at once. Then those of different groups are sought that
    show the same thing: a split keeps groups together, so it can train on one image of such a pair
    and test on the other, and its figures are then too good.

    Parameters
    ----------
    table : LabelledTable
    merge : bool
        Merge the groups of each pair, see `trifuse.datasets.duplicates.merge_groups`; else the
        pairs are only told of.
    skip : bool
        Leave out what cannot be read; else it is an error.
    checks : iterable of callable
        Given an image's shape, (rows, columns, 3), raise ImageError where it cannot be used: such
        an image cannot be read. See `FeatureExtractor.check_size`.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.
    say : callable
        Told what is found, line by line.

    Raises
    ------
    DatasetError
        If images cannot be read, and are not to be skipped or are all those of a class.
    """
    found = [
        _check_size(path, image, checks)
        for path, image in zip(table.paths, look_at_all(table, jobs), strict=True)
    ]
    unread = tuple(image for image in found if isinstance(image, Unread))
    tell_unread_images(unread, say)
    if unread:
        _check_unread(table, unread, skip)
        table = table.subset(
            row for row, image in enumerate(found) if not isinstance(image, Unread)
        )
    images = [image for image in found if not isinstance(image, Unread)]
    pairs = pair_images(table, images, jobs)
    table = _guard_groups(table, pairs, merge, say)
    digests, flaws = [image.sha256 for image in images], [image.flaws for image in images]
    return Inspection(table, tuple(digests), unread, tuple(flaws))


def _check_size(path: Path, image: Look | Unread, checks: Iterable[CheckSize]) -> Look | Unread:
    if isinstance(image, Unread):
        return image
    try:
        for check in checks:
            check(image.shape)
    except ImageError as error:
        return Unread(path, image.sha256, str(error))
    return image


def tell_unread_images(unread: Sequence[Unread], say: Say) -> None:
    """Name each image that cannot be read, and say why."""
    for image in unread:
        # As a literal: what strangers name files must not command the terminal.
        say(f"{str(image.path)!r}: {image.reason}")


def _check_unread(table: LabelledTable, unread: Sequence[Unread], skip: bool) -> None:
    names = name_few([repr(str(image.path)) for image in unread])
    if not skip:
        raise DatasetError(
            f"{count(unread, 'image')} of {len(table):,} cannot be read: {names}; mend or remove "
            "them, or leave them out by --skip-unreadable"
        )
    lost = {image.path for image in unread}
    left = {
        label for path, label in zip(table.paths, table.labels, strict=True) if path not in lost
    }
    if gone := [name for name in table.classes if name not in left]:
        raise DatasetError(
            f"no image of the class {gone[0]} can be read: {names}; mend them, or take the class "
            "out of the archive"
        )


def _guard_groups(
    table: LabelledTable, pairs: Sequence[DuplicatePair], merge: bool, say: Say
) -> LabelledTable:
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
