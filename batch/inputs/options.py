"""What is to be scored, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass

from trifuse.batch.inputs.item import SourceError

STDIN = "-"


@dataclass(frozen=True)
class InputOptions:
    """What is to be scored.

    Attributes
    ----------
    inputs : tuple of str
        Files, folders, tables of inputs (`*.csv`), archives (zip, tar), and `-` for a list on
        standard input.
    null : bool
        The list on standard input is separated by NUL, not by newlines.
    include : tuple of str
        Patterns of the names that are taken; with none, all are.
    exclude : tuple of str
        Patterns of the names that are not.
    hidden : bool
        Take hidden files and folders too.
    follow_links : bool
        Follow symbolic links to folders, and those that lead out of the folder they are found in.
    part : tuple of int, optional
        (I, N): take the I-th of N parts only, counted from 1; see `trifuse.batch.inputs.selection`.

    Raises
    ------
    SourceError
        If standard input is named twice.
    """

    inputs: tuple[str, ...]
    null: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.inputs.count(STDIN) > 1:
            msg = "Standard input can be read only once; name - once."
            raise SourceError(msg)
