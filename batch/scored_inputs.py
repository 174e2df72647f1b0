"""The images that rows of an output are of, found again."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.items import InputOptions, Item, Selection
from trifuse.batch.inputs.stream import list_items
from trifuse.batch.outputs.ids import KeyFileError
from trifuse.batch.outputs.receipts import Identifier, read_receipts, unpack_receipts
from trifuse.batch.outputs.run_file import Names
from trifuse.classifiers.output import OutputError
from trifuse.datasets.kinds import is_archive

Places = Mapping[int, Sequence[int]]
"""The rows of an item, by its frames from 0."""


@dataclass(frozen=True)
class ScoredInputs:
    """Finds the images of rows: by their paths, or among the inputs of the run.

    Attributes
    ----------
    images : sequence of str
        What the rows call their images.
    output : Path
    manifest : mapping
        The output's; empty where there is none.
    inputs : InputOptions
        What was scored, as the run was given it. Where nothing is named, rows are taken to be
        called by paths.
    key : bytes, optional
        Of `--id hmac`.
    """

    images: Sequence[str]
    output: Path
    manifest: Mapping[str, Any]
    inputs: InputOptions
    key: bytes | None = None

    def check(self) -> None:
        """Find out before the work whether inputs can be told to belong to rows.

        Raises
        ------
        OutputError
            If there is no manifest.
        KeyFileError
            If their names are hidden, and there is no key.
        """
        if not self.inputs.inputs:
            return
        if not self.manifest:
            msg = (
                f"{self.output} has no manifest {Names(self.output).manifest}, so that nothing "
                "tells which input a row is of; bring it, or name no inputs."
            )
            raise OutputError(msg)
        options = self.manifest.get("options")
        if isinstance(options, Mapping) and options.get("id") == "hmac" and self.key is None:
            msg = "The rows are called by --id hmac; to find their images, name its --id-key."
            raise KeyFileError(msg)

    def find(self, rows: Collection[int]) -> Iterator[tuple[Item, Places]]:
        """Give the images of rows that are there, each with the rows that it has.

        Parameters
        ----------
        rows : collection of int

        Yields
        ------
        item : Item
            Members of archives are to be loaded before the next is asked for.
        places : mapping of int to sequence of int
            The rows by the item's frames.

        Raises
        ------
        OutputError
            If the output's receipts are missing or damaged, where inputs are named.
        """
        return self._find_among_inputs(set(rows)) if self.inputs.inputs else self._find_paths(rows)

    def _find_paths(self, rows: Collection[int]) -> Iterator[tuple[Item, Places]]:
        archives: dict[str, dict[str, dict[int, list[int]]]] = defaultdict(dict)
        for row in rows:
            name, frame = _split_frame(self.images[row])
            frames = archives[_find_archive(name)].setdefault(name, {})
            frames.setdefault(frame, []).append(row)
        for name, frames in archives.pop("", {}).items():
            if _is_file(name):
                yield Item(name), frames
        options = InputOptions((), hidden=True)
        for archive, wanted in archives.items():
            for item in read_archive(archive, options, Selection(options), lambda _: None):
                if item.name in wanted:
                    yield item, wanted[item.name]

    def _find_among_inputs(self, rows: Collection[int]) -> Iterator[tuple[Item, Places]]:
        sha256 = str(self.manifest.get("inputs_sha256"))
        receipts = read_receipts(Names(self.output).receipts, sha256)
        first, found = 0, defaultdict(list)
        for receipt in unpack_receipts(receipts):
            own = range(first, first + receipt.rows)
            first += receipt.rows
            found[receipt.identity].append(
                {frame: [row] for frame, row in enumerate(own) if row in rows}
            )
        identifier = Identifier(self.key)
        for item in list_items(self.inputs, io.BytesIO(), lambda _: None):
            same = found.get(identifier.identify(item)) if item is not None else None
            if item is not None and same and (places := same.pop(0)):
                yield item, places


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
    ends = (match.start() for match in re.finditer("/", name))
    return next((name[:end] for end in ends if is_archive(name[:end]) and _is_file(name[:end])), "")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
