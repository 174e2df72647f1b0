"""What blocks depend on, and the names that tell them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from trifuse.encoders.extraction import CNN_BLOCK
from trifuse.features.content import file_sha256
from trifuse.recipes.options import CodebookOptions, FusionOptions
from trifuse.recipes.recipe import Recipe


def with_blocks(recipe: Recipe, blocks: Iterable[str]) -> Recipe:
    """Give the recipe with these blocks alone, all of weight one."""
    return replace(recipe, fusion=FusionOptions(dict.fromkeys(blocks, 1.0)))  # type: ignore[arg-type]


def block_choices(recipe: Recipe, block: str) -> dict[str, Any]:
    """Give every choice of a recipe that a block depends on, as plain data, and no other.

    Examples
    --------
    >>> block_choices(Recipe(), "cnn")
    {'backbone': 'efficientnet-lite0', 'input_size': (300, 400), 'weights': 'default'}
    >>> block_choices(Recipe(), "color_vlad")["color"]["components"]
    Traceback (most recent call last):
    ...
    KeyError: 'components'
    """
    if block == CNN_BLOCK:
        return network_choices(recipe)
    stream, encoding = block.split("_")
    options = asdict(getattr(recipe, stream))
    del options["centers" if encoding == "fisher" else "components"]
    source = network_choices(recipe) if stream == "cnn" else asdict(recipe.image)
    return {
        stream: options | source,
        "sample": asdict(recipe.sample),
        "random_state": recipe.random_state,
    }


def network_choices(recipe: Recipe) -> dict[str, Any]:
    """Give what the network itself depends on: of a weights file the content, not the name."""
    codebook = {field.name for field in fields(CodebookOptions)}
    chosen = {name: value for name, value in asdict(recipe.cnn).items() if name not in codebook}
    file = Path(recipe.cnn.weights)
    return chosen | ({"weights": file_sha256(file)} if file.is_file() else {})


def digest(*things: Any) -> str:
    """SHA-256 of plain data: equal exactly where the data are."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()
