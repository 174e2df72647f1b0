"""A digest of the inputs: by it a run that is gone on with knows its inputs again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from trifuse.batch.inputs.item import Item, SourceError


class InputDigest:
    """SHA-256 over the names of inputs, their ids and carried cells, in order; not their bytes."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, item: Item) -> None:
        """Take an input in."""
        self._sum.update(ascii((item.name, item.id, item.columns)).encode())

    def hexdigest(self) -> str:
        """Give the digest of all inputs so far."""
        return self._sum.hexdigest()


def skip(
    items: Iterator[Item | None], n_inputs: int, expected: str, digest: InputDigest
) -> Iterator[Item | None]:
    """Pass over the inputs that an interrupted run was done with, and give the others.

    Parameters
    ----------
    items : iterator of Item or None
        None, where nothing has come for a while, is passed on.
    n_inputs : int
        That are done.
    expected : str
        Their digest; not looked at where there are none.
    digest : InputDigest
        Takes them in.

    Raises
    ------
    SourceError
        If they are not the same.
    """
    left = n_inputs
    while left and (item := next(items, _END)) is not _END:
        if isinstance(item, Item):
            digest.add(item)
            left -= 1
        else:
            yield None
    if n_inputs and (left or digest.hexdigest() != expected):
        msg = (
            "The inputs are not those of the interrupted run; name the same ones, or begin anew by "
            "--overwrite."
        )
        raise SourceError(msg)
    yield from items


_END = object()
