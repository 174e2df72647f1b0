"""What blocks depend on, and the names that tell them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trifuse.features.descriptors import NetworkView
from trifuse.features.descriptors.cnn import CnnCells
from trifuse.features.files import file_sha256
from trifuse.recipes.options import FusionOptions
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks


def with_blocks(recipe: Recipe, blocks: Iterable[str]) -> Recipe:
    """Give the recipe with these blocks alone, all of weight one."""
    return replace(recipe, fusion=FusionOptions(dict.fromkeys(blocks, 1.0)))


def block_choices(recipe: Recipe, block: str) -> dict[str, Any]:
    """Give every choice of a recipe that a block depends on, as plain data, and no other.

    Examples
    --------
    >>> list(block_choices(Recipe(), "cnn"))
    ['backbone', 'weights', 'input_size', 'precision', 'seen']
    >>> block_choices(Recipe(), "color_vlad")["color"]["fisher"]
    Traceback (most recent call last):
    ...
    KeyError: 'fisher'
    """
    stream, encoding, _ = blocks()[block]
    view = recipe.streams[stream].descriptor
    looks = isinstance(view, NetworkView)
    source = network_choices(recipe) | {"seen": view.seen} if looks else asdict(recipe.image)
    if encoding is None:
        return source
    options = recipe.streams[stream].to_dict()
    for other in recipe.streams[stream].encodings.keys() - {encoding}:
        del options[other]
    return {
        stream: options | source,
        "sample": asdict(recipe.sample),
        "random_state": recipe.random_state,
    }


def network_choices(recipe: Recipe) -> dict[str, Any]:
    """Give what the network itself depends on: of a weights file the content, not the name."""
    network: CnnCells = recipe.streams[CnnCells.name].descriptor
    file = Path(network.weights)
    return asdict(network) | ({"weights": file_sha256(file)} if file.is_file() else {})


def digest(*things: Any) -> str:
    """SHA-256 of plain data: equal exactly where the data are."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()
