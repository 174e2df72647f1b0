"""Methods by name, each in a file of its own: who adds a file to their folder adds a method."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple


@cache
def discover(package: str) -> dict[str, Any]:
    """Find the methods of one kind.

    Parameters
    ----------
    package : str
        Such as "trifuse.encoders.methods". Each of its modules has a constant `METHOD`, whose
        `name` is what recipes, options and tables call it. The modules must be light: heavy
        libraries are imported where they are used.

    Returns
    -------
    dict of str to object
        `METHOD` by name, in the order of the names of the files.
    """
    folder = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    methods = [importlib.import_module(f"{package}.{name}").METHOD for name in names]
    return {method.name: method for method in methods}


def descriptors() -> dict[str, Any]:
    """Give the kinds of local descriptors, of which recipes make streams, by name."""
    return discover("trifuse.features.descriptors")


def encodings() -> dict[str, Any]:
    """Give the ways in which many local descriptors become one vector, by name."""
    return discover("trifuse.encoders.methods")


def members() -> dict[str, Any]:
    """Give the classifiers that an ensemble can be made of, by name."""
    return discover("trifuse.classifiers.members")


class Block(NamedTuple):
    """What a block is made of.

    Attributes
    ----------
    stream : str
        The local descriptors, or the network.
    encoding : str or None
        None for a network's embedding.
    title : str
        What reports call the block.
    """

    stream: str
    encoding: str | None
    title: str


@cache
def blocks() -> dict[str, Block]:
    """Give the blocks that can be: each network's embedding, and each stream in each encoding.

    Examples
    --------
    >>> blocks()["color_vlad"]
    Block(stream='color', encoding='vlad', title='VLAD of colour')
    >>> blocks()["cnn"]
    Block(stream='cnn', encoding=None, title='CNN embedding')
    """
    found = {}
    for stream, descriptor in descriptors().items():
        if descriptor.embedding:
            found[stream] = Block(stream, None, descriptor.embedding)
        for encoding, method in encodings().items():
            title = f"{method.title} of {descriptor.title}"
            found[f"{stream}_{encoding}"] = Block(stream, encoding, title)
    return found


def encodings_by_stream(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Give the encodings that each stream must supply for these blocks, and the blocks' names.

    Examples
    --------
    >>> encodings_by_stream(["cnn", "sift_fisher", "sift_vlad"])
    {'sift': {'fisher': 'sift_fisher', 'vlad': 'sift_vlad'}}
    """
    wanted: dict[str, dict[str, str]] = {}
    for name in names:
        stream, encoding, _ = blocks()[name]
        if encoding is not None:
            wanted.setdefault(stream, {})[encoding] = name
    return wanted
