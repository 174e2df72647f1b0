"""The images that rows of an output are of, found again."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.items import InputOptions, Item, Selection
from trifuse.batch.inputs.stream import list_items
from trifuse.batch.outputs.receipts import Identifier, read_receipts, unpack_receipts
from trifuse.batch.outputs.run_file import Names
from trifuse.classifiers.output import OutputError
from trifuse.datasets.kinds import is_archive

Places = Mapping[int, Sequence[int]]
"""The rows of an item, by its frames from 0."""


class ScoredInputs:
    """Finds the images of rows, by their paths or among the inputs of the run.

    Attributes
    ----------
    places : list of dict
        Of each item that was given, the rows that are wanted by their frames; `Item.ordinal` is
        the item's place in it.
    """

    def __init__(self) -> None:
        self.places: list[Places] = []

    def by_path(self, images: Sequence[str], rows: Collection[int]) -> Iterator[Item]:
        """Give the files and members of archives that rows are called by; as `predict` names them.

        Parameters
        ----------
        images : sequence of str
            What the rows call their images.
        rows : collection of int
            Those that are wanted.

        Yields
        ------
        Item
            Files first; members are to be loaded before the next is asked for.
        """
        archives: dict[str, dict[str, dict[int, list[int]]]] = defaultdict(dict)
        for row in rows:
            name, frame = _split_frame(images[row])
            archive = _find_archive(name)
            archives[archive].setdefault(name, {}).setdefault(frame, []).append(row)
        for name, frames in archives.pop("", {}).items():
            if _is_file(name):
                yield self._place(Item(name), frames)
        options = InputOptions((), hidden=True)
        for archive, wanted in archives.items():
            for item in read_archive(archive, options, Selection(options), lambda _: None):
                if frames := wanted.get(item.name, {}):
                    yield self._place(item, frames)

    def among(
        self,
        options: InputOptions,
        output: Path,
        manifest: Mapping[str, Any],
        rows: Collection[int],
        key: bytes | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Item]:
        """Give those of the run's inputs that rows are of, whatever the rows call them.

        Parameters
        ----------
        options : InputOptions
            The inputs, as they were scored.
        output : Path
            Its receipts say which input has which rows.
        manifest : mapping
            The output's.
        rows : collection of int
            Those that are wanted.
        key : bytes, optional
            Of `--id hmac`.
        warn : callable
            Told of what is passed over.

        Raises
        ------
        OutputError
            If the receipts are missing or damaged.
        """
        receipts = read_receipts(Names(output).receipts, str(manifest.get("inputs_sha256")))
        first, found = 0, defaultdict(list)
        for receipt in unpack_receipts(receipts):
            own = range(first, first + receipt.rows)
            first += receipt.rows
            wanted = {frame: [row] for frame, row in enumerate(own) if row in rows}
            if wanted:
                found[receipt.identity].append(wanted)
        identifier = Identifier(key)
        for item in list_items(options, io.BytesIO(), warn):
            if item is not None and (same := found.get(identifier.identify(item))):
                yield self._place(item, same.pop(0))

    def _place(self, item: Item, frames: Places) -> Item:
        self.places.append(frames)
        return item._replace(ordinal=len(self.places) - 1)


def require_manifest(output: Path, manifest: Mapping[str, Any]) -> None:
    """Raise OutputError where nothing tells which input a row is of."""
    if not manifest:
        msg = (
            f"{output} has no manifest {Names(output).manifest}, so that nothing tells which input "
            "a row is of; leave out the inputs, or bring it."
        )
        raise OutputError(msg)


def _split_frame(image: str) -> tuple[str, int]:
    """Take off the number of a frame, unless the name is a file's as it is.

    >>> _split_frame("no such/volume.dcm#3"), _split_frame("a#b")
    (('no such/volume.dcm', 2), ('a#b', 0))
    """
    match = re.fullmatch(r"(.+)#([1-9][0-9]{0,8})", image, re.DOTALL)
    if match is None or _is_file(image):
        return image, 0
    return match[1], int(match[2]) - 1


def _find_archive(name: str) -> str:
    """Give the archive whose member is meant; nothing where it is a file of its own."""
    ends = [match.start() for match in re.finditer("/", name)]
    return next((name[:end] for end in ends if is_archive(name[:end]) and _is_file(name[:end])), "")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
