"""Where the frozen part of a network can be cut off, and be computed once."""

from __future__ import annotations

from math import prod
from typing import Any

from trifuse.features.quiet import import_tensorflow

MAP_AXES = 4
"""Of a feature map: image, row, column, channel."""
WIDEST = 2
"""Times the smallest map that a cut may be: within blocks that expand, maps are six times as large
as between them, and little is computed there."""


def find_cut(model: Any, n_frozen: int) -> Any | None:
    """Give the feature map that is all that crosses from frozen layers to those after.

    Parameters
    ----------
    model : keras.Model
        Functional, each layer called once.
    n_frozen : int
        Of its layers, from the first, those that are frozen.

    Returns
    -------
    Keras tensor or None
        The output of the last such layer, but for wide ones; None where there is none but the
        input itself.
    """
    flatten = import_tensorflow().keras.tree.flatten
    operations, frozen = model.operations, {id(layer) for layer in model.layers[:n_frozen]}
    places = {id(operation.output): place for place, operation in enumerate(operations)}
    earliest = len(operations)  # of what the operations after this one take
    found = []
    for place in range(len(operations) - 1, 0, -1):
        operation = operations[place]
        is_map = len(getattr(operation.output, "shape", ())) == MAP_AXES
        if id(operation) in frozen and is_map and earliest >= place:
            found.append(operation.output)
        earliest = min(earliest, *(places[id(tensor)] for tensor in flatten(operation.input)))
    sizes = [prod(cut.shape[1:]) for cut in found]
    narrow = (cut for cut, n in zip(found, sizes, strict=True) if n <= WIDEST * min(sizes))
    return next(narrow, None)
